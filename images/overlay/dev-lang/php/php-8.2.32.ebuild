EAPI=8

DEBIAN_SOURCE="${PN}8.2"
# Debian ships the fixes of upstream as new versions; its patches are about its own packages.
DEBIAN_REVISION=""
inherit debian-source

DESCRIPTION="The PHP language, as a program for the command line"
HOMEPAGE="https://www.php.net/"

# The bundled libraries have their own licences: PCRE2 (BSD), timelib (MIT), libgd and libmbfl.
LICENSE="PHP-3.01 Zend-2.0 BSD MIT gd? ( gd ) mbstring? ( LGPL-2.1 )"
SLOT="8.2"
KEYWORDS="amd64"
IUSE="+ctype +filter gd iconv jit jpeg mbstring opcache pdo +posix readline +session sqlite +tokenizer truetype webp zlib"
# Formats of images, and TrueType, are options of gd; the compiler at run time is one of opcache.
REQUIRED_USE="
	jit? ( opcache )
	jpeg? ( gd )
	truetype? ( gd )
	webp? ( gd )
"

RDEPEND="
	gd? (
		>=media-libs/libpng-1.6.39:=
		>=sys-libs/zlib-1.2.13:=
	)
	jpeg? ( >=media-libs/libjpeg-turbo-2.1.5:= )
	mbstring? ( >=dev-libs/oniguruma-6.9.8:= )
	readline? (
		>=sys-libs/ncurses-6.4:=
		>=sys-libs/readline-8.2:=
	)
	sqlite? ( >=dev-db/sqlite-3.40.1:3= )
	truetype? ( >=media-libs/freetype-2.12.1:2= )
	webp? ( >=media-libs/libwebp-1.2.4:= )
	zlib? ( >=sys-libs/zlib-1.2.13:= )
"
DEPEND="${RDEPEND}"
BDEPEND="dev-util/pkgconf"

# With opcache, which is a shared object, PHP's build compiles every file twice; without, once.
src_configure() {
	# Backtraces need names and lines only; the values of variables take a fourth of the compile time.
	CFLAGS+=" -g1"

	local home="${EPREFIX}/usr/$(get_libdir)/php${SLOT}"
	# Without this, the program contains the builder's host name.
	local -x PHP_UNAME="Linux" EXTENSION_DIR="${home}/extensions"
	# Without sendmail, mail() returns an error.
	local -x PROG_SENDMAIL="${EPREFIX}/usr/sbin/sendmail"

	local arguments=(
		--disable-all
		--disable-cgi
		--disable-phpdbg
		--disable-rpath
		--without-pear

		# Files for phpize go to the extensions' folder; other libraries are at their usual places.
		--libdir="${home}"
		--with-libdir="$(get_libdir)"
		--with-config-file-path="${EPREFIX}/etc/php"
		--with-config-file-scan-dir="${EPREFIX}/etc/php/conf.d"

		$(use_enable ctype)
		$(use_enable filter)
		$(use_enable gd)
		$(use_with jpeg)
		$(use_with truetype freetype)
		$(use_with webp)
		$(use_with iconv)
		$(use_enable mbstring)
		$(use_enable opcache)
		$(use_enable jit opcache-jit)
		$(use_enable pdo)
		$(use_enable posix)
		$(use_with readline)
		$(use_enable session)
		$(use_with sqlite sqlite3)
		$(use_enable tokenizer)
		$(use_with zlib)
	)
	use pdo && arguments+=( $(use_with sqlite pdo-sqlite) )
	econf "${arguments[@]}"
}

src_install() {
	emake INSTALL_ROOT="${D}" install
	insinto /etc/php
	newins php.ini-production php.ini
	if use opcache; then
		insinto /etc/php/conf.d
		newins - opcache.ini <<-EOF
			zend_extension=opcache
		EOF
	fi
}
