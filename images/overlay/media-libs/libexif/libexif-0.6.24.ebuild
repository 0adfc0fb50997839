EAPI=8

DESCRIPTION="Reads and writes the EXIF tags of photographs"
HOMEPAGE="https://libexif.github.io/"
SRC_URI="mirror://debian/pool/main/libe/${PN}/${PN}_${PV}.orig.tar.gz"
S="${WORKDIR}/${PN}-${PN}-${PV//./_}-release"

LICENSE="LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64"
IUSE="static-libs"

# Debian's tarball is the tagged tree, without a configure script.
BDEPEND="
	dev-build/autoconf
	dev-build/automake
	dev-build/libtool
	sys-devel/gettext
"

PATCHES=( "${FILESDIR}/${PV}" )

src_prepare() {
	default
	autoreconf --force --install || die
}

src_configure() {
	econf \
		--disable-docs \
		--disable-nls \
		$(use_enable static-libs static)
}

src_install() {
	default
	find "${ED}" -name '*.la' -delete || die
}
