EAPI=8

DESCRIPTION="The time zone database, as the C library reads it"
HOMEPAGE="https://www.iana.org/time-zones"
SRC_URI="mirror://debian/pool/main/t/tzdata/tzdata_${PV}.orig.tar.gz"
S="${WORKDIR}"

LICENSE="public-domain"
SLOT="0"
KEYWORDS="amd64"

# zic, the compiler of zones, is a program of the C library.
BDEPEND="sys-libs/glibc"

src_compile() {
	# Zones under their older names are links to them; what was before 1970 stays with the zones that have it.
	local sources=( africa antarctica asia australasia europe northamerica southamerica etcetera factory backward )
	# Not each program reads the short form, which leaves the years to come to a rule.
	zic -b fat -d zoneinfo "${sources[@]}" || die
}

src_install() {
	insinto /usr/share
	doins -r zoneinfo
	insinto /usr/share/zoneinfo
	doins iso3166.tab zone.tab zone1970.tab leap-seconds.list
}
