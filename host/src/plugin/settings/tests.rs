//! Settings that fit a schema and settings that do not; schemas that nobody should check.

use super::*;
use serde_json::json;

fn check(schema: &str, given: &Value) -> Result<Value> {
    super::check(&read(schema)?, given)
}

const SCHEMA: &str = r#"{"type":"object","properties":{
    "weight":{"type":"number","default":1.5,"minimum":0},"word":{"type":"string","default":"a"}}}"#;

#[test]
fn defaults_are_filled_in() {
    assert_eq!(
        check(SCHEMA, &json!({"weight": 2})).unwrap(),
        json!({"weight": 2, "word": "a"})
    );
    assert_eq!(
        check(SCHEMA, &Value::Null).unwrap(),
        json!({"weight": 1.5, "word": "a"})
    );
}

#[test]
fn unknown_keys_get_a_suggestion() {
    let text = check(SCHEMA, &json!({"wieght": 2}))
        .unwrap_err()
        .to_string();
    assert!(text.contains("did you mean `weight`"), "{text}");
}

#[test]
fn values_that_break_the_schema_are_named() {
    let text = check(SCHEMA, &json!({"weight": -1}))
        .unwrap_err()
        .to_string();
    assert!(text.contains("/weight"), "{text}");
}

#[test]
fn choices_are_listed() {
    let schema = r##"{"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"oneOf":[
        {"const":"x"},{"const":"y"}]}}}"##;
    let text = check(schema, &json!({"a": "z"})).unwrap_err().to_string();
    assert!(
        text.contains(r#"setting `/a`: "z" is not "x" or "y""#),
        "{text}"
    );
}

#[test]
fn remote_references_are_refused() {
    let schema = r#"{"properties":{"a":{"$ref":"https://example.com/x.json"}}}"#;
    assert!(check(schema, &json!({"a": 1})).is_err());
}

fn refusal(schema: &Value) -> String {
    let text = read(&schema.to_string()).unwrap_err().to_string();
    assert!(text.contains("\nhint: "), "{text}");
    text
}

#[test]
fn schemas_without_end_are_refused() {
    let itself = json!({"properties": {"a": {"$ref": "#/properties/a"}}});
    assert!(refusal(&itself).contains("leads to itself"));
    let list = json!({"properties": {"a": {"$ref": "#/$defs/list"}},
        "$defs": {"list": {"properties": {"next": {"$ref": "#/$defs/%6cist"}}}}});
    assert!(refusal(&list).contains("`#/$defs/"));
    assert!(refusal(&json!({"properties": {"a": {"$ref": "#"}}})).contains("leads to itself"));
    let mut chain = serde_json::Map::new();
    for link in 0..10_000 {
        let next = format!("#/$defs/{}", link + 1);
        chain.insert(link.to_string(), json!({ "$ref": next }));
    }
    chain.insert("10000".into(), json!({}));
    let chain = json!({"$ref": "#/$defs/0", "$defs": chain});
    assert!(refusal(&chain).contains("deep"));
    let mut doubles = serde_json::Map::new();
    for link in 0..60 {
        let next = json!({"$ref": format!("#/$defs/{}", link + 1)});
        doubles.insert(link.to_string(), json!({ "allOf": [next, next] }));
    }
    doubles.insert("60".into(), json!({}));
    let doubles = json!({"properties": {"a": {"$ref": "#/$defs/0"}}, "$defs": doubles});
    assert!(refusal(&doubles).contains("more than 20000"));
}

#[test]
fn schemas_that_are_none_are_refused() {
    for (text, part) in [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no object"),
        (&"[".repeat(100_000), "no JSON"),
        (&" ".repeat(10 << 20), "10485760 bytes"),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#"}"#,
            "draft-04",
        ),
        (r#"{"a": {"$id": "x"}}"#, "`$id`"),
        (r##"{"$dynamicRef": "#a"}"##, "`$dynamicRef`"),
        (r#"{"$ref": "file:///etc/passwd"}"#, "nowhere"),
        (
            "{\"properties\": {\"a\\u001b[31m\": {}}}",
            "control characters",
        ),
        ("{\"enum\": [\"a\\u009b31m\"]}", "control characters"),
    ] {
        let refused = read(text).unwrap_err().to_string();
        assert!(refused.contains(part), "`{part}` is not in {refused}");
    }
    let schema = read("{\"description\": \"a\\u001b[31m\\nb\"}").unwrap();
    assert_eq!(schema, json!({"description": "a [31m\nb"}));
    for schema in [
        json!({"properties": {"a": {"type": "wrong"}}}),
        json!({"properties": {"a": {"pattern": "(?=a)"}}}),
        json!({"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}),
    ] {
        let text = check(&schema.to_string(), &json!({"a": "a"})).unwrap_err();
        assert!(text.to_string().contains("cannot be used"), "{text}");
    }
    assert!(refusal(&json!({"pattern": "a".repeat(2000)})).contains("2000 bytes"));
}

#[test]
fn a_pattern_that_backtracks_is_quick() {
    let schema = r#"{"properties": {"a": {"pattern": "^(a+)+$"}}}"#;
    let text = check(schema, &json!({"a": "a".repeat(5000) + "b"})).unwrap_err();
    assert!(text.to_string().contains("setting `/a`"), "{text}");
}
