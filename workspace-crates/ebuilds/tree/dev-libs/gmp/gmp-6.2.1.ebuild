EAPI=8

DESCRIPTION="Library for arithmetic on numbers of any size"
HOMEPAGE="https://gmplib.org/"
SRC_URI="mirror://debian/pool/main/g/${PN}/${PN}_${PV}+dfsg1.orig.tar.xz"

LICENSE="|| ( LGPL-3+ GPL-2+ )"
SLOT="0/10" # soname libgmp.so.10
KEYWORDS="amd64"
IUSE="static-libs"

BDEPEND="sys-devel/m4"

PATCHES=( "${FILESDIR}/${PV}" )

src_prepare() {
	default
	# Debian has taken the manual out, whose licence it holds for unfree; the Makefiles still go into its folder.
	mkdir doc || die
	printf 'all check install:\n' >doc/Makefile.in || die
}

src_configure() {
	# econf names the processor, so that nothing is made for the one that compiles. Portage's name of the ABI is not GMP's.
	econf ABI=64 --disable-cxx --enable-shared $(use_enable static-libs static)
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
