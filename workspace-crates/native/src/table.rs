//! The rows of the table.

use crate::Behaviour::{self, Bundles, Links, LinksOrBundles, OnlyBundles};
use crate::Library::{self, Linker, PkgConfig};
use crate::NativeCrate;

/// All crates, by name.
pub const TABLE: &[NativeCrate] = &[
    row("alsa-sys", &["media-libs/alsa-lib"], PkgConfig("alsa"), Links),
    row("bzip2-sys", &["app-arch/bzip2"], PkgConfig("bzip2"), LinksOrBundles),
    row("cairo-sys-rs", &["x11-libs/cairo"], PkgConfig("cairo"), Links),
    row("curl-sys", &["net-misc/curl"], PkgConfig("libcurl"), LinksOrBundles),
    row("dav1d-sys", &["media-libs/dav1d"], PkgConfig("dav1d"), Links),
    row("expat-sys", &["dev-libs/expat"], PkgConfig("expat"), LinksOrBundles),
    row("ffmpeg-sys-next", &["media-video/ffmpeg"], PkgConfig("libavutil"), Links),
    row("freetype-sys", &["media-libs/freetype"], PkgConfig("freetype2"), LinksOrBundles),
    row("gdal-sys", &["sci-libs/gdal"], PkgConfig("gdal"), Links),
    row("gdk-pixbuf-sys", &["x11-libs/gdk-pixbuf"], PkgConfig("gdk-pixbuf-2.0"), Links),
    row("geos-sys", &["sci-libs/geos"], PkgConfig("geos"), Links),
    row("gio-sys", &["dev-libs/glib"], PkgConfig("gio-2.0"), Links),
    row("glib-sys", &["dev-libs/glib"], PkgConfig("glib-2.0"), Links),
    row("gmp-mpfr-sys", &["dev-libs/gmp"], PkgConfig("gmp"), Bundles)
        .told_in_cargo_toml("the feature `use-system-libs`"),
    row("gobject-sys", &["dev-libs/glib"], PkgConfig("gobject-2.0"), Links),
    row("gpgme-sys", &["app-crypt/gpgme"], PkgConfig("gpgme"), Links),
    row("gstreamer-sys", &["media-libs/gstreamer"], PkgConfig("gstreamer-1.0"), Links),
    row("gtk-sys", &["x11-libs/gtk+"], PkgConfig("gtk+-3.0"), Links),
    row("gtk4-sys", &["gui-libs/gtk"], PkgConfig("gtk4"), Links),
    row("harfbuzz-sys", &["media-libs/harfbuzz"], PkgConfig("harfbuzz"), LinksOrBundles),
    row("hdf5-metno-sys", &["sci-libs/hdf5"], PkgConfig("hdf5"), Links),
    row("hidapi", &["dev-libs/hidapi"], PkgConfig("hidapi-hidraw"), Bundles)
        .told_in_cargo_toml("the feature `linux-shared-hidraw`"),
    row("lcms2-sys", &["media-libs/lcms"], PkgConfig("lcms2"), LinksOrBundles),
    row("libbpf-sys", &["dev-libs/libbpf"], PkgConfig("libbpf"), Bundles)
        .told_in_cargo_toml("`default-features = false`"),
    row("libcryptsetup-rs-sys", &["sys-fs/cryptsetup"], PkgConfig("libcryptsetup"), Links),
    row("libdbus-sys", &["sys-apps/dbus"], PkgConfig("dbus-1"), Links),
    row("libduckdb-sys", &["dev-db/duckdb"], PkgConfig("duckdb"), Links),
    row("libffi-sys", &["dev-libs/libffi"], PkgConfig("libffi"), Bundles).told_in_cargo_toml("the feature `system`"),
    row("libgit2-sys", &["dev-libs/libgit2"], PkgConfig("libgit2"), LinksOrBundles)
        .told_by(&[("LIBGIT2_NO_VENDOR", "1")]),
    row("libgssapi-sys", &["virtual/krb5", "app-crypt/mit-krb5"], PkgConfig("mit-krb5-gssapi"), Links),
    row("libheif-sys", &["media-libs/libheif"], PkgConfig("libheif"), Links),
    row("liblzma-sys", &["app-arch/xz-utils"], PkgConfig("liblzma"), LinksOrBundles),
    row("libmimalloc-sys", &["dev-libs/mimalloc"], Linker("mimalloc"), OnlyBundles),
    row("libnghttp2-sys", &["net-libs/nghttp2"], PkgConfig("libnghttp2"), OnlyBundles),
    row("libpulse-sys", &["media-libs/libpulse"], PkgConfig("libpulse"), Links),
    row("librocksdb-sys", &["dev-libs/rocksdb"], Linker("rocksdb"), Bundles).told_by(&[("ROCKSDB_LIB_DIR", "{lib}")]),
    row("libseccomp-sys", &["sys-libs/libseccomp"], PkgConfig("libseccomp"), Links),
    row("libsodium-sys-stable", &["dev-libs/libsodium"], PkgConfig("libsodium"), Bundles)
        .told_by(&[("SODIUM_USE_PKG_CONFIG", "1")]),
    row("libspa-sys", &["media-video/pipewire"], PkgConfig("libspa-0.2"), Links),
    row("libsqlite3-sys", &["dev-db/sqlite"], PkgConfig("sqlite3"), Links)
        .told_by(&[("LIBSQLITE3_SYS_USE_PKG_CONFIG", "1")]),
    row("libssh2-sys", &["net-libs/libssh2"], PkgConfig("libssh2"), Bundles)
        .told_by(&[("LIBSSH2_SYS_USE_PKG_CONFIG", "1")]),
    row("libsystemd-sys", &["sys-apps/systemd"], PkgConfig("libsystemd"), Links),
    row("libudev-sys", &["virtual/libudev", "sys-apps/systemd-utils", "sys-apps/systemd"], PkgConfig("libudev"), Links),
    row("libusb1-sys", &["dev-libs/libusb", "virtual/libusb"], PkgConfig("libusb-1.0"), LinksOrBundles),
    row("libwebp-sys", &["media-libs/libwebp"], PkgConfig("libwebp"), Bundles)
        .told_in_cargo_toml("the feature `system-dylib`"),
    row("libxml", &["dev-libs/libxml2"], PkgConfig("libxml-2.0"), Links),
    row("libz-sys", &["sys-libs/zlib", "virtual/zlib", "sys-libs/zlib-ng"], PkgConfig("zlib"), LinksOrBundles),
    row("lz4-sys", &["app-arch/lz4"], PkgConfig("liblz4"), OnlyBundles),
    row("lzma-sys", &["app-arch/xz-utils"], PkgConfig("liblzma"), LinksOrBundles),
    row("magick_rust", &["media-gfx/imagemagick"], PkgConfig("MagickWand"), Links),
    row("mlua-sys", &["dev-lang/lua"], PkgConfig("lua5.4"), Links),
    row("mozjpeg-sys", &["media-libs/mozjpeg"], PkgConfig("libjpeg"), OnlyBundles),
    row("mysqlclient-sys", &["dev-db/mariadb-connector-c"], PkgConfig("libmariadb"), Links),
    row("nettle-sys", &["dev-libs/nettle"], PkgConfig("nettle"), Links),
    row("odbc-sys", &["dev-db/unixODBC"], PkgConfig("odbc"), Links),
    row("onig_sys", &["dev-libs/oniguruma"], PkgConfig("oniguruma"), Bundles)
        .told_by(&[("RUSTONIG_SYSTEM_LIBONIG", "1")]),
    row("openssl-sys", &["dev-libs/openssl"], PkgConfig("openssl"), Links).told_by(&[("OPENSSL_NO_VENDOR", "1")]),
    row("pam-sys", &["sys-libs/pam"], Linker("pam"), Links),
    row("pango-sys", &["x11-libs/pango"], PkgConfig("pango"), Links),
    row("pcap", &["net-libs/libpcap"], PkgConfig("libpcap"), Links),
    row("pcre2-sys", &["dev-libs/libpcre2"], PkgConfig("libpcre2-8"), LinksOrBundles),
    row("pcsc-sys", &["sys-apps/pcsc-lite"], PkgConfig("libpcsclite"), Links),
    row("pq-sys", &["dev-db/postgresql"], PkgConfig("libpq"), Links),
    row("proj-sys", &["sci-libs/proj"], PkgConfig("proj"), LinksOrBundles),
    row("rdkafka-sys", &["dev-libs/librdkafka"], PkgConfig("rdkafka"), Bundles)
        .told_in_cargo_toml("the feature `dynamic-linking`"),
    row("sasl2-sys", &["dev-libs/cyrus-sasl"], PkgConfig("libsasl2"), Links),
    row("sdl2-sys", &["media-libs/libsdl2"], PkgConfig("sdl2"), Links),
    row("tikv-jemalloc-sys", &["dev-libs/jemalloc"], Linker("jemalloc"), Bundles)
        .told_by(&[("JEMALLOC_OVERRIDE", "{lib}/libjemalloc.so")]),
    row("tss-esapi-sys", &["app-crypt/tpm2-tss"], PkgConfig("tss2-esys"), Links),
    row("wayland-sys", &["dev-libs/wayland"], PkgConfig("wayland-client"), Links),
    row("x11", &["x11-libs/libX11"], PkgConfig("x11"), Links),
    row("yeslogic-fontconfig-sys", &["media-libs/fontconfig"], PkgConfig("fontconfig"), Links),
    row("zstd-sys", &["app-arch/zstd"], PkgConfig("libzstd"), Bundles).told_by(&[("ZSTD_SYS_USE_PKG_CONFIG", "1")]),
];

const fn row(
    name: &'static str,
    packages: &'static [&'static str],
    library: Library,
    behaviour: Behaviour,
) -> NativeCrate {
    NativeCrate { name, packages, library, behaviour, variables: &[], cargo_toml: None }
}

impl NativeCrate {
    const fn told_by(self, variables: &'static [(&'static str, &'static str)]) -> NativeCrate {
        NativeCrate { variables, ..self }
    }

    const fn told_in_cargo_toml(self, edit: &'static str) -> NativeCrate {
        NativeCrate { cargo_toml: Some(edit), ..self }
    }
}
