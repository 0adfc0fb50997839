EAPI=8

inherit from-dpkg

DESCRIPTION="Mozilla's root certificates in one bundle, as the builder has them"
HOMEPAGE="https://wiki.mozilla.org/CA"
S="${WORKDIR}"

LICENSE="MPL-2.0"
SLOT="0"
KEYWORDS="amd64"

pkg_setup() {
	from-dpkg_require ca-certificates "${PV}"
}

src_install() {
	# The builder's own bundle may contain certificates that a user added; the package has those of the release.
	local certificates certificate
	# Outside of this folder the package has an example without a certificate in it: readers would refuse the whole bundle.
	mapfile -t certificates < <(dpkg-query --listfiles ca-certificates | grep '^/usr/share/ca-certificates/.*\.crt$' | LC_ALL=C sort)
	[[ ${#certificates[@]} -gt 100 ]] || die "ca-certificates has only ${#certificates[@]} certificates"
	for certificate in "${certificates[@]}"; do
		sed '1{/^-----BEGIN CERTIFICATE-----$/!q1;d};${/^-----END CERTIFICATE-----$/!q1;d}' "${certificate}" | base64 --decode >/dev/null
		assert "${certificate} is no certificate in PEM"
	done
	insinto /etc/ssl/certs
	awk 1 "${certificates[@]}" | newins - ca-certificates.crt
	# OpenSSL reads this path by default.
	dosym certs/ca-certificates.crt /etc/ssl/cert.pem
}
