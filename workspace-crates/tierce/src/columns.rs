//! Texts in columns.

/// Formats rows as columns with two spaces between them, a line each. The last column is as wide as its text.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_text() {
        let rows = [["a", "long"], ["longer", ""], ["ü", "b"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a       long\nlonger\nü       b\n");
        assert_eq!(columns::<2>(&[]), "");
    }
}
