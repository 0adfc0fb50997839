EAPI=8

DESCRIPTION="Regular expressions over many character encodings"
HOMEPAGE="https://github.com/kkos/oniguruma"
SRC_URI="mirror://debian/pool/main/libo/libonig/libonig_${PV}.orig.tar.gz"

LICENSE="BSD-2"
SLOT="0/5" # soname libonig.so.5
KEYWORDS="amd64"
IUSE="static-libs"

# Debian's tarball is the tagged tree, without a configure script.
BDEPEND="
	dev-build/autoconf
	dev-build/automake
	dev-build/libtool
"

src_prepare() {
	default
	autoreconf --force --install || die
}

src_configure() {
	econf $(use_enable static-libs static)
}

src_install() {
	emake -C src DESTDIR="${D}" install
	insinto "/usr/$(get_libdir)/pkgconfig"
	doins oniguruma.pc
	find "${ED}" -name '*.la' -delete || die
}
