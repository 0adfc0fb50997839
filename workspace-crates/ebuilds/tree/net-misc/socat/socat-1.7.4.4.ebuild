EAPI=8

DESCRIPTION="Carries bytes between two places: sockets, pipes, programs, files, terminals"
HOMEPAGE="http://www.dest-unreach.org/socat/"
SRC_URI="mirror://debian/pool/main/s/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="GPL-2"
SLOT="0"
KEYWORDS="amd64"

src_configure() {
	econf \
		--disable-fips \
		--disable-libwrap \
		--disable-openssl \
		--disable-readline
}

src_compile() {
	emake socat
}

src_install() {
	dobin socat
}
