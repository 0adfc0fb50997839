EAPI=8

DESCRIPTION="Shows and records packets of a network"
HOMEPAGE="https://www.tcpdump.org/"
SRC_URI="mirror://debian/pool/main/t/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="BSD"
SLOT="0"
KEYWORDS="amd64"

RDEPEND=">=net-libs/libpcap-1.10.3:="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

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
