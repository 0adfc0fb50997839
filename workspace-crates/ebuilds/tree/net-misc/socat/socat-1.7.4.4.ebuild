EAPI=8

DEBIAN_REVISION="2"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Carries bytes between two places: sockets, pipes, programs, files, terminals"
HOMEPAGE="http://www.dest-unreach.org/socat/"

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
