EAPI=8

DEBIAN_SOURCE="libonig"
DEBIAN_REVISION="1"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Regular expressions over many character encodings"
HOMEPAGE="https://github.com/kkos/oniguruma"

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
	debian-source_src_prepare
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
