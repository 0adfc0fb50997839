EAPI=8

DESCRIPTION="Renders the glyphs of fonts"
HOMEPAGE="https://freetype.org/"
SRC_URI="mirror://debian/pool/main/f/${PN}/${PN}_${PV}+dfsg.orig.tar.xz"

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

# Debian's, of which one switches off what is unfinished in this version; less those of its other tarballs.
PATCHES=( "${FILESDIR}/${PV}" )

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
