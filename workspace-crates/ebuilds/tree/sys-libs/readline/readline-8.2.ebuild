EAPI=8

DESCRIPTION="Library for editing command lines"
HOMEPAGE="https://tiswww.case.edu/php/chet/readline/rltop.html"
SRC_URI="mirror://debian/pool/main/r/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-3+"
SLOT="0/8" # soname libreadline.so.8
KEYWORDS="amd64"
IUSE="static-libs"

RDEPEND=">=sys-libs/ncurses-6.4:="
DEPEND="${RDEPEND}"

PATCHES=( "${FILESDIR}/${PV}" )

src_configure() {
	# Without it, the library needs symbols that it does not say where to find.
	local -x bash_cv_termcap_lib=libtinfo
	econf \
		--disable-install-examples \
		--with-curses \
		--with-shared-termcap-library \
		$(use_enable static-libs static)
}

src_install() {
	default
	# Old versions' names of headers and a folder of documents.
	rm -rf "${ED}"/usr/share/{doc,info,man} "${ED}"/usr/bin || die
}
