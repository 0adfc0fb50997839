EAPI=8

DESCRIPTION="Reference library for PNG images"
HOMEPAGE="http://www.libpng.org/pub/png/libpng.html"
SRC_URI="mirror://debian/pool/main/libp/libpng1.6/libpng1.6_${PV}.orig.tar.gz"

LICENSE="libpng2"
SLOT="0/16" # soname libpng16.so.16
KEYWORDS="amd64"
IUSE="apng static-libs tools"

RDEPEND=">=sys-libs/zlib-1.2.13:="
DEPEND="${RDEPEND}"

src_prepare() {
	# Debian carries both: the patch of the libpng-apng project, and upstream's security fixes for this version (here less
	# their changes of the test suite).
	use apng && eapply "${FILESDIR}/${P}-apng.patch"
	eapply "${FILESDIR}/${PV}"
	default
}

src_configure() {
	econf $(use_enable static-libs static)
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
	use tools || rm "${ED}"/usr/bin/{pngfix,png-fix-itxt} || die
}
