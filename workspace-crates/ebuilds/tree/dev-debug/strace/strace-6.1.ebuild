EAPI=8

DESCRIPTION="Shows the system calls of a process"
HOMEPAGE="https://strace.io/"
SRC_URI="mirror://debian/pool/main/s/${PN}/${PN}_${PV}.orig.tar.xz"

LICENSE="LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64"

src_configure() {
	# Programs of other ABIs than the one that there is cannot run.
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
