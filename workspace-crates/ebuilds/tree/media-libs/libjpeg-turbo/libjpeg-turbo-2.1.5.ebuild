EAPI=8

DESCRIPTION="JPEG codec with SIMD instructions, and its TurboJPEG interface"
HOMEPAGE="https://libjpeg-turbo.org/"
SRC_URI="mirror://debian/pool/main/libj/${PN}/${PN}_${PV}.orig.tar.gz"

LICENSE="BSD IJG ZLIB"
SLOT="0/0.2" # sonames libturbojpeg.so.0 and libjpeg.so.62
KEYWORDS="amd64"
IUSE="static-libs tools"

BDEPEND="
	dev-build/cmake
	dev-lang/nasm
"

PATCHES=( "${FILESDIR}/${PV}" )

src_configure() {
	local arguments=(
		-S "${S}" -B "${WORKDIR}/build" -G "Unix Makefiles"
		# No build type: the flags are make.conf's alone.
		-DCMAKE_BUILD_TYPE=None
		-DCMAKE_C_COMPILER="${CHOST}-gcc"
		-DCMAKE_C_FLAGS="${CFLAGS} -DNDEBUG"
		-DCMAKE_INSTALL_PREFIX="${EPREFIX}/usr"
		-DCMAKE_INSTALL_LIBDIR="${EPREFIX}/usr/$(get_libdir)"
		-DCMAKE_SKIP_RPATH=ON
		-DCMAKE_VERBOSE_MAKEFILE=ON
		# Else the date of the build enters the library.
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
