//! Numbers of a comparison beyond its first table: how they are spread, each two entries, and all files.

use serde_json::{Value, json};

use super::{measure, named};
use crate::support::Lab;

/// What a first sentence and what people wrote come to, which can be counted.
pub(super) fn are_spread_and_paired(results: &Value) {
    let entry = |name| named(&results["entries"], "name", name);
    let by_hand = entry("by hand");
    let words = json!({
        "least": 3.0, "p5": 3.0, "p25": 3.0, "median": 3.0, "p75": 3.0, "p95": 3.0, "most": 3.0, "count": 40,
    });
    assert_eq!(by_hand["quantiles"]["words"], words);
    assert_eq!(by_hand["empty"]["value"], 0.0);
    assert_eq!(by_hand["empty"]["count"], 40);
    let tenths = &entry("lead-1")["copied_from_tenths"];
    assert_eq!(*tenths, json!([40, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    // Whatever both have is compared, with the first entry and with each other.
    let other = &entry("other")["paired"];
    for name in [
        "kl",
        "entropy",
        "empty",
        "invalid",
        "tokens",
        "novel_1grams",
    ] {
        assert!(other[name]["p"].is_number(), "{name}: {other}");
    }
    let pairs = results["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 3, "{pairs:?}");
    let pair = pairs.iter().find(|pair| pair["first"] == "lead-1").unwrap();
    let words = &pair["paired"]["words"];
    assert_eq!(
        (&pair["second"], &words["difference"]["value"]),
        (&json!("by hand"), &json!(1.0))
    );
    assert!(words["p"].as_f64().unwrap() < 0.001, "{words}");
    assert!(pair["paired"]["kl"].is_null(), "{pair}");
    let scoring = named(&results["judges"], "name", "letters");
    assert_eq!(scoring["score_pairs"].as_array().unwrap().len(), 3);
}

/// Whatever `eval.json` has, the other files have too.
pub(super) fn stand_in_all_files(lab: &Lab, results: &Value) {
    let csv = std::fs::read_to_string(lab.path("compared/eval.csv")).unwrap();
    assert!(
        csv.starts_with("entry,against,judge,measure,value,low,high,n,p\n"),
        "{csv}"
    );
    for part in [
        "lead-1,by hand,e,win_rate,0.25,",
        "lead-1,by hand,,words,1,1,1,40,",
        "by hand,,,words_median,3,,,40,",
        ",,e,first_seat,",
    ] {
        assert!(csv.contains(part), "`{part}` is not in: {csv}");
    }
    let shown = std::fs::read_to_string(lab.path("compared/eval.md")).unwrap();
    for part in ["## ratings by e", "## more of each entry", "| entropy |"] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    // Of how many answers a share is, where some have none.
    let copied = &measure(results, "untrained", "copied_4grams")["count"];
    let said = format!("; n {copied})");
    assert!(copied == 40 || shown.contains(&said), "{copied}: {shown}");
}
