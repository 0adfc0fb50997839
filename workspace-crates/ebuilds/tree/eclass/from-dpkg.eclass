# @ECLASS: from-dpkg.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: install shared libraries from the Debian packages of the builder
# @DESCRIPTION:
# Ebuilds do not compile the C library and the compiler's runtime: a program needs the same files that the linker in the builder
# read. The builder is an unpacked Debian root, so its dpkg database says which files these are.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI:-0} not supported" ;;
esac

# @FUNCTION: from-dpkg_require
# @USAGE: <Debian package> <upstream version>
# @DESCRIPTION:
# Dies unless the package is installed in this upstream version. Ignores the suffix of packages whose upstream is Debian
# (+deb13u1, ~deb12u2).
from-dpkg_require() {
	local have
	have=$(dpkg-query --show --showformat '${source:Upstream-Version}' "$1") || die "$1 is not installed in the builder"
	[[ ${have%%[+~]deb*} == "$2" ]] ||
		die "the builder has $1 ${have}, but this is ${CATEGORY}/${PF}: the profile of that Debian selects another version"
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
