EAPI=8

DEBIAN_REVISION="1~deb12u2"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="TLS and cryptography in two libraries"
HOMEPAGE="https://www.openssl.org/"

LICENSE="Apache-2.0"
SLOT="0/3" # sonames libcrypto.so.3 and libssl.so.3
KEYWORDS="amd64"
IUSE="static-libs tools"

# Its build is written in Perl.
BDEPEND="dev-lang/perl"

src_configure() {
	# OpenSSL has a configure script of its own, which refuses econf's options.
	local -x CC="${CHOST}-gcc" AR="${CHOST}-ar" RANLIB="${CHOST}-ranlib"
	local arguments=(
		linux-x86_64
		--prefix="${EPREFIX}/usr"
		--openssldir="${EPREFIX}/etc/ssl"
		--libdir="$(get_libdir)"
		shared
		threads
		enable-ec_nistp_64_gcc_128
		enable-ktls
		no-capieng
		no-idea
		no-mdc2
		no-rc5
		no-ssl3
		no-ssl3-method
		no-tests
		no-zlib
	)
	perl ./Configure "${arguments[@]}" CFLAGS="${CFLAGS}" CPPFLAGS="${CPPFLAGS}" LDFLAGS="${LDFLAGS}" || die
}

src_compile() {
	emake build_generated
	# Upstream compiles each library twice, shared and static. Without the static one, the build takes half of the time.
	emake libcrypto.so libssl.so libcrypto.pc libssl.pc openssl.pc
	emake build_modules
	use static-libs && emake libcrypto.a libssl.a
	use tools && emake apps/openssl
}

src_install() {
	local libdir="/usr/$(get_libdir)" modules
	into /usr
	dolib.so libcrypto.so.3 libssl.so.3
	dosym libcrypto.so.3 "${libdir}/libcrypto.so"
	dosym libssl.so.3 "${libdir}/libssl.so"
	use static-libs && dolib.a libcrypto.a libssl.a
	use tools && dobin apps/openssl

	doheader -r include/openssl
	find "${ED}/usr/include" -name '*.in' -delete || die
	insinto "${libdir}/pkgconfig"
	doins libcrypto.pc libssl.pc openssl.pc

	exeinto "${libdir}/engines-3"
	doexe engines/*.so
	exeinto "${libdir}/ossl-modules"
	doexe providers/*.so

	insinto /etc/ssl
	doins apps/openssl.cnf
}
