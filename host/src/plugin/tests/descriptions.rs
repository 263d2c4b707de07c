//! What plugins say of themselves, when it is not fit to be shown or kept.

use super::guest::*;

/// Loading is refused with `part`.
fn refused(guest: &Guest, part: &str) {
    let text = guest.refusal(&limits());
    assert!(text.contains(part), "`{part}` is not in {text}");
    assert!(text.len() < 5000, "{} bytes", text.len());
}

/// With this text in place of the one at `place`.
fn with(place: usize, text: impl Into<Vec<u8>>) -> Guest {
    let mut guest = Guest::default();
    guest.texts[place] = text.into();
    guest.pages = 2 + (guest.texts[place].len() >> 16) as u32;
    guest
}

#[test]
fn texts_that_upset_a_terminal_or_never_end() {
    for (place, what) in ["its name", "its version", "its summary", "its sdk"]
        .into_iter()
        .enumerate()
    {
        for text in ["a\u{1b}[31mb", "a\nb", "a\u{9b}31m", "a\u{202e}b", "\u{7}"] {
            refused(&with(place, text), what);
            refused(&with(place, text), "control characters");
        }
        refused(
            &with(place, vec![b'x'; 1 << 20]),
            "1048576 bytes, more than 4096",
        );
        refused(&with(place, [b'a', 0xff]), "invalid utf-8");
    }
    refused(&with(0, ""), "has no name");
}

#[test]
fn schemas_that_cannot_be_checked() {
    refused(
        &with(4, vec![b' '; 10 << 20]),
        "its settings schema is 10485760 bytes",
    );
    refused(&with(4, "not JSON"), "its settings schema is no JSON");
    refused(&with(4, [b'"', 0xff, b'"']), "invalid utf-8");
    refused(
        &with(4, "{\"properties\": {\"a\": {\"type\": 7}}}"),
        "cannot be used",
    );
    refused(
        &with(4, r##"{"properties": {"a": {"$ref": "#/properties/a"}}}"##),
        "leads to itself",
    );
    refused(
        &with(4, r#"{"properties": {"a": {"$ref": "http://localhost/"}}}"#),
        "leads nowhere",
    );
    let pattern = r#"{"properties": {"a": {"pattern": "((a{999}){999}){999}", "default": "a"}}}"#;
    refused(&with(4, pattern), "cannot be used");
    refused(
        &with(
            4,
            r#"{"properties": {"a": {"type": "string", "default": 7}}}"#,
        ),
        "/a",
    );
}

#[test]
fn metrics_and_assets_without_end_or_without_names() {
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let many: Vec<String> = (0..257).map(|number| format!("m{number}")).collect();
    let long = "x".repeat(1 << 20);
    for (names, part) in [
        (many, "257"),
        (named(&[&long]), "1048576 bytes, more than 100"),
        (named(&["a", "b", "a"]), "`a` twice"),
        (named(&["a", ""]), "has no name"),
        (named(&["a\u{1b}[2Jb"]), "control characters"),
    ] {
        let pages = 40;
        let metrics = names.clone();
        refused(
            &Guest {
                metrics,
                pages,
                ..Guest::default()
            },
            part,
        );
        refused(
            &Guest {
                assets: names,
                pages,
                ..Guest::default()
            },
            part,
        );
    }
    // A list that is longer than the memory, and one that a thousandth of the output's limit ends.
    let describe = "(i32.store (i32.const 1080) (i32.const 0x0fffffff))";
    refused(
        &Guest {
            describe,
            ..Guest::default()
        },
        "pointer",
    );
    let describe = "(i32.store (i32.const 1076) (i32.const 0)) (i32.store (i32.const 1080) (i32.const 3000000))";
    refused(
        &Guest {
            describe,
            pages: 900,
            ..Guest::default()
        },
        "returned more than a call may",
    );
}

#[test]
fn errors_about_settings_are_cleaned() {
    // `config`, with one problem whose texts are the name, with an escape in it.
    let configure = "(i32.store (i32.const 2048) (i32.const 0x6d315b1b))
        (i32.store8 offset=0 (local.get $out) (i32.const 1)) (i32.store8 offset=4 (local.get $out) (i32.const 0))
        (i32.store offset=8 (local.get $out) (i32.const 512)) (i32.store offset=12 (local.get $out) (i32.const 1))
        (i32.store (i32.const 512) (i32.const 2048)) (i32.store (i32.const 516) (i32.const 5))
        (i32.store (i32.const 520) (i32.const 2048)) (i32.store (i32.const 524) (i32.const 5))";
    refused(
        &Guest {
            configure,
            ..Guest::default()
        },
        "` [1mt`:  [1mt",
    );
    let many = "(i32.store8 offset=0 (local.get $out) (i32.const 1))
        (i32.store offset=8 (local.get $out) (i32.const 0x100000)) (i32.store offset=12 (local.get $out) (i32.const 100000))";
    let guest = Guest {
        configure: many,
        pages: 60,
        ..Guest::default()
    };
    refused(&guest, "and 99980 more");
}
