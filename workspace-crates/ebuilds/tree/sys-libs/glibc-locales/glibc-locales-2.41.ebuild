EAPI=8

DESCRIPTION="Locales of the GNU C library: those that the variable LOCALES names"
HOMEPAGE="https://www.gnu.org/software/libc/"
SRC_URI="mirror://debian/pool/main/g/glibc/glibc_${PV}.orig.tar.xz"

LICENSE="LGPL-2.1+"
SLOT="0"
KEYWORDS="amd64"

# localedef compiles locales. It is part of the same library, so this version reads its output.
BDEPEND="~sys-libs/glibc-${PV}"
RDEPEND="~sys-libs/glibc-${PV}"

S="${WORKDIR}/glibc-${PV}/localedata"

src_unpack() {
	tar -xf "${DISTDIR}/${A}" "glibc-${PV}/localedata/"{locales,charmaps} || die
}

# Compiles one locale: language[_TERRITORY][.CHARSET][@MODIFIER], as de_DE.UTF-8 or de_DE.ISO-8859-15@euro.
compile_locale() {
	[[ $1 =~ ^([a-zA-Z_]+)(\.([A-Za-z0-9_-]+))?(@([a-z]+))?$ ]] || die "LOCALES: '$1' is no locale"
	local source="${BASH_REMATCH[1]}${BASH_REMATCH[4]}" charset="${BASH_REMATCH[3]:-UTF-8}"
	[[ -f locales/${source} ]] || die "LOCALES: there is no locale '${source}'"
	[[ -f charmaps/${charset} ]] || die "LOCALES: there is no character set '${charset}'"
	local to="${ED}/usr/lib/locale/$1"
	# Warnings of the locales' own sources have the exit code 1.
	I18NPATH="${S}" localedef --no-archive --charmap="${charset}" --inputfile="${source}" "${to}"
	[[ $? -le 1 && -f ${to}/LC_CTYPE ]] || die "LOCALES: '$1' could not be compiled"
}

src_install() {
	local name
	[[ -n ${LOCALES} ]] || die "LOCALES names no locale"
	dodir /usr/lib/locale
	for name in ${LOCALES}; do
		compile_locale "${name}"
	done
}
