use proptest::prelude::*;

use super::*;

const AREA: Rect = Rect { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };

#[test]
fn squarify_reproduces_the_example_of_the_paper() {
    let parts = squarify(&[6, 6, 4, 3, 2, 2, 1], AREA);
    let rounded: Vec<_> = parts
        .iter()
        .map(|part| [part.x, part.y, part.width, part.height].map(|value| (value * 100.0).round() / 100.0))
        .collect();
    assert_eq!(rounded[..3], [[0.0, 0.0, 3.0, 2.0], [0.0, 2.0, 3.0, 2.0], [3.0, 0.0, 1.71, 2.33]]);
    assert_eq!(rounded[3], [4.71, 0.0, 1.29, 2.33]);
    assert_eq!(rounded[4], [3.0, 2.33, 1.2, 1.67]);
}

#[test]
fn empty_sizes_have_no_area() {
    assert_eq!(squarify(&[], AREA), []);
    for part in squarify(&[0, 0], AREA) {
        assert_eq!(part.width * part.height, 0.0);
    }
    let flat = Rect { height: 0.0, ..AREA };
    assert!(squarify(&[3, 2], flat).iter().all(|part| part.height == 0.0));
}

proptest! {
    #[test]
    fn areas_are_proportional_and_disjoint(mut sizes in prop::collection::vec(0_u64..1_000_000, 1..60)) {
        sizes.sort_by_key(|size| std::cmp::Reverse(*size));
        let total: u64 = sizes.iter().sum();
        let parts = squarify(&sizes, AREA);
        prop_assert_eq!(parts.len(), sizes.len());
        for (size, part) in sizes.iter().zip(&parts) {
            prop_assert!([part.x, part.y, part.width, part.height].iter().all(|value| value.is_finite()));
            prop_assert!(part.x > -1e-6 && part.x + part.width < AREA.width + 1e-6);
            prop_assert!(part.y > -1e-6 && part.y + part.height < AREA.height + 1e-6);
            let share = if total == 0 { 0.0 } else { *size as f64 / total as f64 };
            prop_assert!((part.width * part.height - share * 24.0).abs() < 1e-6);
        }
        for (at, one) in parts.iter().enumerate() {
            for other in &parts[at + 1..] {
                let across = (one.x + one.width).min(other.x + other.width) - one.x.max(other.x);
                let down = (one.y + one.height).min(other.y + other.height) - one.y.max(other.y);
                prop_assert!(across < 1e-6 || down < 1e-6, "{:?} and {:?}", one, other);
            }
        }
    }
}

fn leaf(name: &str, bytes: u64) -> Node {
    Node { name: name.into(), detail: format!("/usr/{name}"), bytes, parts: Vec::new() }
}

fn group(name: &str, parts: Vec<Node>) -> Node {
    Node { name: name.into(), detail: name.into(), bytes: parts.iter().map(|part| part.bytes).sum(), parts }
}

fn example() -> Node {
    group(
        "web",
        vec![
            group("sys-libs/glibc", vec![group("/usr/lib64", vec![leaf("libc.so.6", 1900), leaf("<b>&'\"", 300)])]),
            group("the program", vec![group("/usr/bin", vec![leaf("web", 700)])]),
            group("nothing", vec![group("/etc", vec![leaf("empty", 0)])]),
        ],
    )
}

#[test]
fn names_without_room_are_left_out() {
    let root = example();
    insta::assert_snapshot!(svg(&Treemap { title: "web", root: &root, size: |bytes| format!("{bytes} B") }));
}

#[test]
fn page_has_a_view_per_part() {
    let root = example();
    let rows = [Row { name: "sys-libs/glibc".into(), files: 2, bytes: 2200, view: 0 }];
    let map = Treemap { title: "web", root: &root, size: |bytes| format!("{bytes} B") };
    let bar = |(name, bytes): (&str, u64)| Bar { name: name.into(), bytes };
    let stages = [("builder", 100_000), ("ROOT <x>", 25_000), ("its layers", 2500)].map(bar);
    insta::assert_snapshot!(page(&map, &rows, &stages));
    assert_eq!(page(&map, &rows, &[]).matches("<table>").count(), 1);
}
