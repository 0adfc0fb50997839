//! A draft as `diff -u` writes it.

use std::fmt::Write;

use crate::DraftFile;

/// The change of one file, in one hunk without lines around it, as what is inserted is little and far apart in few files.
pub(crate) fn unified(file: &DraftFile) -> String {
    let before: Vec<&str> = file.before.as_deref().unwrap_or_default().split_inclusive('\n').collect();
    let after: Vec<&str> = file.after.split_inclusive('\n').collect();
    let first = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let rest = before.len().min(after.len()) - first;
    let last = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count().min(rest);
    // Three lines around, by which `patch` finds the place.
    let from = first.saturating_sub(3);
    let until = last.saturating_sub(3);
    let (old, new) = (&before[from..before.len() - until], &after[from..after.len() - until]);
    let mut text = String::new();
    let name = match file.before {
        Some(_) => format!("a/{}", file.path),
        None => "/dev/null".to_owned(),
    };
    // A String takes everything.
    let _ = write!(text, "--- {name}\n+++ b/{}\n@@ -{} +{} @@\n", file.path, range(from, old), range(from, new));
    for (sign, line) in lines(old, new) {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
    text
}

/// Where a hunk begins and how many lines it has: an empty one stands after the line before it.
fn range(from: usize, lines: &[&str]) -> String {
    format!("{},{}", if lines.is_empty() { from } else { from + 1 }, lines.len())
}

/// The lines of both texts, those that they share once: the longest common subsequence.
fn lines<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(char, &'t str)> {
    let mut length = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            length[i][j] = match one == other {
                true => length[i + 1][j + 1] + 1,
                false => length[i + 1][j].max(length[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && length[i + 1][j] >= length[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_look_as_diff_writes_them() {
        let of = |before: Option<&str>, after: &str| {
            unified(&DraftFile { path: "f".into(), before: before.map(str::to_owned), after: after.to_owned() })
        };
        for (before, after, expected) in [
            (None, "a\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1,1 @@\n+a\n"),
            (Some("a\nb\n"), "a\nx\nb\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"),
            (Some("a"), "a\nb\n", "--- a/f\n+++ b/f\n@@ -1,1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n"),
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
