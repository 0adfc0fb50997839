//! The image of PHP: its flags add their libraries, and other programs read its pictures.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Workspace, repository, run, tool, xtask};

const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
/// As little as a container can have.
const BARE: [&str; 7] = ["run", "--rm", "--read-only", "--cap-drop", "ALL", "--network", "none"];

/// The output of PHP in a container of this image.
#[track_caller]
fn php(reference: &str, arguments: &[&str]) -> String {
    tool("docker", BARE.iter().chain(&[reference]).chain(arguments)).ok().stdout
}

/// The description of a picture by ImageMagick.
#[track_caller]
fn convert(picture: &Path, arguments: &[&str]) -> String {
    tool("convert", [picture.to_str().expect("UTF-8")].iter().chain(arguments)).ok().stdout
}

/// A workspace with a copy of this repository's ebuilds and one image of PHP, whose table goes on like this.
fn with_php(table: &str) -> Workspace {
    let lock = fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
    let (builder, _) = lock.split_once("[[image]]").expect("it has images");
    let workspace = Workspace::new("workspace")
        .file(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"some\"]\n\n[workspace.metadata.image]\n\
             repositories = [{{ name = \"tierce-images\", path = \"overlay\" }}]\n\n\
             [workspace.metadata.images.php]\npackages = [\"dev-lang/php\"]\ncmd = [\"/usr/bin/php\"]\n{table}\n"
            ),
        )
        .file("some/Cargo.toml", "[package]\nname = \"some\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("some/src/lib.rs", "")
        .file("Tierce.lock", builder);
    let (from, to) = (repository().join("images/overlay"), workspace.root().join("overlay"));
    tool("cp", ["-r", from.to_str().expect("UTF-8"), to.to_str().expect("UTF-8")]).ok();
    workspace
}

