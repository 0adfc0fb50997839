EAPI=8

DEBIAN_REVISION="2"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="The GNU Bourne-Again shell"
HOMEPAGE="https://tiswww.case.edu/php/chet/bash/bashtop.html"

LICENSE="GPL-3+"
SLOT="0"
KEYWORDS="amd64"
IUSE="+readline"

DEPEND="
	>=sys-libs/ncurses-6.4:=
	readline? ( >=sys-libs/readline-8.2:= )
"
# Both install /usr/bin/sh.
RDEPEND="
	${DEPEND}
	!sys-apps/busybox[-bash(+)]
"

src_configure() {
	local -x bash_cv_termcap_lib=libtinfo
	econf \
		--disable-nls \
		--with-curses \
		--without-bash-malloc \
		$(use_enable readline) \
		$(use_enable readline bang-history) \
		$(use_enable readline history) \
		$(use_enable readline progcomp) \
		$(use_with readline installed-readline "${EPREFIX}/usr")
}

src_compile() {
	emake bash
}

src_install() {
	dobin bash
	dosym bash /usr/bin/sh
}
