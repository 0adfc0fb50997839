//! Reading ends on any text, and the places of errors lie inside it.

use proptest::prelude::*;
use tierce_manifest::{KEYS, read};

use crate::{defaults, image, workspace};

/// Generates values of every type; some fit a key.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("99999999999999999999999".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("1.5".to_owned()),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        "[a-z/.:*~@-]{0,12}".prop_map(|text| format!("{text:?}")),
    ];
    let key = prop_oneof![
        "[a-z-]{1,8}".prop_map(|key| format!("{key:?}")),
        "\\PC{0,8}".prop_map(|key| format!("{key:?}")),
        Just("cmd".to_owned()),
        Just("from".to_owned()),
        Just("rootfs".to_owned()),
        Just("name".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(key.clone(), inner, 0..3).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn table() -> impl Strategy<Value = String> {
    let key = prop::sample::select(KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    prop::collection::btree_map(key, value(), 0..4)
        .prop_map(|entries| entries.iter().map(|(key, value)| format!("{key} = {value}\n")).collect())
}

fn check(root: &str, package: &str) -> Result<(), TestCaseError> {
    if let Err(errors) = read(&workspace(root, package)) {
        prop_assert!(errors.len() > 0);
        for error in &errors {
            let text = errors.text(&error.place);
            prop_assert!(text.get(error.place.span.clone()).is_some(), "{error:?} in {text:?}");
            prop_assert!(!error.message.contains('\n'), "{error:?}");
        }
        prop_assert!(!errors.to_string().is_empty());
    }
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_text_gives_valid_places(root in "\\PC{0,60}", package in "(\\PC|\n){0,60}") {
        check(&root, &package)?;
    }

    #[test]
    fn arbitrary_values_give_valid_places(root in table(), package in table()) {
        check(&defaults(&root), &image(&package))?;
    }
}

/// Nesting this deep overflows the stack of a recursive reader without a limit.
#[test]
fn deep_nesting_does_not_overflow() {
    for text in ["a = ".to_owned() + &"[".repeat(50_000), "a.".repeat(50_000) + "b = 1", "x={a=".repeat(50_000)] {
        check("", &image(&text)).unwrap();
    }
}
