EAPI=8

DEBIAN_REVISION="1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Shows and records packets of a network"
HOMEPAGE="https://www.tcpdump.org/"

LICENSE="BSD"
SLOT="0"
KEYWORDS="amd64"

RDEPEND=">=net-libs/libpcap-1.10.3:="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

# These drop root for a user that only Debian's package creates; without it, `tcpdump -w` crashes.
DEBIAN_SKIP=( drop-privs-after-opening-savefile.diff drop-privs-silently.diff )

src_configure() {
	econf \
		--disable-local-libpcap \
		--disable-smb \
		--without-cap-ng \
		--without-crypto \
		--without-sandbox-capsicum \
		--without-smi
}

src_install() {
	dosbin tcpdump
}
