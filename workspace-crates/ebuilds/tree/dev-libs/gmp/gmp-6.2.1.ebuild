EAPI=8

DEBIAN_UPSTREAM="${PV}+dfsg1"
DEBIAN_REVISION="1.1"
inherit debian-source

DESCRIPTION="Library for arithmetic on numbers of any size"
HOMEPAGE="https://gmplib.org/"

LICENSE="|| ( LGPL-3+ GPL-2+ )"
SLOT="0/10" # soname libgmp.so.10
KEYWORDS="amd64"
IUSE="static-libs"

BDEPEND="sys-devel/m4"

src_prepare() {
	debian-source_src_prepare
	# Debian removes the manual because of its licence; the Makefiles still enter its folder.
	mkdir doc || die
	printf 'all check install:\n' >doc/Makefile.in || die
}

src_configure() {
	# econf names the processor, so GMP does not detect the builder's. GMP and Portage name the ABI differently.
	econf ABI=64 --disable-cxx --enable-shared $(use_enable static-libs static)
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
