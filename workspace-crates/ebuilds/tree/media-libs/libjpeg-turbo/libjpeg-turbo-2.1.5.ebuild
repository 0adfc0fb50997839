EAPI=8

DEBIAN_REVISION="2"
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="JPEG codec with SIMD instructions, and its TurboJPEG interface"
HOMEPAGE="https://libjpeg-turbo.org/"

LICENSE="BSD IJG ZLIB"
SLOT="0/0.2" # sonames libturbojpeg.so.0 and libjpeg.so.62
KEYWORDS="amd64"
IUSE="static-libs tools"

BDEPEND="
	dev-build/cmake
	dev-lang/nasm
"

src_configure() {
	local arguments=(
		-S "${S}" -B "${WORKDIR}/build" -G "Unix Makefiles"
		# Without a build type, cmake adds no flags to make.conf's.
		-DCMAKE_BUILD_TYPE=None
		-DCMAKE_C_COMPILER="${CHOST}-gcc"
		-DCMAKE_C_FLAGS="${CFLAGS} -DNDEBUG"
		-DCMAKE_INSTALL_PREFIX="${EPREFIX}/usr"
		-DCMAKE_INSTALL_LIBDIR="${EPREFIX}/usr/$(get_libdir)"
		-DCMAKE_SKIP_RPATH=ON
		-DCMAKE_VERBOSE_MAKEFILE=ON
		# Without this, the library contains the date of its build.
		-DBUILD="${PV}"
		-DENABLE_SHARED=ON
		-DENABLE_STATIC=$(usex static-libs ON OFF)
		-DREQUIRE_SIMD=ON
		-DWITH_JAVA=OFF
		-DWITH_TURBOJPEG=ON
	)
	cmake "${arguments[@]}" || die
}

src_compile() {
	emake -C "${WORKDIR}/build"
}

src_install() {
	emake -C "${WORKDIR}/build" DESTDIR="${D}" install
	rm -r "${ED}"/usr/share/doc || die
	use tools || rm -r "${ED}"/usr/bin "${ED}"/usr/share/man/man1 || die
}
