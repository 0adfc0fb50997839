//! dpkg's database as `dpkg --unpack` leaves it, the input of `dpkg --configure`.

use crate::deb::Control;

/// The folder of the database.
pub(crate) const DATABASE: &str = "/var/lib/dpkg";

/// The package's name in the database; `Multi-Arch: same` adds the architecture.
pub(crate) fn database_name(control: &Control) -> String {
    let name = control.field("Package");
    match control.field("Multi-Arch") {
        "same" => format!("{name}:{}", control.field("Architecture")),
        _ => name.to_owned(),
    }
}

/// The paths that the package declares as configuration files. A line with a flag ("remove-on-upgrade") names a file
/// that the package does not hold.
pub(crate) fn conffiles(control: &Control) -> Vec<String> {
    let text = String::from_utf8_lossy(control.file("conffiles").unwrap_or_default());
    text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(str::to_owned).collect()
}

/// The package's paragraph of the status file, with its blank line. `digests` are the MD5 digests of its configuration
/// files, from which dpkg later recognises edited ones.
pub(crate) fn paragraph(control: &Control, digests: &[(String, String)]) -> String {
    let mut text = String::with_capacity(control.text.len() + 128);
    for line in control.text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        text.push_str(line);
        text.push('\n');
        if line.get(..8).is_some_and(|name| name.eq_ignore_ascii_case("Package:")) {
            text.push_str("Status: install ok unpacked\n");
        }
    }
    if !digests.is_empty() {
        text.push_str("Conffiles:\n");
        for (path, digest) in digests {
            text.push_str(&format!(" {path} {digest}\n"));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_paragraph_lists_conffiles() {
        let control = Control {
            text:
                "Package: libx\nVersion: 1\nArchitecture: amd64\nMulti-Arch: same\nDescription: x\n long\n .\n end\n\n"
                    .to_owned(),
            files: vec![("conffiles".to_owned(), 0o644, b"/etc/x.conf\nremove-on-upgrade /etc/old\n\n".to_vec())],
        };
        assert_eq!(database_name(&control), "libx:amd64");
        assert_eq!(conffiles(&control), ["/etc/x.conf"]);
        insta::assert_snapshot!(paragraph(&control, &[("/etc/x.conf".to_owned(), "00ff".to_owned())]), @r"
        Package: libx
        Status: install ok unpacked
        Version: 1
        Architecture: amd64
        Multi-Arch: same
        Description: x
         long
         .
         end
        Conffiles:
         /etc/x.conf 00ff
        ");
    }
}