#[test]
fn php_draws_valid_pictures() {
    let ran = run(xtask(repository()).args(["image", "php", "--format", "json"])).ok();
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let reference = report[0]["reference"].as_str().expect("a name");

    let info: Value = serde_json::from_str(&php(reference, &["-r", "echo json_encode(gd_info());"])).expect("JSON");
    for what in ["JPEG Support", "PNG Support", "WebP Support", "FreeType Support"] {
        assert_eq!(info[what], true, "{what}: {info}");
    }
    assert_eq!(php(reference, &["-r", "echo mb_ereg_replace('[ÄÖ]', 'o', 'ÄpfelÖl');"]), "opfelol");

    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let script = repository().join("tests/e2e/php/draw.php");
    let mount = |from: &Path, to: &str| format!("{}:{to}", from.display());
    let mounts = [mount(folder.path(), "/out"), mount(&script, "/draw.php:ro"), mount(Path::new(FONT), "/font.ttf:ro")];
    let mounts = mounts.iter().flat_map(|mount| ["-v", mount.as_str()]);
    let drawing = BARE.into_iter().chain(mounts).chain([reference, "/draw.php", "/out", "/font.ttf"]);
    let said = tool("docker", drawing).ok().stdout;
    assert_eq!(said, "png 160x120 0000fc\njpg 160x120 0000fc\nwebp 160x120 0000fc\n");

    let [png, jpg, webp] = ["png", "jpg", "webp"].map(|format| folder.path().join(format!("picture.{format}")));
    for (picture, kind, format) in
        [(&png, "PNG image data, 160 x 120, ", "PNG"), (&jpg, "JPEG image data, ", "JPEG"), (&webp, "RIFF ", "WEBP")]
    {
        let said = tool("file", ["--brief", picture.to_str().expect("UTF-8")]).ok().stdout;
        assert!(said.starts_with(kind), "{said}");
        assert_eq!(convert(picture, &["-format", "%m %wx%h", "info:"]), format!("{format} 160x120"));
    }
    let pixels = "%[pixel:p{10,10}] %[pixel:p{120,30}] %[pixel:p{150,5}]";
    assert_eq!(convert(&png, &["-format", pixels, "info:"]), "srgb(255,0,0) srgb(0,0,255) srgb(255,255,255)");
    // The text is there, and is no block.
    let ink = convert(&png, &["-crop", "160x60+0+60", "-negate", "-format", "%[fx:mean]", "info:"]);
    assert!(ink.parse().is_ok_and(|ink: f64| (0.05..0.5).contains(&ink)), "{ink}");
    let distance = |picture: &Path| {
        let compared =
            [png.to_str().expect("UTF-8"), "-metric", "RMSE", "-compare", "-format", "%[distortion]", "info:"];
        let distance = convert(picture, &compared);
        distance.parse::<f64>().unwrap_or_else(|_| panic!("no number: {distance}"))
    };
    assert_eq!(distance(&webp), 0.0, "it is lossless");
    assert!(distance(&jpg) < 0.05, "{}", distance(&jpg));

    // The report has the size that each USE flag adds, and the reason for each package.
    let flags = report[0]["flags"].as_array().expect("a list");
    let webp = flags.iter().find(|one| one["flag"] == "dev-lang/php[webp]").unwrap_or_else(|| panic!("{flags:?}"));
    assert!(webp["packages"][0].as_str().is_some_and(|package| package.starts_with("media-libs/libwebp-")), "{webp}");
    assert!(webp["bytes"].as_u64() > Some(100_000), "{webp}");
    let packages = fs::read_to_string(repository().join("target/tierce/reports/php/packages.md")).expect("a report");
    assert!(packages.contains("| dev-lang/php[webp] → media-libs/libwebp |"), "{packages}");

    // Each stage of the report starts from the one before.
    let stages = report[0]["stages"].as_array().expect("a list");
    let stage = |name: &str| {
        let stage = stages.iter().find(|stage| stage["stage"] == name);
        stage.and_then(|stage| stage["bytes"].as_u64()).unwrap_or_else(|| panic!("{name}: {stages:?}"))
    };
    let left_out = report[0]["left-out"].as_array().expect("a list").iter();
    let (globs, presets): (Vec<&Value>, Vec<&Value>) =
        left_out.partition(|left| left["name"].as_str().is_some_and(|name| name.starts_with('/')));
    let sum = |left: &[&Value]| left.iter().filter_map(|left| left["bytes"].as_u64()).sum::<u64>();
    assert!(sum(&presets) > 0 && sum(&globs) > 0, "{report}");
    assert!(stage("unmerge") < stage("root") && stage("root") < stage("builder"), "{stages:?}");
    assert_eq!(stage("presets"), stage("unmerge") - sum(&presets));
    assert_eq!(stage("prune"), stage("presets") - sum(&globs));
    assert_eq!(stage("files"), report[0]["sizes"]["closure"]);
    assert!(stage("files") <= stage("image") && stage("image") < stage("root") / 2, "{stages:?}");
}

#[test]
fn use_flag_adds_its_library_only() {
    let workspace = with_php("package-use = { \"dev-lang/php\" = [\"gd\", \"webp\"] }");
    // ROOT gets the resolved packages only.
    workspace.xtask(&["update", "php"]).ok();
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("it was written");
    for (package, there) in [
        ("dev-lang/php", true),
        ("media-libs/libpng", true),
        ("media-libs/libwebp", true),
        ("sys-libs/zlib", true),
        ("dev-libs/oniguruma", false),
        ("media-libs/freetype", false),
        ("media-libs/libjpeg-turbo", false),
    ] {
        assert_eq!(lock.contains(&format!("name = \"{package}\"\n")), there, "{package}:\n{lock}");
    }
    for brought in ["media-libs/libpng if gd", "media-libs/libwebp if webp", "sys-libs/zlib if gd"] {
        assert!(lock.contains(&format!("\"{brought}\"")), "{brought}:\n{lock}");
    }
}

#[test]
fn required_use_error_names_line() {
    let workspace = with_php("package-use = { \"dev-lang/php\" = [\"webp\"] }");
    insta::assert_snapshot!(workspace.xtask(&["image"]).fails_with(4).error(workspace.root()), @r#"
    error: `dev-lang/php-8.2.32` requires webp? ( gd ) of its USE flags
      --> Cargo.toml:11:35
       |
    11 | package-use = { "dev-lang/php" = ["webp"] }
       |                                   ^^^^^^
       |
       = help: set `gd` or `webp` in `package-use` to meet this
    "#);
}
