EAPI=8

DEBIAN_UPSTREAM="${PV}.dfsg"
DEBIAN_REVISION="1"
DEBIAN_ORIG="tar.bz2"
inherit debian-source

DESCRIPTION="Compression library of the deflate format"
HOMEPAGE="https://zlib.net/"

LICENSE="ZLIB"
SLOT="0/1" # soname libz.so.1
KEYWORDS="amd64"
IUSE="static-libs"

src_configure() {
	# Autoconf did not make this script; it refuses econf's options.
	local -x CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib"
	./configure --shared --prefix="${EPREFIX}/usr" --libdir="${EPREFIX}/usr/$(get_libdir)" || die
}

src_install() {
	default
	use static-libs || rm "${ED}/usr/$(get_libdir)/libz.a" || die
}
