//! Broken exports of programs by which people annotate: Label Studio and Argilla.

use super::*;

#[test]
fn tasks_of_label_studio() {
    let task = |data: &str, result: &str| {
        format!(
            r#"[{{"data":{{{data}}},"annotations":[{{"completed_by":1,"result":[{result}]}}]}}]"#
        )
    };
    let two = r#""prompt":"q","text1":"a","text2":"b""#;
    let items = r#""prompt":"q","items":[{"id":"a","body":"a"},{"id":"b","body":"b"},{"id":"c","body":"c"}]"#;
    let left = r#"{"type":"pairwise","value":{"selected":"left"}}"#;
    let ranker = |value: &str| format!(r#"{{"type":"ranker","value":{{"ranker":{value}}}}}"#);
    for (file, part) in [
        (
            r#"[{"text1":"a"}]"#.to_owned(),
            "hint: export as JSON, not as JSON-MIN",
        ),
        (r#"[{"data":{}}]"#.to_owned(), "`annotations`"),
        (
            task(r#""text1":"a","text2":"b""#, left),
            "`data`: has no query",
        ),
        (
            task(r#""prompt":"q","question":"q""#, left),
            "both `prompt` and `question`",
        ),
        (task(r#""prompt":"q""#, left), "`data`: has no responses"),
        (
            task(r#""prompt":"q","a1":"","a2":"","b1":"","b2":"""#, left),
            "both `a1` and `b1`",
        ),
        (
            task(&two.replace("\"b\"", "3"), left),
            "`text2` is 3, must be a text",
        ),
        (
            task(two, &left.replace("left", "middle")),
            "`selected` is \"middle\"",
        ),
        (task(items, left), "two responses, but there are 3"),
        (
            task(items, &ranker(r#"["a","x"]"#)),
            "`ranker` is \"x\", must be one of",
        ),
        (
            task(items, &ranker(r#"["a","b"]"#)),
            "`annotations[0]`: `ranking`",
        ),
        (
            task(two, r#"{"type":"rating","value":{"rating":4}}"#),
            "`rating` is about one response, and `to_name`, null, does not say",
        ),
        (
            task(
                &format!(r#"{two},"text3":"c""#),
                r#"{"type":"pairwise","to_name":"x,y","value":{"selected":"left"}}"#,
            ),
            "`to_name` is \"x,y\", must be two of `text1`",
        ),
        (
            task(items, &ranker(r#"{"good":["a"],"bad":["b","c"]}"#)),
            "bucket `good`",
        ),
        (
            task(items, &ranker(r#"{"best":["a"],"rest":["b","x"]}"#)),
            "`ranker` is \"x\", must be one of",
        ),
        (
            task(items, &ranker(r#"{"best":["a"],"rest":["a","b","c"]}"#)),
            "`a` both in `best` and in `rest`",
        ),
        (task(items, &ranker("3")), "`ranker` is 3"),
        (
            task(r#""prompt":"q","items":[{"id":"a","title":"a"}]"#, left),
            "`data.items[0]` has no text",
        ),
        (
            task(two, r#"{"type":"choices","value":{}}"#),
            "none of `pairwise`",
        ),
        (task(two, &format!("{left},{left}")), "has 2 answers"),
        (
            task(
                r#""prompt":"q","text":"a""#,
                r#"{"type":"rating","value":{"rating":"good"}}"#,
            ),
            "`rating` is \"good\"",
        ),
        (
            task(two, left).replace(":1,", ":[],"),
            "`completed_by` is []",
        ),
        (
            task(two, left).replace("\"completed_by\":1", "\"created_at\":\"monday\""),
            "`created_at` is \"monday\"",
        ),
    ] {
        check("label-studio", file, &["row 0", part]);
    }
}

#[test]
fn records_of_argilla() {
    let record = |fields: &str, responses: &str| {
        format!(r#"[{{"fields":{{"prompt":"q",{fields}}},"responses":{responses}}}]"#)
    };
    let two = r#""r1":"a","r2":"b""#;
    let ranked = |value: &str| format!(r#"{{"best":[{{"value":{value},"user_id":"1"}}]}}"#);
    for (file, part) in [
        ("[{}]".to_owned(), "`fields`"),
        (record(two, "3"), "`responses` is 3"),
        (record(two, r#"{"best":3}"#), "`responses.best` is 3"),
        (
            record(two, &ranked("\"r9\"")),
            "`responses.best`: `value` is \"r9\", must be one of",
        ),
        (record(two, &ranked("3")), "`value` is 3"),
        (
            record(two, &ranked(r#"[{"value":"r1","rank":1}]"#)),
            "a rank for each of `r1`, `r2`",
        ),
        (
            record(two, &ranked(r#"[{"value":"r1","rank":"top"}]"#)),
            "`rank` is \"top\"",
        ),
        (
            record(two, &ranked("\"r1\"").replace("\"1\"", "7")),
            "`user_id` is 7",
        ),
        (
            record(two, &ranked(r#""r1","status":"lost""#)),
            "`status` is \"lost\"",
        ),
        (
            record(
                two,
                r#"{"best":[{"value":"r1"}],"kindest":[{"value":"r2"}]}"#,
            ),
            "several questions about the responses, `best` and `kindest`",
        ),
        (
            record(two, r#"{"best":[{"value":"r1"},{"value":"r3"}]}"#),
            "`responses.best`: `value` is \"r3\"",
        ),
        (record(r#""r1":"a","r2":3"#, &ranked("\"r1\"")), "`r2` is 3"),
        (
            record(two, &ranked("\"r1\"")).replacen('{', r#"{"metadata":{"labeled_at":3},"#, 1),
            "`metadata.labeled_at` is 3, must be a time",
        ),
    ] {
        check("argilla", file, &["row 0", part]);
    }
}
