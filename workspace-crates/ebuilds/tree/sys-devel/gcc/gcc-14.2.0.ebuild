EAPI=8

inherit from-dpkg

DESCRIPTION="Runtime libraries of the GNU compilers, as the builder has them"
HOMEPAGE="https://gcc.gnu.org/"
S="${WORKDIR}"

LICENSE="GPL-3+ gcc-runtime-library-exception-3.1"
SLOT="14"
KEYWORDS="amd64"
RESTRICT="strip"

RDEPEND="sys-libs/glibc"

# Debian has stripped and checked these.
QA_PREBUILT="*"

pkg_setup() {
	from-dpkg_require libgcc-s1 "${PV}"
}

src_install() {
	from-dpkg_dolib libgcc-s1 libstdc++6 libatomic1 libgomp1
}
