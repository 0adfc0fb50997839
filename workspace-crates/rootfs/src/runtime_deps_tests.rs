use std::collections::BTreeSet;

use crate::LdCache;
use crate::selection::tests::{LIBC, loader, program, root, shown};
use crate::{Closure, Error, Globs, Patterns, RuntimeDepChoices, closure, packages};

/// The files of ROOT that serve run-time dependencies.
const SERVING: &str = "
    /etc/nsswitch.conf data
    /etc/pam.d/login data
    /etc/ssl/cert.pem -> certs/ca-certificates.crt
    /etc/ssl/certs/ca-certificates.crt data
    /usr/lib64/libgcc_s.so.1 elf soname=libgcc_s.so.1 needed=libc.so.6
    /usr/lib64/libaudit.so.1 elf soname=libaudit.so.1 needed=libc.so.6 imports=iconv_open,getaddrinfo
    /usr/lib64/gconv/ISO8859-15.so elf needed=libc.so.6
    /usr/lib64/security/pam_unix.so elf needed=libaudit.so.1
    /usr/share/zoneinfo/Europe/Berlin data
";

fn globs(prune: &[&str], allow_missing: &[&str]) -> Globs {
    Globs {
        prune: Patterns::new(prune).unwrap(),
        allow_missing: Patterns::new(allow_missing).unwrap(),
        ..Globs::default()
    }
}

fn choices(decided: &[&str], allowed: &[&str]) -> RuntimeDepChoices {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    RuntimeDepChoices { decided: names(decided), allowed: names(allowed), ..RuntimeDepChoices::default() }
}

fn selected(lines: &str, globs: &Globs, choices: &RuntimeDepChoices) -> Result<Closure, Error> {
    let index = root(&format!("{LIBC}\n{lines}"));
    closure(&index, &program("/usr/bin/hello"), &loader(&index), globs, choices)
}

/// Returns the files that run-time dependencies add, and the findings.
fn check(facts: &str, serving: &str, globs: &Globs, choices: &RuntimeDepChoices) -> String {
    let lines = format!("/usr/bin/hello elf {facts}\n{serving}");
    let text = shown(selected(&lines, globs, choices));
    let of_linking = ["needs libc.so.6", "needs ld-linux-x86-64.so.2", "/usr/bin/hello: a program"];
    let others = text.lines().filter(|line| !of_linking.iter().any(|part| line.contains(part)));
    others.collect::<Vec<_>>().join("\n")
}

