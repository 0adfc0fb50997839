EAPI=8

DEBIAN_REVISION="3"
inherit debian-source

DESCRIPTION="Shows and changes addresses, links and routes (ip), and shows sockets (ss)"
HOMEPAGE="https://wiki.linuxfoundation.org/networking/iproute2"

LICENSE="GPL-2"
SLOT="0"
KEYWORDS="amd64"

BDEPEND="sys-devel/bison"
# Both install /usr/sbin/ip.
RDEPEND="!sys-apps/busybox[-iproute2(+)]"

src_configure() {
	# Autoconf did not make this script. Only traffic control and BPF use the libraries that it finds by pkg-config.
	PKG_CONFIG=false CC="${CHOST}-gcc" AR="${CHOST}-ar" YACC="bison -y" ./configure \
		--include_dir="${S}/include" \
		--libbpf_force=off \
		--libdir="${EPREFIX}/usr/$(get_libdir)" \
		--prefix="${EPREFIX}/usr" || die
}

src_compile() {
	# The linker's flags come from the environment, so that a Makefile may add to them.
	emake V=1 CC="${CHOST}-gcc" CCOPTS="${CFLAGS}" SUBDIRS="lib bridge ip misc"
}

src_install() {
	dosbin ip/ip misc/ss bridge/bridge
	insinto /etc/iproute2
	doins etc/iproute2/{group,nl_protos,rt_dsfield,rt_protos,rt_realms,rt_scopes,rt_tables}
}
