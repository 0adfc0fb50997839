EAPI=8

DEBIAN_REVISION="3"
inherit debian-source

DESCRIPTION="The GNU debugger, for programs of this machine"
HOMEPAGE="https://www.sourceware.org/gdb/"

LICENSE="GPL-3+ LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64"
IUSE="server +tui"

RDEPEND="
	>=dev-libs/expat-2.5.0:=
	>=dev-libs/gmp-6.2.1:=
	>=sys-libs/ncurses-6.4:=
	>=sys-libs/readline-8.2:=
	>=sys-libs/zlib-1.2.13:=
"
DEPEND="${RDEPEND}"

src_configure() {
	# Nobody debugs the debugger, and line numbers take a third of the compile time.
	CFLAGS+=" -g0" CXXFLAGS+=" -g0"
	local arguments=(
		# Other programs of the same archive, and libraries that the builder lacks.
		--disable-binutils
		--disable-gas
		--disable-gprof
		--disable-gprofng
		--disable-ld
		--disable-libbacktrace
		--disable-libctf
		--disable-sim
		--disable-install-libbfd
		--disable-install-libiberty

		--disable-nls
		--disable-source-highlight
		--disable-unit-tests
		--disable-werror
		--enable-64-bit-bfd
		--with-curses
		--with-expat=yes
		--with-separate-debug-dir=/usr/lib/debug
		--with-system-readline
		--with-system-zlib
		--without-babeltrace
		--without-debuginfod
		--without-guile
		--without-intel-pt
		--without-lzma
		# MPFR is for floating-point numbers of other machines.
		--without-mpfr
		--without-python
		--without-x
		--without-xxhash
		--without-zstd
		$(use_enable server gdbserver)
		--disable-inprocess-agent
		$(use_enable tui)
	)
	econf "${arguments[@]}"
}

src_compile() {
	# The builder has no makeinfo, and the package needs no manual.
	emake MAKEINFO=true all-gdb $(usev server all-gdbserver)
}

src_install() {
	emake MAKEINFO=true DESTDIR="${D}" install-gdb $(usev server install-gdbserver)
	find "${ED}" \( -name '*.la' -o -name '*.a' \) -delete || die
	rm -rf "${ED}"/usr/include "${ED}"/usr/share/{info,locale,man} "${ED}"/usr/bin/gdb-add-index || die
}
