EAPI=8

DEBIAN_SOURCE="sqlite3"
DEBIAN_REVISION="2+deb12u2"
inherit debian-source

DESCRIPTION="SQL database engine in a library"
HOMEPAGE="https://www.sqlite.org/"

LICENSE="public-domain"
SLOT="3"
KEYWORDS="amd64"
IUSE="+fts5 +rtree secure-delete session static-libs tools"

# Scripts write the one C file that the compiler reads.
BDEPEND="dev-lang/tcl"

# With it, libtool would link the program again when it installs it.
DEBIAN_SKIP=( 32-dynamic_link.patch )

src_configure() {
	# Since 3.38, JSON is always part of it.
	local -x CPPFLAGS="${CPPFLAGS} -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_MATH_FUNCTIONS"
	CPPFLAGS+=" -DSQLITE_ENABLE_UNLOCK_NOTIFY"
	use secure-delete && CPPFLAGS+=" -DSQLITE_SECURE_DELETE"
	use session && CPPFLAGS+=" -DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_ENABLE_SESSION"

	econf \
		--disable-editline \
		--disable-readline \
		--disable-tcl \
		--enable-fts3 \
		--enable-fts4 \
		--enable-load-extension \
		--enable-threadsafe \
		$(use_enable fts5) \
		$(use_enable rtree) \
		$(use_enable static-libs static)
}

src_compile() {
	emake libsqlite3.la $(usev tools sqlite3)
}

src_install() {
	emake DESTDIR="${D}" lib_install
	find "${ED}" -name '*.la' -delete || die
	doheader sqlite3.h src/sqlite3ext.h
	insinto "/usr/$(get_libdir)/pkgconfig"
	doins sqlite3.pc
	if use tools; then
		dodir /usr/bin
		./libtool --mode=install install -m 0755 sqlite3 "${ED}/usr/bin" || die
	fi
}
