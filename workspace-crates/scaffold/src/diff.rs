//! A draft as `diff -u` writes it.

use similar::TextDiff;

use crate::DraftFile;

/// The change of one file, with three lines around each place.
pub(crate) fn unified(file: &DraftFile) -> String {
    let before = file.before.as_ref().map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{}", file.path));
    let diff = TextDiff::from_lines(file.before.as_deref().unwrap_or_default(), &file.after);
    diff.unified_diff().header(&before, &format!("b/{}", file.path)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diff_has_the_form_of_diff_u() {
        let of = |before: Option<&str>, after: &str| {
            unified(&DraftFile { path: "f".into(), before: before.map(str::to_owned), after: after.to_owned() })
        };
        for (before, after, expected) in [
            (None, "a\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n"),
            (Some("a\nb\n"), "a\nx\nb\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"),
            (Some("a"), "a\nb\n", "--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n"),
            (
                Some("1\n2\n3\n4\n5\n6\n7\n"),
                "1\n2\n3\n4\nx\n5\n6\ny\n7\n",
                "--- a/f\n+++ b/f\n@@ -2,6 +2,8 @@\n 2\n 3\n 4\n+x\n 5\n 6\n+y\n 7\n",
            ),
        ] {
            assert_eq!(of(before, after), expected);
        }
    }
}
