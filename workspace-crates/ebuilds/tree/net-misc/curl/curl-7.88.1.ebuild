EAPI=8

DEBIAN_REVISION="10+deb12u15"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Program and library for transfers by HTTP"
HOMEPAGE="https://curl.se/"

LICENSE="curl"
SLOT="0/4" # soname libcurl.so.4
KEYWORDS="amd64"
IUSE="static-libs"

RDEPEND=">=sys-libs/zlib-1.2.13:="
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

# They rename the library: Debian applies each to a copy of the tree that it builds with another TLS library.
DEBIAN_SKIP=( 90_gnutls.patch 99_nss.patch )

src_configure() {
	local arguments=(
		# HTTP and file:// stay.
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
