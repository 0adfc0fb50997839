EAPI=8

DEBIAN_REVISION="0.1"
inherit debian-source

DESCRIPTION="Shows the system calls of a process"
HOMEPAGE="https://strace.io/"

LICENSE="LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64"

src_prepare() {
	debian-source_src_prepare
	# Since 2.41, glibc's <sched.h> defines a structure of the same name.
	sed -i 's/struct sched_attr/struct strace_sched_attr/' src/sched.c src/sched_attr.h || die
}

src_configure() {
	# The builder runs programs of one ABI only.
	econf \
		--disable-dependency-tracking \
		--disable-gcc-Werror \
		--enable-bundled=yes \
		--enable-mpers=no \
		--enable-stacktrace=no \
		--without-libdw \
		--without-libiberty \
		--without-libselinux \
		--without-libunwind
}

src_compile() {
	emake -C bundled
	emake -C src
}

src_install() {
	dobin src/strace
}
