//! The packages of libraries by the names that compilers and linkers know: `-lz`, `zlib.h`.

use crate::{Library, TABLE};

/// A package, its libraries as the linker names them, and its headers.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Libraries that programs use without pkg-config.
const LIBRARIES: &[Row] = &[
    ("app-arch/brotli", &["brotlidec", "brotlienc", "brotlicommon"], &["brotli/decode.h", "brotli/encode.h"]),
    ("app-arch/bzip2", &["bz2"], &["bzlib.h"]),
    ("app-arch/lz4", &["lz4"], &["lz4.h"]),
    ("app-arch/xz-utils", &["lzma"], &["lzma.h"]),
    ("app-arch/zstd", &["zstd"], &["zstd.h"]),
    ("app-crypt/mit-krb5", &["gssapi_krb5", "krb5"], &["gssapi.h", "gssapi/gssapi.h", "krb5.h"]),
    ("dev-db/mariadb-connector-c", &["mysqlclient", "mariadb"], &["mysql.h", "mysql/mysql.h"]),
    ("dev-db/postgresql", &["pq"], &["libpq-fe.h"]),
    ("dev-db/sqlite", &["sqlite3"], &["sqlite3.h"]),
    ("dev-libs/expat", &["expat"], &["expat.h"]),
    ("dev-libs/glib", &["glib-2.0", "gobject-2.0", "gio-2.0"], &["glib.h"]),
    ("dev-libs/gmp", &["gmp"], &["gmp.h"]),
    ("dev-libs/icu", &["icuuc", "icui18n"], &["unicode/uchar.h"]),
    ("dev-libs/jemalloc", &["jemalloc"], &["jemalloc/jemalloc.h"]),
    ("dev-libs/libffi", &["ffi"], &["ffi.h"]),
    ("dev-libs/libgit2", &["git2"], &["git2.h"]),
    ("dev-libs/libpcre2", &["pcre2-8"], &["pcre2.h"]),
    ("dev-libs/librdkafka", &["rdkafka"], &["librdkafka/rdkafka.h"]),
    ("dev-libs/libsodium", &["sodium"], &["sodium.h"]),
    ("dev-libs/libusb", &["usb-1.0"], &["libusb.h", "libusb-1.0/libusb.h"]),
    ("dev-libs/libxml2", &["xml2"], &["libxml/parser.h", "libxml/tree.h"]),
    ("dev-libs/libxslt", &["xslt"], &["libxslt/xslt.h"]),
    ("dev-libs/libyaml", &["yaml"], &["yaml.h"]),
    ("dev-libs/oniguruma", &["onig"], &["oniguruma.h"]),
    ("dev-libs/openssl", &["ssl", "crypto"], &["openssl/ssl.h", "openssl/opensslv.h", "openssl/crypto.h"]),
    ("media-libs/alsa-lib", &["asound"], &["alsa/asoundlib.h"]),
    ("media-libs/fontconfig", &["fontconfig"], &["fontconfig/fontconfig.h"]),
    ("media-libs/freetype", &["freetype"], &["ft2build.h"]),
    ("media-libs/harfbuzz", &["harfbuzz"], &["hb.h"]),
    ("media-libs/lcms", &["lcms2"], &["lcms2.h"]),
    ("media-libs/libjpeg-turbo", &["jpeg", "turbojpeg"], &["jpeglib.h", "turbojpeg.h"]),
    ("media-libs/libpng", &["png", "png16"], &["png.h"]),
    ("media-libs/libwebp", &["webp"], &["webp/decode.h", "webp/encode.h"]),
    ("media-libs/tiff", &["tiff"], &["tiff.h", "tiffio.h"]),
    ("media-video/ffmpeg", &["avcodec", "avformat", "avutil"], &["libavcodec/avcodec.h", "libavutil/avutil.h"]),
    ("net-libs/libpcap", &["pcap"], &["pcap.h", "pcap/pcap.h"]),
    ("net-libs/libssh2", &["ssh2"], &["libssh2.h"]),
    ("net-libs/nghttp2", &["nghttp2"], &["nghttp2/nghttp2.h"]),
    ("net-misc/curl", &["curl"], &["curl/curl.h"]),
    ("sys-apps/dbus", &["dbus-1"], &["dbus/dbus.h"]),
    ("sys-apps/systemd-utils", &["udev"], &["libudev.h"]),
    ("sys-libs/libcap", &["cap"], &["sys/capability.h"]),
    ("sys-libs/libseccomp", &["seccomp"], &["seccomp.h"]),
    ("sys-libs/ncurses", &["ncurses", "ncursesw", "tinfo"], &["ncurses.h", "curses.h"]),
    ("sys-libs/pam", &["pam"], &["security/pam_appl.h"]),
    ("sys-libs/readline", &["readline"], &["readline/readline.h"]),
    ("sys-libs/zlib", &["z"], &["zlib.h", "zconf.h"]),
];

