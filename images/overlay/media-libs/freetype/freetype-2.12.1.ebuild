EAPI=8

DEBIAN_UPSTREAM="${PV}+dfsg"
DEBIAN_REVISION="5+deb12u4"
DEBIAN_COMPONENTS="ft2demos.tar.xz"
inherit debian-source

DESCRIPTION="Renders the glyphs of fonts"
HOMEPAGE="https://freetype.org/"

LICENSE="|| ( FTL GPL-2+ )"
SLOT="2/6" # soname libfreetype.so.6
KEYWORDS="amd64"
IUSE="png static-libs"

RDEPEND="
	>=sys-libs/zlib-1.2.13:=
	png? ( >=media-libs/libpng-1.6.39:= )
"
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

# They change the documentation, which is in another archive.
DEBIAN_SKIP=( hide-donations-information.patch no-web-fonts.patch )

src_configure() {
	local arguments=(
		--enable-shared
		--with-zlib=yes
		--without-brotli
		--without-bzip2
		--without-harfbuzz
		--without-librsvg
		$(use_with png)
		$(use_enable static-libs static)
	)
	econf "${arguments[@]}"
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
