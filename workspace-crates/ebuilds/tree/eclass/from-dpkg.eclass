# @ECLASS: from-dpkg.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: install shared libraries from the Debian packages of the builder
# @DESCRIPTION:
# The C library and the compiler's runtime are not compiled: a program linked in the builder needs the very files that the
# linker saw. The builder is an unpacked Debian root, so its dpkg database says which files these are.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI:-0} not supported" ;;
esac

# @FUNCTION: from-dpkg_require
# @USAGE: <Debian package> <upstream version>
# @DESCRIPTION:
# Dies unless the package is installed and of this upstream version, so that the ebuild's version is never a false one. What
# Debian appends where it is the upstream itself (+deb12u1) does not count.
from-dpkg_require() {
	local have
	have=$(dpkg-query --show --showformat '${source:Upstream-Version}' "$1") || die "$1 is not installed in the builder"
	[[ ${have%%+deb*} == "$2" ]] || die "the builder has $1 ${have}, but this is ${CATEGORY}/${PF}: use the ebuild of that version"
}

# @FUNCTION: from-dpkg_dolib
# @USAGE: <Debian package>...
# @DESCRIPTION:
# Installs the shared libraries of the packages, and the links among them, from the multiarch folder into /usr/lib64.
from-dpkg_dolib() {
	local package path
	dodir /usr/lib64
	for package; do
		while read -r path; do
			[[ ${path} =~ ^(/usr)?/lib/x86_64-linux-gnu/[^/]+\.so(\.[0-9.]+)?$ ]] || continue
			cp --no-dereference --preserve=mode,timestamps,links "${path}" "${ED}/usr/lib64/" || die
		done < <(dpkg-query --listfiles "${package}" || die "${package} is not installed in the builder")
	done
}
