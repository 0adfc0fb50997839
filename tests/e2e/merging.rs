//! ROOT is merged without Portage's idle shells: the tree and the database are those of emerge alone.

use crate::ebuilds::{nothing_is_left, with_repository};

/// Files of every kind that a merge treats in its own way.
const KINDS: &str = r#"
KEYWORDS="amd64"
src_install() {
	dosym real /usr/share/linked
	keepdir /var/lib/kinds /usr/share/real
	insinto /usr/share/kinds
	newins - plain <<<plain
	newins - "with spaces and ünïcode" <<<other
	newins - odd <<<odd
	ln "${ED}/usr/share/kinds/plain" "${ED}/usr/share/kinds/hard" || die
	fperms 0604 /usr/share/kinds/odd
	fowners 65534:12 /usr/share/kinds/odd
	exeinto /usr/bin
	for name in setuid setgid setboth; do newexe - ${name} <<<${name}; done
	fperms 4755 /usr/bin/setuid
	fperms 2755 /usr/bin/setgid
	fperms 6755 /usr/bin/setboth
	touch -d @1234567890.5 "${ED}/usr/share/kinds/odd" || die
	insinto /etc
	newins - kinds.conf <<<packaged
	newenvd - 50kinds <<<'KINDS="yes"'
}
"#;

/// Files below a folder that another package made a link.
const THROUGH: &str =
    "KEYWORDS=\"amd64\"\nsrc_install() {\n\tinsinto /usr/share/linked/deep\n\tnewins - file <<<file\n}\n";

/// A function that runs while ROOT is merged.
const CALLED: &str = "KEYWORDS=\"amd64\"\nsrc_install() {\n\tinsinto /usr/share/called\n\tnewins - file <<<file\n}\n\
    pkg_postinst() {\n\tcp \"${EROOT}/usr/share/called/file\" \"${EROOT}/usr/share/called/copy\" || die\n\telog called\n}\n";

/// The same file as another package.
const COLLIDING: &str =
    "KEYWORDS=\"amd64\"\nsrc_install() {\n\tinsinto /usr/share/kinds\n\tnewins - plain <<<collides\n}\n";

/// Merges in both ways, and compares. Counters differ, and so do times of links and folders,
/// which each merge creates.
const COMPARE: &str = r#"
cd /var/tmp
# No default: it takes rights of files that run as their owner or group.
export FEATURES=sfperms
atoms='=sys-apps/baselayout-2 =media-libs/kinds-1 =media-libs/through-1 =media-libs/called-1'
merge() {
	mkdir -p root/etc && echo kept >root/etc/kinds.conf
	export MERGE=$1
	bash /tierce/scripts/emerge.sh root /var/tmp/root $atoms >"$1.log" 2>&1 || { cat "$1.log"; exit 1; }
	(
		cd root
		find . \( -type f ! -path './var/db/*' ! -path './etc/ld.so.*' ! -path './etc/*conf' ! -name copy -printf '%T@ ' -o -true \) \
			-printf '%p %y %m %U:%G %n %l\n' | sort
		find . -type f ! -path './var/db/*' -print0 | sort -z | xargs -0 sha256sum
		for file in $(find var/db -type f ! -name COUNTER | sort); do
			echo "== $file"
			case $file in
				*.bz2) bzcat "$file" ;;
				*) sed -E '/^sym /s/ [0-9]+$//; /^(COUNTER|#dir_mtime)=/d' "$file" ;;
			esac
		done
	) >"$1.tree"
	bash /tierce/scripts/emerge.sh root /var/tmp/root --on /var/tmp/root =media-libs/colliding-1 >"$1.log" 2>&1 && exit 2
	grep -A 40 'file collision' "$1.log" | grep -v 'Load avg\|Log file\|\.log' >"$1.message"
	mv root "$1"
}
merge emerge
merge ours
diff emerge.tree ours.tree >&2 || exit 3
diff emerge.message ours.message >&2 || exit 4
cat ours.tree ours.message
"#;

#[test]
fn merged_root_is_the_one_of_emerge() {
    let packages = ["kinds", "through", "called", "colliding"].map(|name| format!("\"media-libs/{name}\"")).join(", ");
    let workspace = with_repository(&format!("packages = [{packages}]"))
        .ebuild("kinds", KINDS)
        .ebuild("through", THROUGH)
        .ebuild("called", CALLED)
        .ebuild("colliding", COLLIDING);
    // The packages are compiled, and two of them collide in ROOT.
    let failed = workspace.xtask(&["image", "--layout", "layout"]).fails_with(6);
    assert!(failed.stderr.contains("/usr/share/kinds/plain"), "{}", failed.stderr);

    let ran = workspace.xtask(&["shell", "--step", "root", "--", "bash", "-euc", COMPARE]).ok();
    for line in [
        "usr/share/called/copy f 644 0:0 1 ",
        "usr/share/kinds/hard f 644 0:0 2 ",
        "usr/share/kinds/odd f 604 65534:12 1 ",
        "usr/share/kinds/with spaces and ünïcode f 644 0:0 1 ",
        "usr/share/linked l 777 0:0 1 real",
        "usr/share/real/deep/file f 644 0:0 1 ",
        "usr/bin/setuid f 4711 0:0 1 ",
        "usr/bin/setgid f 2751 0:0 1 ",
        "usr/bin/setboth f 6751 0:0 1 ",
        "etc/._cfg0000_kinds.conf f 644 0:0 1 ",
        "var/lib/kinds/.keep_media-libs_kinds-0 f 644 0:0 1 ",
        "media-libs/kinds-1:0::mine",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    nothing_is_left(&ran, &workspace);
}
