EAPI=8

DEBIAN_REVISION="1+deb12u2"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="XML parser that reads a stream"
HOMEPAGE="https://libexpat.github.io/"

LICENSE="MIT"
SLOT="0/1" # soname libexpat.so.1
KEYWORDS="amd64"
IUSE="static-libs"

BDEPEND="dev-build/cmake"

src_prepare() {
	debian-source_src_prepare
	# The patches compare it with 1, the value that autoconf defines.
	sed -i 's/^#cmakedefine XML_DTD$/& 1/' expat/expat_config.h.cmake || die
}

expat_cmake() {
	local arguments=(
		-S "${S}/expat" -B "${WORKDIR}/$1" -G "Unix Makefiles"
		-DCMAKE_BUILD_TYPE=None
		-DCMAKE_C_COMPILER="${CHOST}-gcc"
		-DCMAKE_C_FLAGS="${CFLAGS} -DNDEBUG"
		-DCMAKE_INSTALL_PREFIX="${EPREFIX}/usr"
		-DCMAKE_INSTALL_LIBDIR="$(get_libdir)"
		-DCMAKE_SKIP_RPATH=ON
		-DCMAKE_VERBOSE_MAKEFILE=ON
		-DEXPAT_BUILD_DOCS=OFF
		-DEXPAT_BUILD_EXAMPLES=OFF
		-DEXPAT_BUILD_TESTS=OFF
		-DEXPAT_BUILD_TOOLS=OFF
		-DEXPAT_SHARED_LIBS=$2
	)
	cmake "${arguments[@]}" || die
}

src_configure() {
	expat_cmake shared ON
	use static-libs && expat_cmake static OFF
}

src_compile() {
	emake -C "${WORKDIR}/shared"
	use static-libs && emake -C "${WORKDIR}/static"
}

src_install() {
	emake -C "${WORKDIR}/shared" DESTDIR="${D}" install
	rm -rf "${ED}"/usr/share/doc || die
	use static-libs && dolib.a "${WORKDIR}/static/libexpat.a"
}
