EAPI=8

DESCRIPTION="Compression library of the deflate format"
HOMEPAGE="https://zlib.net/"
SRC_URI="mirror://debian/pool/main/z/${PN}/${PN}_${PV}.dfsg.orig.tar.bz2"
S="${WORKDIR}/${P}.dfsg"

LICENSE="ZLIB"
SLOT="0/1" # soname libz.so.1
KEYWORDS="amd64"
IUSE="static-libs"

src_configure() {
	# Not made by autoconf: econf's options are unknown to it.
	local -x CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib"
	./configure --shared --prefix="${EPREFIX}/usr" --libdir="${EPREFIX}/usr/$(get_libdir)" || die
}

src_install() {
	default
	use static-libs || rm "${ED}/usr/$(get_libdir)/libz.a" || die
}
