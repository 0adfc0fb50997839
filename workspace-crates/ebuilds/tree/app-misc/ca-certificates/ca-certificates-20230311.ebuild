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
	# The builder's own bundle may have what somebody added there; the package's certificates are those of the release.
	local certificates
	mapfile -t certificates < <(dpkg-query --listfiles ca-certificates | grep '\.crt$' | LC_ALL=C sort)
	[[ ${#certificates[@]} -gt 100 ]] || die "ca-certificates has only ${#certificates[@]} certificates"
	insinto /etc/ssl/certs
	awk 1 "${certificates[@]}" | newins - ca-certificates.crt
	# What OpenSSL looks for where nobody names a file.
	dosym certs/ca-certificates.crt /etc/ssl/cert.pem
}
