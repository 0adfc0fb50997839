# @ECLASS: debian-source.eclass
# @SUPPORTED_EAPIS: 8
# @BLURB: unpack a source package of Debian and apply Debian's patches
# @DESCRIPTION:
# Debian publishes a source package as upstream's archive and an archive with the folder debian/. Its maintainers keep their
# patches, such as security fixes for older versions, in debian/patches. The file debian/patches/series lists them in order.
# The suite's signed index has the digests of both archives; the Manifest of a package pins them.
#
# An ebuild assigns the variables before it inherits this eclass. `cargo dev ebuilds` reads the same variables: assign each on
# one line.

case ${EAPI} in
	8) ;;
	*) die "${ECLASS}: EAPI ${EAPI:-0} not supported" ;;
esac

# @ECLASS_VARIABLE: DEBIAN_REVISION
# @PRE_INHERIT
# @REQUIRED
# @DESCRIPTION:
# The part of Debian's version after upstream's: 1+deb12u2 of 2.5.0-1+deb12u2. An empty revision takes upstream's archive only.
[[ -v DEBIAN_REVISION ]] || die "${ECLASS}: DEBIAN_REVISION is not set"

# @ECLASS_VARIABLE: DEBIAN_SOURCE
# @PRE_INHERIT
# @DESCRIPTION:
# The name of the source package.
: "${DEBIAN_SOURCE:=${PN}}"

# @ECLASS_VARIABLE: DEBIAN_UPSTREAM
# @PRE_INHERIT
# @DESCRIPTION:
# Upstream's version as Debian writes it, without an epoch.
: "${DEBIAN_UPSTREAM:=${PV}}"

# @ECLASS_VARIABLE: DEBIAN_ORIG
# @PRE_INHERIT
# @DESCRIPTION:
# The suffix of upstream's archive.
: "${DEBIAN_ORIG:=tar.xz}"

# @ECLASS_VARIABLE: DEBIAN_ARCHIVE
# @PRE_INHERIT
# @DESCRIPTION:
# The archive that has the revision: debian or debian-security. A point release moves files from the second to the first.
: "${DEBIAN_ARCHIVE:=debian}"

# @ECLASS_VARIABLE: DEBIAN_COMPONENTS
# @PRE_INHERIT
# @DEFAULT_UNSET
# @DESCRIPTION:
# Further archives of upstream that the series patches, by name and suffix: ft2demos.tar.xz. Each becomes a folder of its name.

# @ECLASS_VARIABLE: DEBIAN_SKIP
# @DEFAULT_UNSET
# @DESCRIPTION:
# An array of patches of the series to leave out. The ebuild has the reason in a comment.

_debian-source_set_globals() {
	local pool="pool" prefix="${DEBIAN_SOURCE:0:1}" base file
	[[ ${DEBIAN_SOURCE} == lib* ]] && prefix="${DEBIAN_SOURCE:0:4}"
	local upstream="${DEBIAN_SOURCE}_${DEBIAN_UPSTREAM}"
	local files=( "${upstream}.orig.${DEBIAN_ORIG}" )
	for file in ${DEBIAN_COMPONENTS}; do
		files+=( "${upstream}.orig-${file}" )
	done
	[[ -n ${DEBIAN_REVISION} ]] && files+=( "${upstream}-${DEBIAN_REVISION}.debian.tar.xz" )

	SRC_URI=""
	for file in "${files[@]}"; do
		SRC_URI+=" mirror://debian/pool/main/${prefix}/${DEBIAN_SOURCE}/${file}"
		[[ ${DEBIAN_ARCHIVE} == debian-security ]] &&
			SRC_URI+=" mirror://debian-security/pool/updates/main/${prefix}/${DEBIAN_SOURCE}/${file}"
	done
	SRC_URI="${SRC_URI# }"
}
_debian-source_set_globals
unset -f _debian-source_set_globals

# @FUNCTION: debian-source_unpack_to
# @USAGE: <archive> <folder>
# @DESCRIPTION:
# Unpacks an archive as the folder, without the archive's top folder if there is one.
debian-source_unpack_to() {
	local scratch="${WORKDIR}/.unpacked" top
	mkdir "${scratch}" || die
	tar --extract --no-same-owner --directory="${scratch}" --file="${DISTDIR}/$1" || die "failed to unpack $1"
	mapfile -t top < <(find "${scratch}" -mindepth 1 -maxdepth 1)
	if [[ ${#top[@]} -eq 1 && -d ${top[0]} ]]; then
		mv --no-target-directory "${top[0]}" "$2" || die
		rm -r "${scratch}" || die
	else
		mv --no-target-directory "${scratch}" "$2" || die
	fi
}

# @FUNCTION: debian-source_src_unpack
# @DESCRIPTION:
# Unpacks upstream's archive as the folder ${WORKDIR}/${P}, the components inside of it, and debian/ beside it.
debian-source_src_unpack() {
	local upstream="${DEBIAN_SOURCE}_${DEBIAN_UPSTREAM}" component
	debian-source_unpack_to "${upstream}.orig.${DEBIAN_ORIG}" "${WORKDIR}/${P}"
	for component in ${DEBIAN_COMPONENTS}; do
		debian-source_unpack_to "${upstream}.orig-${component}" "${WORKDIR}/${P}/${component%%.*}"
	done
	[[ -z ${DEBIAN_REVISION} ]] && return
	tar --extract --no-same-owner --directory="${WORKDIR}" --file="${DISTDIR}/${upstream}-${DEBIAN_REVISION}.debian.tar.xz" ||
		die "failed to unpack ${upstream}-${DEBIAN_REVISION}.debian.tar.xz"
}

# @FUNCTION: debian-source_apply_series
# @DESCRIPTION:
# Applies the patches of debian/patches/series in order, except those in DEBIAN_SKIP. Dies if the series lacks a patch to skip,
# or if such a patch has a CVE in its name.
debian-source_apply_series() {
	local patches="${WORKDIR}/debian/patches" line skip
	local -A skipped=()
	for skip in "${DEBIAN_SKIP[@]}"; do
		[[ ${skip} == *CVE* ]] && die "DEBIAN_SKIP has ${skip}, which fixes a vulnerability"
		skipped[${skip}]=1
	done

	if [[ -f ${patches}/series ]]; then
		# The last line may lack its end.
		while read -r line || [[ -n ${line} ]]; do
			# A line is a name, an option for patch such as -p0, and a comment.
			line="${line%%#*}"
			set -- ${line}
			[[ $# -eq 0 ]] && continue
			if [[ -n ${skipped[$1]} ]]; then
				unset "skipped[$1]"
				continue
			fi
			eapply "${2:--p1}" "${patches}/$1"
		done <"${patches}/series"
	fi
	[[ ${#skipped[@]} -eq 0 ]] || die "DEBIAN_SKIP has patches that are not in Debian's series: ${!skipped[*]}"

	# A patch makes its file newer than files that upstream generated from it: make would run autoconf or bison.
	find "${S}" -type f -exec touch --no-create --reference="${WORKDIR}/debian/changelog" {} + || die
}

# @FUNCTION: debian-source_src_prepare
# @DESCRIPTION:
# Applies Debian's patches, then those of PATCHES and of the user.
debian-source_src_prepare() {
	[[ -n ${DEBIAN_REVISION} ]] && debian-source_apply_series
	default
}

EXPORT_FUNCTIONS src_unpack src_prepare