#[test]
fn evidence_adds_files_and_their_needs() {
    let nothing = (globs(&[], &[]), choices(&[], &[]));
    let check = |facts: &str| check(facts, SERVING, &nothing.0, &nothing.1);
    insta::assert_snapshot!(check("imports=SSL_CTX_set_default_verify_paths"), @r"
    /etc/ssl/cert.pem: ca-certificates: /usr/bin/hello calls SSL_CTX_set_default_verify_paths
    /etc/ssl/certs/ca-certificates.crt: the target of the link /etc/ssl/cert.pem
    ");
    // openssl-probe 0.1 puts the paths together at run time. One part alone says nothing.
    insta::assert_snapshot!(check("mentions=certs/ca-certificates.crt,certs/ca-root-nss.crt"), @r"
    /etc/ssl/cert.pem: ca-certificates: /usr/bin/hello mentions certs/ca-certificates.crt and certs/ca-root-nss.crt
    /etc/ssl/certs/ca-certificates.crt: the target of the link /etc/ssl/cert.pem
    ");
    insta::assert_snapshot!(check("mentions=certs/ca-certificates.crt"), @"");
    insta::assert_snapshot!(check("mentions=/usr/share/zoneinfo"), @"/usr/share/zoneinfo/Europe/Berlin: time-zones: /usr/bin/hello mentions /usr/share/zoneinfo");
    insta::assert_snapshot!(check("imports=pthread_exit"), @"/usr/lib64/libgcc_s.so.1: unwinder: /usr/bin/hello calls pthread_exit");
    // A module needs a library with run-time dependencies of its own: the closure serves one, and only a key adds converters.
    insta::assert_snapshot!(check("soname=libpam.so.0"), @r#"
    /etc/nsswitch.conf: name-service: /usr/lib64/libaudit.so.1 calls getaddrinfo
    /etc/pam.d/login: pam: /usr/bin/hello is libpam.so.0
    /usr/lib64/libaudit.so.1: /usr/lib64/security/pam_unix.so needs libaudit.so.1, found by ld.so.cache
    /usr/lib64/security/pam_unix.so: pam: /usr/bin/hello is libpam.so.0
    RuntimeDepMissing { name: "charsets", by: "/usr/lib64/libaudit.so.1", trigger: Calls("iconv_open"), without: "iconv converts only UTF-8, UCS and ASCII", pruned: None }
    "#);
}

#[test]
fn missing_dependency_is_found_unless_allowed() {
    let facts = "imports=setlocale,dlopen,pthread_cancel";
    let check = |globs: &Globs, choices: &RuntimeDepChoices| check(facts, SERVING, globs, choices);
    insta::assert_snapshot!(check(&globs(&["/usr/lib64/libgcc_s.so.1"], &[]), &choices(&[], &[])), @r#"
    RuntimeDepMissing { name: "locales", by: "/usr/bin/hello", trigger: Calls("setlocale"), without: "every locale is C", pruned: None }
    RuntimeDepMissing { name: "plugins", by: "/usr/bin/hello", trigger: Calls("dlopen"), without: "what it loads by `dlopen` cannot be known", pruned: None }
    RuntimeDepMissing { name: "unwinder", by: "/usr/bin/hello", trigger: Calls("pthread_cancel"), without: "the process is ended when a thread is to end", pruned: Some("/usr/lib64/libgcc_s.so.1") }
    "#);
    insta::assert_snapshot!(check(&globs(&[], &[]), &choices(&["unwinder", "locales"], &["plugins"])), @r#"AllowedMissing { path: "/usr/bin/hello", wanted: "plugins", pattern: "plugins" }"#);
    insta::assert_snapshot!(check(&globs(&[], &["/usr/bin/*"]), &choices(&["unwinder"], &["plugins"])), @r#"
    AllowedMissing { path: "/usr/bin/hello", wanted: "locales", pattern: "/usr/bin/*" }
    AllowedMissing { path: "/usr/bin/hello", wanted: "plugins", pattern: "plugins" }
    "#);
}

/// Every entry of the table, by one of its triggers: the closure adds ROOT's files for it, and reports it if ROOT has none.
#[test]
fn every_dependency_is_served_or_reported() {
    let mut known: BTreeSet<&str> = tierce_runtime_deps::TABLE.iter().map(|dependency| dependency.name).collect();
    for (facts, serving, name) in [
        ("imports=SSL_CTX_set_default_verify_paths", "/etc/ssl/certs/ca-certificates.crt data", "ca-certificates"),
        ("soname=libfontconfig.so.1", "/etc/fonts/fonts.conf data\n/usr/share/fonts/x.ttf data", "fonts"),
        ("soname=libgdk_pixbuf-2.0.so.0", "/usr/lib64/gdk-pixbuf-2.0/2.10.0/loaders.cache data", "gdk-pixbuf"),
        ("imports=g_socket_client_set_tls", "/usr/lib64/gio/modules/libgiognutls.so data", "gio-tls"),
        ("imports=g_settings_new", "/usr/share/glib-2.0/schemas/gschemas.compiled data", "glib-schemas"),
        ("soname=libgstreamer-1.0.so.0", "/usr/lib64/gstreamer-1.0/libgstcoreelements.so data", "gstreamer"),
        ("soname=libMagickCore-7.Q16HDRI.so.10", "/etc/ImageMagick-7/policy.xml data", "imagemagick"),
        ("soname=libkrb5.so.3", "/etc/krb5.conf data", "kerberos"),
        ("soname=libgssapi_krb5.so.2", "/etc/krb5.conf data", "kerberos"),
        ("soname=libmagic.so.1", "/usr/share/misc/magic.mgc data", "magic"),
        ("soname=libcrypto.so.3", "/etc/ssl/openssl.cnf data", "openssl-config"),
        ("imports=ENGINE_by_id", "/usr/lib/x86_64-linux-gnu/engines-3/padlock.so data", "openssl-engines"),
        ("imports=OSSL_PROVIDER_load", "/usr/lib64/ossl-modules/legacy.so data", "openssl-providers"),
        ("soname=libpam.so.0", "/etc/pam.d/login data\n/usr/lib64/security/pam_unix.so data", "pam"),
        ("soname=libQt5Gui.so.5", "/usr/lib64/qt5/plugins/platforms/libqxcb.so data", "qt-platforms"),
        ("soname=libQt6Gui.so.6", "/usr/lib64/qt6/plugins/platforms/libqxcb.so data", "qt-platforms"),
        ("soname=libsasl2.so.3", "/usr/lib64/sasl2/libplain.so data", "sasl"),
        ("soname=libtinfo.so.6", "/usr/share/terminfo/x/xterm data", "terminals"),
        ("soname=libncursesw.so.6", "/usr/share/terminfo/x/xterm data", "terminals"),
        ("imports=localtime_r", "/usr/share/zoneinfo/UTC data", "time-zones"),
        ("imports=pthread_cancel", "/usr/lib64/libgcc_s.so.1 elf soname=libgcc_s.so.1", "unwinder"),
    ] {
        let with = check(facts, serving, &globs(&[], &[]), &choices(&[], &[]));
        assert_eq!(with.matches(&format!(": {name}: /usr/bin/hello ")).count(), serving.lines().count(), "{with}");
        assert!(!with.contains("RuntimeDepMissing"), "{with}");
        let without = check(facts, "", &globs(&[], &[]), &choices(&[], &[]));
        assert!(without.contains(&format!("RuntimeDepMissing {{ name: \"{name}\"")), "{without}");
        known.remove(name);
    }
    // The closure adds no files for these, even if ROOT has some.
    for (facts, serving, name) in [
        ("imports=iconv_open", "/usr/lib64/gconv/ISO8859-15.so data", "charsets"),
        ("imports=newlocale", "/usr/lib/locale/C.UTF-8/LC_CTYPE data", "locales"),
        ("imports=dlopen", "/usr/lib64/plugin.so data", "plugins"),
    ] {
        let with = check(facts, serving, &globs(&[], &[]), &choices(&[], &[]));
        assert!(!with.contains(serving.split(' ').next().unwrap()), "{with}");
        assert!(with.contains(&format!("RuntimeDepMissing {{ name: \"{name}\"")), "{with}");
        known.remove(name);
    }
    // GIO uses its modules if they are present, and works without them.
    let gio = |serving: &str| check("soname=libgio-2.0.so.0", serving, &globs(&[], &[]), &choices(&[], &[]));
    assert_eq!(gio(""), "");
    assert!(gio("/usr/lib64/gio/modules/x.so data").contains("gio-modules: /usr/bin/hello is libgio-2.0.so.0"));
    // GLib's own library reads settings on behalf of programs.
    let schemas = check("soname=libgio-2.0.so.0 imports=g_settings_new", "", &globs(&[], &[]), &choices(&[], &[]));
    assert_eq!(schemas, "");
    known.remove("gio-modules");
    // The next test covers it.
    known.remove("name-service");
    assert!(known.is_empty(), "{known:?}");
}

#[test]
fn nsswitch_modules_are_added_or_reported() {
    let name_services = ["ldap".to_owned(), "sss".to_owned()].into();
    let choices = RuntimeDepChoices { name_services, ..RuntimeDepChoices::default() };
    let serving = "/etc/nsswitch.conf data\n/usr/lib64/libnss_sss.so.2 elf soname=libnss_sss.so.2 needed=libsss.so.0\n\
                   /usr/lib64/libsss.so.0 elf soname=libsss.so.0";
    insta::assert_snapshot!(check("imports=getpwuid", serving, &globs(&[], &[]), &choices), @r#"
    /etc/nsswitch.conf: name-service: /usr/bin/hello calls getpwuid
    /usr/lib64/libnss_sss.so.2: name-service: /usr/bin/hello calls getpwuid
    /usr/lib64/libsss.so.0: /usr/lib64/libnss_sss.so.2 needs libsss.so.0, found by ld.so.cache
    RuntimeDepMissing { name: "name-service", by: "/usr/bin/hello", trigger: Calls("getpwuid"), without: "a source that nsswitch.conf names is passed over: `ldap`, as libnss_ldap.so.2 is not there", pruned: None }
    "#);
    // A program that looks up no names needs none of them.
    assert_eq!(check("imports=read", serving, &globs(&[], &[]), &choices), "");
}

/// The ROOT of a user's own builder may lack nsswitch.conf.
#[test]
fn absent_nsswitch_conf_is_generated() {
    let lines = "/usr/bin/hello elf imports=getaddrinfo";
    let index = root(&format!("{LIBC}\n{lines}"));
    let own = loader(&index);
    let select = |globs: &Globs| {
        closure(&index, &program("/usr/bin/hello"), &own, globs, &RuntimeDepChoices::default()).unwrap()
    };
    let mut chosen = select(&Globs::default());
    let mut image = index.select(chosen.iter().map(|(path, _)| path)).unwrap();
    chosen.add_made(&mut image, &own, &LdCache::default()).unwrap();
    let text = image.read(&mut std::io::Cursor::new([]), "/etc/nsswitch.conf", 1 << 10).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("hosts:    files dns\n"));
    let because: Vec<&str> = chosen.chain("/etc/nsswitch.conf").into_iter().map(|(path, _)| path).collect();
    assert_eq!(because, ["/usr/bin/hello", "/etc/nsswitch.conf"]);

    let pruned = select(&globs(&["/etc"], &[]));
    assert_eq!(pruned.reason("/etc/nsswitch.conf"), None);
    assert_eq!(pruned.findings.len(), 1, "{:?}", pruned.findings);
}

/// An image of packages has all of ROOT's files, so only excluded files can be missing.
#[test]
fn packages_report_excluded_files_only() {
    let lines = format!("{LIBC}\n/usr/bin/hello elf imports=localtime_r,iconv_open\n{SERVING}");
    let index = root(&lines);
    let own = loader(&index);
    let select = |globs: &Globs| {
        let chosen = packages(&index, &[], &Default::default(), &own, globs, &RuntimeDepChoices::default()).unwrap();
        chosen.findings.into_iter().map(|finding| format!("{finding:?}")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(select(&globs(&[], &[])), "");
    insta::assert_snapshot!(select(&globs(&["/usr/share/zoneinfo", "/usr/lib64/gconv"], &[])), @r#"
    RuntimeDepMissing { name: "charsets", by: "/usr/bin/hello", trigger: Calls("iconv_open"), without: "iconv converts only UTF-8, UCS and ASCII", pruned: Some("/usr/lib64/gconv") }
    RuntimeDepMissing { name: "time-zones", by: "/usr/bin/hello", trigger: Calls("localtime_r"), without: "the local time is UTC, and no zone has a name", pruned: Some("/usr/share/zoneinfo") }
    "#);
}
