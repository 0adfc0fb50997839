EAPI=8

DESCRIPTION="Program and library for transfers by HTTP"
HOMEPAGE="https://curl.se/"
SRC_URI="mirror://debian/pool/main/c/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="curl"
SLOT="0/4" # soname libcurl.so.4
KEYWORDS="amd64"
IUSE="static-libs"

RDEPEND=">=sys-libs/zlib-1.2.13:="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

# Debian's backports of upstream's security fixes, and of what these are on top of, less their changes of the tests and the
# documents.
PATCHES=( "${FILESDIR}/${PV}" )

src_configure() {
	local arguments=(
		# What stays besides HTTP is file://.
		--disable-dict
		--disable-ftp
		--disable-gopher
		--disable-imap
		--disable-ldap
		--disable-ldaps
		--disable-mqtt
		--disable-ntlm
		--disable-pop3
		--disable-rtsp
		--disable-smb
		--disable-smtp
		--disable-telnet
		--disable-tftp

		--disable-ares
		--disable-manual
		--enable-ipv6
		--enable-threaded-resolver
		--with-zlib
		--without-brotli
		--without-libgsasl
		--without-libidn2
		--without-libpsl
		--without-librtmp
		--without-libssh
		--without-libssh2
		--without-nghttp2
		--without-ssl
		--without-zstd
		$(use_enable static-libs static)
	)
	econf "${arguments[@]}"
}

src_compile() {
	emake -C lib
	emake -C src
}

src_install() {
	emake -C lib DESTDIR="${D}" install
	emake -C src DESTDIR="${D}" install
	emake -C include DESTDIR="${D}" install
	insinto "/usr/$(get_libdir)/pkgconfig"
	doins libcurl.pc
	find "${ED}" -name '*.la' -delete || die
}
