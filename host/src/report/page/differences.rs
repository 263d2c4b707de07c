//! Entries against each other, query by query.

use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, name};

/// Measures that are shown of each two entries; of the rest, those against the one that all are measured against are.
const OF_EACH_TWO: [&str; 9] = [
    "rouge1",
    "rouge2",
    "rougeL",
    "copied_sentences",
    "copied_4grams",
    "longest_copied_run",
    "words",
    "kl",
    "invalid",
];

/// Each two entries, over the queries that both answered.
pub(super) fn differences(eval: &Cited) -> Table {
    let mut table = Table::new(
        "The first less the second, over the queries that both answered; p of Fisher's randomization test, not corrected for \
         how many there are. <code>eval.csv</code> has all measures of each two.",
        &["first", "second", "measure", "difference", "p", "queries"],
    );
    let against = eval.text("against");
    for entry in eval.list("entries") {
        for (key, paired) in entry.table("paired") {
            table.row(row([entry.text("name"), against], code(key), &paired));
        }
    }
    for pair in eval.list("pairs") {
        let shown = pair.table("paired").into_iter();
        for (key, paired) in shown.filter(|(key, _)| OF_EACH_TWO.contains(key)) {
            table.row(row(names(&pair), code(key), &paired));
        }
    }
    for judge in eval.list("judges") {
        let measure = format!("score by {}", name(judge.text("name")));
        for pair in judge.list("score_pairs") {
            table.row(row(names(&pair), measure.clone(), &pair));
        }
    }
    table
}

fn names<'a>(pair: &Cited<'a>) -> [&'a str; 2] {
    ["first", "second"].map(|key| pair.text(key))
}

fn row(names: [&str; 2], measure: String, paired: &Cited) -> Vec<String> {
    let difference = paired.get("difference");
    let mut cells: Vec<String> = names.map(name).into();
    cells.extend([
        measure,
        or_none(difference.as_ref().map(|mean| mean.interval())),
        or_none(paired.get("p").map(|p| p.html())),
        or_none(difference.and_then(|mean| Some(mean.get("count")?.html()))),
    ]);
    cells
}
