//! A JSON schema of the tables, generated from the list of keys.

use serde_json::{Map, Value, json};

use crate::keys::{KEYS, Key, Scope, Shape};

/// Returns a JSON schema (draft 2020-12) of a Cargo.toml's image tables, for editors that check TOML.
pub fn schema() -> Value {
    let image = json!({ "$ref": "#/$defs/image" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The image tables of Tierce in Cargo.toml",
        "type": "object",
        "properties": {
            "package": metadata(json!({
                "image": { "$ref": "#/$defs/package-image" },
                "images": { "type": "object", "additionalProperties": image },
            })),
            "workspace": metadata(json!({
                "image": { "$ref": "#/$defs/workspace-image" },
                "images": { "type": "object", "additionalProperties": { "$ref": "#/$defs/packages-image" } },
            })),
        },
        "$defs": {
            "image": table(keys_of(&[Scope::Image, Scope::Program])),
            "package-image": table(keys_of(&[Scope::Image, Scope::Program, Scope::Package])),
            "packages-image": table(keys_of(&[Scope::Image])),
            "workspace-image": table(keys_of(&[Scope::Image, Scope::Program, Scope::Workspace])),
        },
    })
}

fn metadata(properties: Value) -> Value {
    json!({
        "type": "object",
        "properties": { "metadata": { "type": "object", "properties": properties } },
    })
}

fn keys_of(scopes: &[Scope]) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| scopes.contains(&key.scope) && key.later.is_none())
}

fn table(keys: impl Iterator<Item = &'static Key>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in keys {
        let mut value = shape(&key.shape);
        if let Value::Object(value) = &mut value {
            let default = if key.default.is_empty() { String::new() } else { format!(" Default: {}.", key.default) };
            value.insert("description".to_owned(), Value::String(format!("{}{default}", key.doc)));
        }
        properties.insert(key.name.to_owned(), value);
        required.extend(key.required.then_some(key.name));
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn shape(shape_of_key: &Shape) -> Value {
    match shape_of_key {
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::False => json!({ "const": false }),
        Shape::Integer => json!({ "type": "integer", "minimum": 0 }),
        Shape::Text => json!({ "type": "string" }),
        Shape::TextOrInteger => json!({ "type": ["string", "integer"] }),
        Shape::Choice(words, _) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": shape(value) }),
        Shape::Table(keys) => table(keys.iter()),
        Shape::OneOf(keys) => {
            let mut value = table(keys.iter());
            value["minProperties"] = json!(1);
            value["maxProperties"] = json!(1);
            value
        }
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
        Shape::Any => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_has_every_supported_key() {
        let schema = schema();
        for key in KEYS.iter().filter(|key| key.later.is_none()) {
            let definition = match key.scope {
                Scope::Image => "packages-image",
                Scope::Program => "image",
                Scope::Package => "package-image",
                Scope::Workspace => "workspace-image",
            };
            let property = &schema["$defs"][definition]["properties"][key.name];
            assert!(property["description"].as_str().is_some_and(|text| text.starts_with(key.doc)), "{}", key.name);
        }
        assert_eq!(schema["$defs"]["image"]["properties"]["builder"], Value::Null);
        assert_eq!(schema["$defs"]["packages-image"]["properties"]["bins"], Value::Null);
        assert_eq!(schema["$defs"]["workspace-image"]["properties"]["builder"]["anyOf"][0]["enum"], json!(["debian"]));
        let file = &schema["$defs"]["image"]["properties"]["files"]["items"];
        assert_eq!(file["required"], json!(["from", "to"]));
    }
}
