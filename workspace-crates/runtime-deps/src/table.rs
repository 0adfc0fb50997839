//! The table, sorted by name.
//!
//! All texts of an entry enter the key of `pack`: a change of one rebuilds every image.

use crate::Files::{Chosen, Globs, Library, NameServices, Unknown, Written};
use crate::Remedy::{Keep, Key, Package};
use crate::Trigger::{Soname, Symbol, Text, Texts};
use crate::{Need, RuntimeDep};

/// Files that must be present.
const fn needs(files: &'static [&'static str], without: &'static str) -> Need {
    Need { files: Globs(files), without: Some(without) }
}

/// Files that programs use if they are present.
const fn uses(files: &'static [&'static str]) -> Need {
    Need { files: Globs(files), without: None }
}

/// Files that a key selects.
const fn chosen(files: &'static [&'static str], without: &'static str) -> Need {
    Need { files: Chosen(files), without: Some(without) }
}

/// The sources of names for an image without nsswitch.conf. glibc contains both of them since 2.34.
const NSSWITCH: &str = "passwd:   files\ngroup:    files\nshadow:   files\nhosts:    files dns\nnetworks: files\n\
                        services: files\nprotocols: files\n";

/// All known dependencies, sorted by name.
pub const TABLE: &[RuntimeDep] = &[
    RuntimeDep {
        name: "ca-certificates",
        doc: "The certificates of the authorities that TLS trusts.",
        triggers: &[
            Symbol("SSL_CTX_set_default_verify_paths"),
            Symbol("SSL_CTX_set_default_verify_file"),
            Symbol("SSL_CTX_set_default_verify_dir"),
            Symbol("gnutls_certificate_set_x509_system_trust"),
            // Libraries that try the paths of all distributions, such as rustls-native-certs and Go's crypto/x509.
            Text("/etc/ssl/certs/ca-certificates.crt"),
            // Libraries that join folders and names, such as openssl-probe before 0.2.
            Texts(&["certs/ca-certificates.crt", "certs/ca-root-nss.crt"]),
        ],
        not_of: &[],
        needs: &[needs(
            &["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"],
            "TLS can verify no peer by the system's certificates",
        )],
        remedy: Key("ca-certificates = true"),
    },
    RuntimeDep {
        name: "charsets",
        doc: "Converters of iconv besides those of UTF-8, UCS and ASCII, which libc has in itself.",
        triggers: &[Symbol("iconv_open")],
        // It imports the function for its own streams, so the import says nothing about the program.
        not_of: &["libstdc++.so."],
        needs: &[chosen(
            &["/usr/lib*/gconv/*.so", "/usr/lib/*/gconv/*.so"],
            "iconv converts only UTF-8, UCS and ASCII",
        )],
        remedy: Key("gconv = [\"ISO-8859-1\"]"),
    },
    RuntimeDep {
        name: "fonts",
        doc: "fontconfig's configuration, and the fonts that it finds.",
        triggers: &[Soname("libfontconfig.so.")],
        not_of: &[],
        needs: &[
            needs(&["/etc/fonts/**", "/usr/share/fontconfig/**"], "fontconfig has no configuration"),
            needs(&["/usr/share/fonts/**"], "fontconfig finds no font"),
        ],
        remedy: Package("media-fonts/dejavu"),
    },
    RuntimeDep {
        name: "gdk-pixbuf",
        doc: "gdk-pixbuf's loaders of picture formats, and their list.",
        triggers: &[Soname("libgdk_pixbuf-2.0.so.")],
        not_of: &[],
        needs: &[
            needs(&["/usr/lib*/gdk-pixbuf-2.0/*/loaders.cache"], "gdk-pixbuf knows no loader that is not built in"),
            uses(&["/usr/lib*/gdk-pixbuf-2.0/*/loaders/*.so", "/usr/share/mime/mime.cache"]),
        ],
        remedy: Package("x11-libs/gdk-pixbuf"),
    },
    RuntimeDep {
        name: "gio-modules",
        doc: "GIO's modules, such as that of TLS.",
        triggers: &[Soname("libgio-2.0.so.")],
        not_of: &[],
        needs: &[uses(&["/usr/lib*/gio/modules/*"])],
        remedy: Package("net-libs/glib-networking"),
    },
    RuntimeDep {
        name: "gio-tls",
        doc: "GIO's module of TLS, which it does by GnuTLS or OpenSSL.",
        triggers: &[
            Symbol("g_tls_backend_get_default"),
            Symbol("g_tls_client_connection_new"),
            Symbol("g_tls_server_connection_new"),
            Symbol("g_socket_client_set_tls"),
        ],
        not_of: &["libgio-2.0.so."],
        needs: &[needs(
            &["/usr/lib*/gio/modules/libgiognutls.so", "/usr/lib*/gio/modules/libgioopenssl.so"],
            "GIO makes no connection by TLS",
        )],
        remedy: Package("net-libs/glib-networking"),
    },
    RuntimeDep {
        name: "glib-schemas",
        doc: "The compiled schemas of GSettings.",
        triggers: &[
            Symbol("g_settings_new"),
            Symbol("g_settings_new_with_path"),
            Symbol("g_settings_new_with_backend"),
        ],
        not_of: &["libgio-2.0.so."],
        needs: &[needs(
            &["/usr/share/glib-2.0/schemas/gschemas.compiled"],
            "a program that reads its settings is ended by GLib",
        )],
        remedy: Package("gnome-base/gsettings-desktop-schemas"),
    },
    RuntimeDep {
        name: "gstreamer",
        doc: "GStreamer's elements, and the program that looks at them.",
        triggers: &[Soname("libgstreamer-1.0.so.")],
        not_of: &[],
        needs: &[
            needs(&["/usr/lib*/gstreamer-1.0/*.so"], "GStreamer has no elements"),
            uses(&["/usr/libexec/gstreamer-1.0/gst-plugin-scanner"]),
        ],
        remedy: Package("media-libs/gst-plugins-base"),
    },
    RuntimeDep {
        name: "imagemagick",
        doc: "ImageMagick's coders, where they are modules, and its configuration.",
        triggers: &[Soname("libMagickCore-")],
        not_of: &[],
        needs: &[
            needs(&["/etc/ImageMagick-*/**", "/usr/share/ImageMagick-*/**"], "ImageMagick has no configuration"),
            uses(&["/usr/lib*/ImageMagick-*/**"]),
        ],
        remedy: Package("media-gfx/imagemagick"),
    },
    RuntimeDep {
        name: "kerberos",
        doc: "Kerberos' configuration and its plugins.",
        triggers: &[Soname("libkrb5.so."), Soname("libgssapi_krb5.so.")],
        not_of: &[],
        needs: &[
            needs(&["/etc/krb5.conf", "/etc/krb5.conf.d/**"], "Kerberos knows no realm"),
            uses(&["/usr/lib*/krb5/plugins/**", "/etc/gss/**"]),
        ],
        remedy: Keep,
    },
    RuntimeDep {
        name: "locales",
        doc: "Locales other than C.",
        triggers: &[Symbol("setlocale"), Symbol("newlocale")],
        not_of: &["libstdc++.so."],
        needs: &[chosen(&["/usr/lib/locale/**"], "every locale is C")],
        remedy: Key("locale = [\"C.UTF-8\"]"),
    },
    RuntimeDep {
        name: "magic",
        doc: "libmagic's database of file types.",
        triggers: &[Soname("libmagic.so.")],
        not_of: &[],
        needs: &[needs(&["/usr/share/misc/magic.mgc"], "libmagic knows no file type")],
        remedy: Package("sys-apps/file"),
    },
    RuntimeDep {
        name: "name-service",
        doc: "The sources of host names, users and groups: nsswitch.conf and the modules that it names. libc has `files` and `dns` in itself.",
        triggers: &[
            Symbol("getaddrinfo"),
            Symbol("gethostbyaddr"),
            Symbol("gethostbyaddr_r"),
            Symbol("gethostbyname"),
            Symbol("gethostbyname2"),
            Symbol("gethostbyname2_r"),
            Symbol("gethostbyname_r"),
            Symbol("getnameinfo"),
            Symbol("getpwnam"),
            Symbol("getpwnam_r"),
            Symbol("getpwuid"),
            Symbol("getpwuid_r"),
            Symbol("getgrgid"),
            Symbol("getgrgid_r"),
            Symbol("getgrnam"),
            Symbol("getgrnam_r"),
            Symbol("getgrouplist"),
            Symbol("initgroups"),
        ],
        not_of: &[],
        needs: &[
            Need {
                files: Written("/etc/nsswitch.conf", NSSWITCH),
                without: Some("names are looked up by rules that differ from libc to libc"),
            },
            Need { files: NameServices, without: Some("a source that nsswitch.conf names is passed over") },
        ],
        remedy: Keep,
    },
    RuntimeDep {
        name: "openssl-config",
        doc: "OpenSSL's configuration.",
        triggers: &[Soname("libcrypto.so.")],
        not_of: &[],
        needs: &[needs(&["/etc/ssl/openssl.cnf"], "OpenSSL has no settings but those that it was built with")],
        remedy: Package("dev-libs/openssl"),
    },
    RuntimeDep {
        name: "openssl-engines",
        doc: "OpenSSL's engines.",
        triggers: &[Symbol("ENGINE_by_id")],
        not_of: &["libcrypto.so.", "libssl.so."],
        needs: &[needs(
            &["/usr/lib*/engines-*/*.so", "/usr/lib/*/engines-*/*.so"],
            "no engine can be loaded by its name",
        )],
        remedy: Package("dev-libs/openssl"),
    },
    RuntimeDep {
        name: "openssl-providers",
        doc: "OpenSSL's providers besides the default one, such as that of legacy algorithms.",
        triggers: &[Symbol("OSSL_PROVIDER_load"), Symbol("OSSL_PROVIDER_try_load")],
        not_of: &["libcrypto.so.", "libssl.so."],
        needs: &[needs(
            &["/usr/lib*/ossl-modules/*.so", "/usr/lib/*/ossl-modules/*.so"],
            "no provider but those in libcrypto can be loaded",
        )],
        remedy: Package("dev-libs/openssl"),
    },
    RuntimeDep {
        name: "pam",
        doc: "PAM's modules, and what says which service uses which.",
        triggers: &[Soname("libpam.so.")],
        not_of: &[],
        needs: &[
            needs(&["/usr/lib*/security/*.so", "/usr/lib/*/security/*.so"], "PAM has no modules"),
            needs(&["/etc/pam.d/*"], "PAM knows no service"),
            uses(&["/etc/security/**"]),
        ],
        remedy: Package("sys-auth/pambase"),
    },
    RuntimeDep {
        name: "plugins",
        doc: "Libraries that a program loads by names which no dlopen note has.",
        triggers: &[Symbol("dlopen")],
        // Other entries cover the files that these load, or the program passes the name to them.
        not_of: &[
            "libcrypto.so.",
            "libfontconfig.so.",
            "libgdk_pixbuf-2.0.so.",
            "libgio-2.0.so.",
            "libgmodule-2.0.so.",
            "libgomp.so.",
            "libgssapi_krb5.so.",
            "libgstreamer-1.0.so.",
            "libkrb5.so.",
            "libkrb5support.so.",
            "libMagickCore-",
            "libpam.so.",
            "libQt5Core.so.",
            "libQt6Core.so.",
            "libsasl2.so.",
            "libsqlite3.so.",
        ],
        needs: &[Need { files: Unknown, without: Some("what it loads by `dlopen` cannot be known") }],
        remedy: Keep,
    },
    RuntimeDep {
        name: "qt-platforms",
        doc: "Qt's plugins: platforms, picture formats, TLS and the like.",
        triggers: &[Soname("libQt5Gui.so."), Soname("libQt6Gui.so.")],
        not_of: &[],
        needs: &[
            needs(
                &["/usr/lib*/qt5/plugins/platforms/*.so", "/usr/lib*/qt6/plugins/platforms/*.so"],
                "a program with a Qt interface does not start",
            ),
            uses(&["/usr/lib*/qt5/plugins/*/*.so", "/usr/lib*/qt6/plugins/*/*.so"]),
        ],
        remedy: Package("dev-qt/qtbase"),
    },
    RuntimeDep {
        name: "sasl",
        doc: "Cyrus SASL's mechanisms.",
        triggers: &[Soname("libsasl2.so.")],
        not_of: &[],
        needs: &[
            needs(&["/usr/lib*/sasl2/*.so*", "/usr/lib/*/sasl2/*.so*"], "SASL has no mechanism"),
            uses(&["/etc/sasl2/**"]),
        ],
        remedy: Package("dev-libs/cyrus-sasl"),
    },
    RuntimeDep {
        name: "terminals",
        doc: "Descriptions of terminals.",
        triggers: &[
            Soname("libtinfo.so."),
            Soname("libtinfow.so."),
            Soname("libncurses.so."),
            Soname("libncursesw.so."),
        ],
        not_of: &[],
        needs: &[needs(&["/usr/share/terminfo/**", "/etc/terminfo/**"], "no terminal is known")],
        remedy: Package("sys-libs/ncurses"),
    },
    RuntimeDep {
        name: "time-zones",
        doc: "The time zone database, and which zone is the local one.",
        triggers: &[
            Symbol("tzset"),
            Symbol("localtime"),
            Symbol("localtime_r"),
            Symbol("mktime"),
            // Libraries that read it without libc, such as chrono and Go's time.
            Text("/usr/share/zoneinfo"),
        ],
        // libc contains the path, but reads it only for the functions above.
        not_of: &["libstdc++.so.", "libc.so."],
        needs: &[needs(&["/usr/share/zoneinfo/**"], "the local time is UTC, and no zone has a name")],
        remedy: Key("timezone = \"Europe/Berlin\""),
    },
    RuntimeDep {
        name: "unwinder",
        doc: "The library by which libc unwinds the stack of a thread that ends.",
        triggers: &[Symbol("pthread_cancel"), Symbol("pthread_exit"), Symbol("backtrace")],
        not_of: &[],
        needs: &[Need {
            files: Library("libgcc_s.so.1"),
            without: Some("the process is ended when a thread is to end"),
        }],
        remedy: Package("sys-devel/gcc"),
    },
];
