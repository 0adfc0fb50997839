//! Numbers for people.

/// A size for people: megabytes of a million bytes, as Docker counts them.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_docker_writes_them() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1_234, "1.2 kB"), (61_000_000, "61.0 MB"), (1_170_000_000, "1.17 GB")]
        {
            assert_eq!(megabytes(bytes), text);
        }
    }
}
