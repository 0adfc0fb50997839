EAPI=8

DEBIAN_REVISION="1.3"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Library for editing command lines"
HOMEPAGE="https://tiswww.case.edu/php/chet/readline/rltop.html"

LICENSE="GPL-3+"
SLOT="0/8" # soname libreadline.so.8
KEYWORDS="amd64"
IUSE="static-libs"

RDEPEND=">=sys-libs/ncurses-6.4:="
DEPEND="${RDEPEND}"

src_configure() {
	# Without it, the library needs symbols of a library that is not in its NEEDED.
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
