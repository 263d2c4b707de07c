//! Answers to held-out queries before and after, side by side, with what of them stands in the query.

use super::{Bounds, Told};
use crate::eval::copying::copied_spans;
use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, cut, cut_passage, escaped, left_out, name, passage};

/// Words in a row that are no chance.
const LEAST: usize = 4;
/// Characters of a query in which copies are looked for.
const SOURCE: usize = 12_000;

/// All policies that have answered held-out queries.
pub(super) fn all(runs: &[Told], bounds: Bounds) -> String {
    let mut html = String::new();
    for told in runs {
        let (Some(before), Some(after)) = (&told.run.before, &told.run.after) else {
            continue;
        };
        let files = ["before", "after"].map(|when| told.file(&format!("eval/{when}.json")));
        let (before, after) = (Cited::of(&files[0], before), Cited::of(&files[1], after));
        html += &format!("<h3>{}</h3>\n", name(&told.short));
        html += &means(&before, &after).html();
        html += &pairs(&before, &after, bounds);
    }
    if !html.is_empty() {
        html.insert_str(
            0,
            "<p>Runs of four words or more that stand in the query are <mark>marked</mark>.</p>\n",
        );
    }
    html
}

/// Numbers over all answers.
fn means(before: &Cited, after: &Cited) -> Table {
    let mut table = Table::new(
        "Means over all held-out answers, from <code>eval/before.json</code> and <code>eval/after.json</code>.",
        &["number", "before", "after"],
    );
    let mut row = |title: String, old: Option<Cited>, new: Option<Cited>| {
        if old.is_some() || new.is_some() {
            let cell = |value: Option<Cited>| or_none(value.map(|value| value.html()));
            table.row(vec![title, cell(old), cell(new)]);
        }
    };
    for key in [
        "score",
        "score_std",
        "kl",
        "ref_perplexity",
        "distinct_1",
        "distinct_2",
        "valid",
    ] {
        row(code(key), before.get(key), after.get(key));
    }
    for group in ["task", "measured", "overlap"] {
        for (key, new) in after.table(group) {
            let old = before.get(group).and_then(|old| old.get(key));
            row(code(&format!("{group}/{key}")), old, Some(new));
        }
    }
    table
}

/// The pairs whose score changed most, most first.
fn pairs(before: &Cited, after: &Cited, bounds: Bounds) -> String {
    let (old, new) = (before.list("answers"), after.list("answers"));
    let both = old
        .iter()
        .zip(&new)
        .filter(|(old, new)| old.text("query") == new.text("query"));
    let change = |(old, new): &(&Cited, &Cited)| {
        let score = |answer: &Cited| answer.number("score").unwrap_or(0.0);
        score(new) - score(old)
    };
    let mut both: Vec<(&Cited, &Cited)> = both.collect();
    let all = both.len();
    // The order of the file decides among equals.
    both.sort_by(|a, b| change(b).abs().total_cmp(&change(a).abs()));
    both.truncate(bounds.pairs);
    if both.is_empty() {
        return String::new();
    }
    let shown: String = both
        .iter()
        .map(|(old, new)| pair(old, new, bounds))
        .collect();
    format!(
        "<details open><summary>The {} of {all} answers whose score changed most</summary>\n{shown}</details>\n",
        both.len()
    )
}

fn pair(old: &Cited, new: &Cited, bounds: Bounds) -> String {
    let query = new.text("query");
    let answer = |title: &str, answer: &Cited| {
        let number = |key: &str| or_none(answer.get(key).map(|value| value.html()));
        format!(
            "<div><p class=\"label\">{title}</p><p class=\"numbers\">score {}, KL {} nats</p>{}</div>",
            number("score"),
            number("kl"),
            marked(answer.text("response"), query, bounds.text)
        )
    };
    let reference = match new.text("reference") {
        "" => String::new(),
        text => format!(
            "<div><p class=\"label\">Reference</p><p class=\"numbers\">what a person wrote</p>{}</div>",
            marked(text, query, bounds.text)
        ),
    };
    format!(
        "<article class=\"pair\"><p class=\"label\">Query</p>{}<div class=\"beside\">{}{}{reference}</div></article>\n",
        passage(query, bounds.text),
        answer("Before", old),
        answer("After", new),
    )
}

/// A text with what of it stands in `source`.
pub(super) fn marked(text: &str, source: &str, most: usize) -> String {
    let (shown, more) = cut_passage(text, most);
    let (source, _) = cut(source, SOURCE);
    let mut html = String::from("<div class=\"text\" dir=\"auto\">");
    let mut at = 0;
    for (from, to) in copied_spans(shown, source, LEAST) {
        html += &escaped(&shown[at..from]);
        html += &format!("<mark>{}</mark>", escaped(&shown[from..to]));
        at = to;
    }
    html += &escaped(&shown[at..]);
    html + &left_out(more) + "</div>"
}
