# An example: read it, copy it for your own packages, and remove it.
EAPI=8

DESCRIPTION="Library that reads and writes YAML"
HOMEPAGE="https://pyyaml.org/wiki/LibYAML"
# `cargo xtask manifest REPOSITORY` downloads it and writes its digests into the file Manifest.
SRC_URI="mirror://debian/pool/main/liby/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="MIT"
# Behind the slash: a number that changes with the interface, so that dependents are compiled again.
SLOT="0/2"
# Stable on amd64. Write "~amd64" if images are to ask for it with `package-keywords`.
KEYWORDS="amd64"
IUSE="static-libs"

# Programs of the builder. RDEPEND has the packages that the library needs at run time, DEPEND those that it is compiled against.
BDEPEND="
	dev-build/autoconf
	dev-build/automake
	dev-build/libtool
"

src_prepare() {
	# Applies the patches of PATCHES, and those of `patches` in the workspace's table.
	default
	# The tarball is the tagged tree, without a configure script.
	autoreconf --force --install || die
}

src_configure() {
	# Portage's own configure call: CFLAGS, the folders of the system, and the compiler of ROOT.
	econf $(use_enable static-libs static)
}

src_install() {
	# `make install` into an empty folder, whose files Portage merges.
	default
	find "${ED}" -name '*.la' -delete || die
}