/// pkg-config's names of libraries that no crate of the table links.
const PKG_CONFIG: &[(&str, &str)] = &[
    ("libbrotlidec", "app-arch/brotli"),
    ("libcrypto", "dev-libs/openssl"),
    ("libjpeg", "media-libs/libjpeg-turbo"),
    ("libpng", "media-libs/libpng"),
    ("libpng16", "media-libs/libpng"),
    ("libssl", "dev-libs/openssl"),
    ("libtiff-4", "media-libs/tiff"),
    ("libturbojpeg", "media-libs/libjpeg-turbo"),
    ("libxslt", "dev-libs/libxslt"),
    ("ncurses", "sys-libs/ncurses"),
    ("ncursesw", "sys-libs/ncurses"),
    ("readline", "sys-libs/readline"),
    ("yaml-0.1", "dev-libs/libyaml"),
];

/// Returns the package with a library that pkg-config knows under this name.
pub fn package_of_pkg_config(name: &str) -> Option<&'static str> {
    let other = PKG_CONFIG.iter().find(|(known, _)| *known == name).map(|(_, package)| *package);
    let is_same = |library: Library| matches!(library, Library::PkgConfig(known) if known == name);
    let of_crate = || TABLE.iter().find(|entry| is_same(entry.library));
    other.or_else(|| of_crate().and_then(|entry| entry.packages.first().copied()))
}

/// Returns the package with a library that the linker knows as `-lNAME`.
pub fn package_of_linker(name: &str) -> Option<&'static str> {
    let known = LIBRARIES.iter().find(|(_, libraries, _)| libraries.contains(&name)).map(|(package, ..)| *package);
    let of_crate = || {
        let is_same = |library: Library| matches!(library, Library::Linker(known) if known == name);
        TABLE.iter().find(|entry| is_same(entry.library)).and_then(|entry| entry.packages.first().copied())
    };
    known.or_else(of_crate)
}

/// Returns the package with a header, as `#include` names it.
pub fn package_of_header(header: &str) -> Option<&'static str> {
    let is_same = |known: &&&str| **known == header || header.ends_with(&format!("/{known}"));
    LIBRARIES.iter().find(|(_, _, headers)| headers.iter().find(is_same).is_some()).map(|(package, ..)| *package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_every_name() {
        assert_eq!(package_of_pkg_config("zlib"), Some("sys-libs/zlib"));
        assert_eq!(package_of_pkg_config("libpq"), Some("dev-db/postgresql"));
        assert_eq!(package_of_pkg_config("libjpeg"), Some("media-libs/libjpeg-turbo"));
        assert_eq!(package_of_pkg_config("unheard-of"), None);
        assert_eq!(package_of_linker("z"), Some("sys-libs/zlib"));
        assert_eq!(package_of_linker("rocksdb"), Some("dev-libs/rocksdb"));
        assert_eq!(package_of_linker("unheard-of"), None);
        assert_eq!(package_of_header("zlib.h"), Some("sys-libs/zlib"));
        assert_eq!(package_of_header("libxml2/libxml/parser.h"), Some("dev-libs/libxml2"));
        assert_eq!(package_of_header("notzlib.h"), None);
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        let names: Vec<&str> = LIBRARIES.iter().map(|(package, ..)| *package).collect();
        assert!(names.is_sorted_by(|one, other| one < other));
        let mut libraries: Vec<&str> =
            LIBRARIES.iter().flat_map(|(_, libraries, _)| libraries.iter().copied()).collect();
        libraries.sort_unstable();
        assert!(libraries.is_sorted_by(|one, other| one < other));
        assert!(PKG_CONFIG.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
