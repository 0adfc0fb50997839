EAPI=8

DEBIAN_REVISION="0.2+deb12u1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Codec of the WebP image format"
HOMEPAGE="https://developers.google.com/speed/webp"

LICENSE="BSD"
SLOT="0/7" # soname libwebp.so.7
KEYWORDS="amd64"
IUSE="static-libs"

src_configure() {
	local arguments=(
		# Separate libraries read animations and metadata.
		--disable-libwebpdecoder
		--disable-libwebpdemux
		--disable-libwebpmux
		# Only the programs need these, and the package does not build them.
		--disable-gif
		--disable-gl
		--disable-jpeg
		--disable-png
		--disable-sdl
		--disable-tiff
		$(use_enable static-libs static)
	)
	econf "${arguments[@]}"
}

src_compile() {
	emake -C sharpyuv
	emake -C src
}

src_install() {
	emake -C src DESTDIR="${D}" install
	find "${ED}" -name '*.la' -delete || die
}
