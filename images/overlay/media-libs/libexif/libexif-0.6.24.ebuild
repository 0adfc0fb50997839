EAPI=8

DEBIAN_REVISION="1+deb12u1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Reads and writes the EXIF tags of photographs"
HOMEPAGE="https://libexif.github.io/"

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

src_prepare() {
	debian-source_src_prepare
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
