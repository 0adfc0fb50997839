EAPI=8

DESCRIPTION="Codec of the WebP image format"
HOMEPAGE="https://developers.google.com/speed/webp"
SRC_URI="mirror://debian/pool/main/libw/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="BSD"
SLOT="0/7" # soname libwebp.so.7
KEYWORDS="amd64"
IUSE="static-libs"

# Debian's, for CVE-2023-4863 and an alpha plane that was not cleared.
PATCHES=( "${FILESDIR}/${PV}" )

src_configure() {
	local arguments=(
		# Animations and metadata are read by libraries of their own.
		--disable-libwebpdecoder
		--disable-libwebpdemux
		--disable-libwebpmux
		# Of the programs, which are not built.
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
