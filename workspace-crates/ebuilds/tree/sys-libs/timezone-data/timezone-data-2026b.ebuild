EAPI=8

DEBIAN_SOURCE="tzdata"
DEBIAN_REVISION="0+deb12u1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="The time zone database, as the C library reads it"
HOMEPAGE="https://www.iana.org/time-zones"

LICENSE="public-domain"
SLOT="0"
KEYWORDS="amd64"

# zic, the compiler of zones, is a program of the C library.
BDEPEND="sys-libs/glibc"

src_compile() {
	# Older names of zones become links. Zones keep their data from before 1970.
	local sources=( africa antarctica asia australasia europe northamerica southamerica etcetera factory backward )
	# Some programs cannot read the short form, which describes future years by a rule.
	zic -b fat -d zoneinfo "${sources[@]}" || die
}

src_install() {
	insinto /usr/share
	doins -r zoneinfo
	insinto /usr/share/zoneinfo
	doins iso3166.tab zone.tab zone1970.tab leap-seconds.list
}
