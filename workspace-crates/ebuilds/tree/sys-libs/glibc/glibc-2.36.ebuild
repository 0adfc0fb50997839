EAPI=8

inherit from-dpkg

DESCRIPTION="The GNU C library, as the builder has it"
HOMEPAGE="https://www.gnu.org/software/libc/"
S="${WORKDIR}"

LICENSE="LGPL-2.1+"
SLOT="2.2"
KEYWORDS="amd64"
RESTRICT="strip"

RDEPEND="sys-apps/baselayout"

# Debian has stripped and checked these.
QA_PREBUILT="*"

pkg_setup() {
	from-dpkg_require libc6 "${PV}"
}

src_install() {
	from-dpkg_dolib libc6

	# iconv(3) reads its converters from a path that is compiled in, not from the library's folder.
	local gconv=/usr/lib/x86_64-linux-gnu/gconv
	dodir "${gconv%/*}"
	cp --recursive --no-dereference --preserve=mode,timestamps,links "${gconv}" "${ED}${gconv%/*}/" || die

	insinto /etc
	doins "${FILESDIR}"/nsswitch.conf
	newenvd - 00glibc <<<'LDPATH="/usr/lib64"'
}
