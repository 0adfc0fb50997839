EAPI=8

DEBIAN_SOURCE="libpng1.6"
DEBIAN_REVISION="2+deb12u5"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Reference library for PNG images"
HOMEPAGE="http://www.libpng.org/pub/png/libpng.html"

LICENSE="libpng2"
SLOT="0/16" # soname libpng16.so.16
KEYWORDS="amd64"
IUSE="simd static-libs tools"

RDEPEND=">=sys-libs/zlib-1.2.13:="
DEPEND="${RDEPEND}"

src_configure() {
	econf $(use_enable simd hardware-optimizations) $(use_enable static-libs static)
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
	use tools || rm "${ED}"/usr/bin/{pngfix,png-fix-itxt} || die
}
