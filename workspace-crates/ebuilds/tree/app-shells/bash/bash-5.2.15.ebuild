EAPI=8

DESCRIPTION="The GNU Bourne-Again shell"
HOMEPAGE="https://tiswww.case.edu/php/chet/bash/bashtop.html"
SRC_URI="mirror://debian/pool/main/b/${PN}/${PN}_${PV}.orig.tar.gz"

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

src_prepare() {
	default
	# As new as what they are made of, or bison is asked for.
	touch -r parse.y y.tab.c y.tab.h || die
}

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
