EAPI=8

# Debian has no patches.
DEBIAN_REVISION=""
DEBIAN_ORIG="tar.gz"
inherit debian-source

DESCRIPTION="Shows what ELF files are and need (scanelf, dumpelf, lddtree)"
HOMEPAGE="https://wiki.gentoo.org/wiki/Hardened/PaX_Utilities"

LICENSE="GPL-2"
SLOT="0"
KEYWORDS="amd64"

# lddtree is a script.
RDEPEND="
	app-shells/bash
	|| ( sys-apps/sed sys-apps/busybox )
"

PATCHES=( "${FILESDIR}/${PV}" )

# Upstream builds with meson, which these few files do not need.
src_configure() {
	printf '#define HAVE_%s 1\n' ENDIAN_H BYTESWAP_H LINUX_SECUREBITS_H SYS_PRCTL_H GLOB_H >config.h || die
}

src_compile() {
	local program
	for program in scanelf dumpelf; do
		"${CHOST}-gcc" ${CPPFLAGS} ${CFLAGS} -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION="\"${PV}\"" \
			${LDFLAGS} -o ${program} ${program}.c paxelf.c paxinc.c paxldso.c security.c xfuncs.c || die
	done
}

src_install() {
	dobin scanelf dumpelf
	newbin lddtree.sh lddtree
}
