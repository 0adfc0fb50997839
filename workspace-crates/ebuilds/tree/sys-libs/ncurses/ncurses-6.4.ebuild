EAPI=8

DEBIAN_REVISION="4"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Terminal handling library, and the descriptions of common terminals"
HOMEPAGE="https://invisible-island.net/ncurses/"

LICENSE="MIT"
SLOT="0/6" # sonames libncursesw.so.6 and libtinfo.so.6
KEYWORDS="amd64"
IUSE="static-libs"

# These few of thousands of terminals.
TERMINALS=(
	alacritty ansi dumb foot gnome gnome-256color kitty konsole konsole-256color linux rxvt rxvt-256color
	screen screen-256color st-256color tmux tmux-256color vt100 vt102 vt220 vte vte-256color xterm xterm-256color xterm-color
)

src_prepare() {
	debian-source_src_prepare
	# kitty sets this TERM, which this version does not know yet.
	sed -i 's/^kitty|/kitty|xterm-kitty|/' misc/terminfo.src || die
}

src_configure() {
	local arguments=(
		--disable-stripping
		--enable-overwrite
		--enable-pc-files
		--enable-widec
		--with-default-terminfo-dir=/usr/share/terminfo
		--with-pkg-config-libdir="${EPREFIX}/usr/$(get_libdir)/pkgconfig"
		--with-shared
		--with-termlib=tinfo
		--with-terminfo-dirs=/etc/terminfo:/usr/share/terminfo
		--without-ada
		--without-cxx
		--without-cxx-binding
		--without-debug
		--without-gpm
		--without-manpages
		--without-tests
		$(use_with static-libs normal)
	)
	econf "${arguments[@]}"
}

src_compile() {
	emake libs
	emake -C progs tic
}

src_install() {
	emake DESTDIR="${D}" install.libs install.includes
	# pkg-config has the same data.
	rm -r "${ED}"/usr/bin || die

	# Programs also link the library by its name without wide characters.
	local name
	for name in curses ncurses; do
		dosym libncursesw.so "/usr/$(get_libdir)/lib${name}.so"
	done
	dosym ncursesw.pc "/usr/$(get_libdir)/pkgconfig/ncurses.pc"

	local terminals
	printf -v terminals '%s,' "${TERMINALS[@]}"
	dodir /usr/share/terminfo
	LD_LIBRARY_PATH="${S}/lib" progs/tic -s -x -e "${terminals%,}" -o "${ED}/usr/share/terminfo" misc/terminfo.src || die
}
