EAPI=8

DESCRIPTION="The folders and links of a root filesystem, and its first accounts"
HOMEPAGE="https://refspecs.linuxfoundation.org/fhs.shtml"
S="${WORKDIR}"

LICENSE="|| ( MIT Apache-2.0 )"
SLOT="0"
KEYWORDS="amd64"

src_install() {
	local name
	# With these links, old paths of interpreters and shells work (/lib64/ld-linux-x86-64.so.2, /bin/sh).
	for name in bin sbin lib lib64; do
		dosym usr/${name} /${name}
	done
	dosym ../run /var/run
	dosym ../run/lock /var/lock

	insinto /etc
	doins "${FILESDIR}"/{group,passwd,shells}
}

# Portage prunes empty folders from a binpkg, and keepdir would leave a file in each.
pkg_preinst() {
	mkdir -p \
		"${ED}"/{dev,etc,home,mnt,opt,proc,run,srv,sys} \
		"${ED}"/usr/{bin,include,lib,lib64,libexec,sbin,share} \
		"${ED}"/usr/local/{bin,lib64,share} \
		"${ED}"/var/{cache,db,empty,lib,log,spool} || die
	mkdir -p -m 0700 "${ED}"/root || die
	mkdir -p -m 1777 "${ED}"/tmp "${ED}"/var/tmp || die
}
