EAPI=8

DEBIAN_REVISION="1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Library for capturing packets of a network"
HOMEPAGE="https://www.tcpdump.org/"

LICENSE="BSD"
SLOT="0/1" # soname libpcap.so.1
KEYWORDS="amd64"
IUSE="static-libs"

BDEPEND="
	sys-devel/bison
	sys-devel/flex
"

# The patch gives the library Debian's soname, libpcap.so.0.8.
DEBIAN_SKIP=( shared-lib.diff )

src_configure() {
	econf \
		--disable-bluetooth \
		--disable-dbus \
		--disable-netmap \
		--disable-rdma \
		--disable-remote \
		--disable-usb \
		--enable-ipv6 \
		--enable-shared \
		--with-pcap=linux \
		--without-dag \
		--without-dpdk \
		--without-libnl \
		--without-septel \
		--without-snf \
		--without-turbocap
}

src_compile() {
	emake libpcap.so $(usev static-libs libpcap.a) libpcap.pc pcap-config
}

src_install() {
	emake DESTDIR="${D}" install-shared
	use static-libs && dolib.a libpcap.a
	doheader pcap.h pcap-bpf.h pcap-namedb.h
	doheader -r pcap
	insinto "/usr/$(get_libdir)/pkgconfig"
	doins libpcap.pc
}
