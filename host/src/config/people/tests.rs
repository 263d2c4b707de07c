//! What of `[people]` cannot work, with a hint each.

use crate::config::Config;

fn said(rest: &str) -> String {
    let text = format!(
        "[run]\ndir='r'\n[model]\npath='m'\n[data]\ntrain='d'\n[task]\nplugin='t'\n[collect]\nby='people'\n{rest}"
    );
    let config: Config = toml::from_str(&text).unwrap();
    config
        .collect()
        .err()
        .map_or(String::new(), |error| error.to_string())
}

#[test]
fn people_need_not_be_told_of() {
    assert_eq!(said(""), "");
    assert_eq!(said("[people]\n"), "");
}

#[test]
fn what_cannot_work_is_said_with_a_hint() {
    for (people, part) in [
        ("mode='worst'", "[people] mode `worst` is unknown"),
        ("hints='now'", "[people] hints `now` is unknown"),
        (
            "hints='after'",
            "hints are shown after, and there is no labeler",
        ),
        (
            "instructions='a'\ninstructions_text='b'",
            "has instructions and instructions_text",
        ),
        ("training=2", "training is 2, and there is no gold"),
        ("gold_every=3\nrepeat_every=3", "checks are 67 %"),
        (
            "attention_every=9\nattention_text=' '",
            "attention_text is empty",
        ),
        ("overlap=2.0", "overlap 2 is not in 0..1"),
        ("people_per_comparison=0", "people_per_comparison is 0"),
        ("lease_seconds=0", "lease_seconds is 0"),
        (
            "characters_per_second=-1.0",
            "characters_per_second -1 must be",
        ),
        ("scale=[7.0, 1.0]", "scale is [7, 1], must rise"),
        (
            "mode='pair'",
            "responses is 4, must be 2 in [people] mode pair",
        ),
        (
            "mode='rating'",
            "responses is 4, must be 1 in [people] mode rating",
        ),
    ] {
        let message = said(&format!("[people]\n{people}\n"));
        assert!(
            message.contains(part) && message.contains("\nhint: "),
            "{people}: {message}"
        );
    }
}

#[test]
fn ratings_are_of_one_response() {
    let text = "responses=1\nvalidation_share=0.0\n[people]\nmode='rating'\n";
    assert_eq!(said(text), "");
    let message = said("responses=1\nvalidation_share=0.0\n");
    assert!(
        message.contains("responses is 1, must be 2 to 64"),
        "{message}"
    );
}
