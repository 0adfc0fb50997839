EAPI=8

DEBIAN_REVISION="3"
inherit debian-source

DESCRIPTION="Shows processes and memory: ps, top, pgrep, pmap, vmstat and others"
HOMEPAGE="https://gitlab.com/procps-ng/procps"

LICENSE="GPL-2+ LGPL-2.1+"
SLOT="0/0" # soname libproc2.so.0
KEYWORDS="amd64"
IUSE="static-libs"

DEPEND=">=sys-libs/ncurses-6.4:="
BDEPEND="dev-util/pkgconf"
# Both install /usr/bin/ps and others.
RDEPEND="
	${DEPEND}
	!sys-apps/busybox[-procps(+)]
"

src_configure() {
	# top loads NUMA's library at run time if it exists.
	econf \
		--disable-kill \
		--disable-nls \
		--disable-numa \
		--with-ncurses \
		--without-elogind \
		--without-systemd \
		$(use_enable static-libs static)
}

src_install() {
	# Some go to /bin, the others to /usr/bin: here that is one folder.
	emake DESTDIR="${D}" bindir="${EPREFIX}/usr/bin" sbindir="${EPREFIX}/usr/sbin" install
	find "${ED}" -name '*.la' -delete || die
	rm -r "${ED}"/usr/share || die
}
