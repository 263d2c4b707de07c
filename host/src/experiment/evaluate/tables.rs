//! The results as tables for people: entries, differences, scores, who wins, ratings.

use super::report::{ContestReport, EntryReport, JudgeReport, Report, Scored};
use crate::eval::share::{Mean, Share};
use crate::train::observer::Table;

mod more;

pub(super) use self::more::more;

/// Measures in the first table: how they are called there, by what they are multiplied, and digits.
const COLUMNS: [(&str, &str, f64, usize); 10] = [
    ("rouge1", "ROUGE-1", 100.0, 1),
    ("rouge2", "ROUGE-2", 100.0, 1),
    ("rougeL", "ROUGE-L", 100.0, 1),
    ("copied_sentences", "copied sentences, %", 100.0, 1),
    ("copied_4grams", "copied 4-grams, %", 100.0, 1),
    ("longest_copied_run", "longest copied run", 1.0, 1),
    ("words", "words", 1.0, 1),
    ("kl", "KL, nats", 1.0, 2),
    ("ref_perplexity", "perplexity", 1.0, 1),
    ("distinct_2", "distinct-2", 1.0, 3),
];

/// Measures of which the table of differences has those against the one entry that all are measured against; `eval.json`
/// and `eval.csv` have all, of each two entries.
const DIFFERENCES: [&str; 12] = [
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "copied_sentences",
    "copied_4grams",
    "longest_copied_run",
    "copies_begin",
    "words",
    "kl",
    "invalid",
    "empty",
];

/// What stands where there is no number.
const NONE: &str = "–";

/// All tables, in the order in which they are read.
pub(super) fn of(report: &Report) -> Vec<Table> {
    let mut tables = vec![entries(report), differences(report)];
    for judge in &report.judges {
        tables.push(scores(report, judge));
        tables.push(contests(judge));
        tables.push(ratings(judge));
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// A mean with its interval, and of how many it is where that is not as many as one would think.
fn cell(mean: &Mean, usual: usize, times: f64, digits: usize) -> String {
    let [value, low, high] = [mean.value, mean.low, mean.high].map(|x| times * x);
    let n = match mean.count == usual {
        true => String::new(),
        false => format!("; n {}", mean.count),
    };
    format!("{value:.digits$} ({low:.digits$} to {high:.digits$}{n})")
}

fn percent(share: &Share, usual: usize) -> String {
    cell(&Mean::from(*share), usual, 100.0, 1)
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| NONE.to_owned())
}

/// A row for each number, a column for each entry.
fn entries(report: &Report) -> Table {
    let all = &report.entries;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |title: &str, of: &dyn Fn(&EntryReport) -> Option<String>| {
        let cells: Vec<Option<String>> = all.iter().map(of).collect();
        if cells.iter().any(Option::is_some) {
            let title = std::iter::once(title.to_owned());
            rows.push(title.chain(cells.into_iter().map(or_none)).collect());
        }
    };
    row("answers", &|entry| Some(entry.answers.to_string()));
    row("labels learned from", &|entry| {
        entry.labels.map(|labels| labels.to_string())
    });
    for (name, title, times, digits) in COLUMNS {
        row(title, &|entry| {
            let found = entry.measures.get(name);
            let bound = entry.kl_bound.filter(|_| name == "kl");
            let found = found.map(|mean| cell(mean, entry.answers, times, digits));
            found.or_else(|| Some(format!("at most {:.2}", bound?)))
        });
    }
    row("invalid, %", &|entry| {
        Some(percent(&entry.invalid?, entry.answers))
    });
    row("empty, %", &|entry| {
        Some(percent(&entry.empty?, entry.answers))
    });
    for judge in &report.judges {
        row(&format!("score by {}", judge.name), &|entry| {
            let mut scores = judge.scores.iter();
            let scored = scores.find(|scored| scored.entry == entry.name)?;
            Some(cell(&scored.score, entry.answers, 1.0, 3))
        });
        let title = format!("wins over {} by {}, %", report.against, judge.name);
        row(&title, &|entry| wins(judge, entry, &report.against));
    }
    let mut columns = vec!["measure".to_owned()];
    columns.extend(all.iter().map(|entry| entry.name.clone()));
    Table {
        name: "entries".to_owned(),
        columns,
        rows,
        caption: format!(
            "{} held-out queries, {} with a reference. Means over an entry's answers, or over the n of them that have \
             such a number: an answer without a word has no share that is copied. In brackets are 95 % intervals of \
             queries drawn again. ROUGE is F1 of stems, in hundredths. Invalid, empty (without a word) and wins are \
             shares with Wilson's interval; what is neither won nor lost counts half.",
            report.queries, report.with_reference
        ),
    }
}

/// How often one entry wins over another, before one judge.
fn wins(judge: &JudgeReport, entry: &EntryReport, against: &str) -> Option<String> {
    let (name, usual) = (&entry.name, entry.answers);
    judge.contests.iter().find_map(|one| {
        let rate = one.contest.win_rate;
        if one.first == *name && one.second == against {
            return Some(percent(&rate, usual));
        }
        let is_other = one.first == against && one.second == *name;
        is_other.then(|| percent(&turned(&rate), usual))
    })
}

/// The same share of the other side.
fn turned(share: &Share) -> Share {
    Share {
        value: 1.0 - share.value,
        low: 1.0 - share.high,
        high: 1.0 - share.low,
        count: share.count,
    }
}

fn differences(report: &Report) -> Table {
    let mut table = Table::new(
        "differences",
        &["entry", "measure", "difference", "p", "queries"],
    );
    for entry in &report.entries {
        let shown = DIFFERENCES.iter();
        for (name, paired) in shown.filter_map(|name| Some((name, entry.paired.get(*name)?))) {
            let difference = &paired.difference;
            table.rows.push(vec![
                entry.name.clone(),
                (*name).to_owned(),
                cell(difference, difference.count, 1.0, 3),
                p(paired.p),
                difference.count.to_string(),
            ]);
        }
    }
    table.caption = format!(
        "Each entry less {}, over the queries to which both have an answer with such a number; p of Fisher's \
         randomization test, not corrected for how many there are. eval.csv has all measures, of each two entries.",
        report.against
    );
    table
}

fn p(value: f64) -> String {
    match value < 0.001 {
        true => format!("{value:.1e}"),
        false => format!("{value:.3}"),
    }
}

fn scores(report: &Report, judge: &JudgeReport) -> Table {
    let answers = |scored: &Scored| {
        let mut entries = report.entries.iter();
        let own = entries.find(|entry| entry.name == scored.entry);
        own.map_or(0, |entry| entry.answers)
    };
    let mut table = Table::new(
        &format!("scores by {}", judge.name),
        &["entry", "score", "difference", "p", "KL, nats", "frontier"],
    );
    for scored in &judge.scores {
        let (paired, usual) = (scored.paired.as_ref(), answers(scored));
        table.rows.push(vec![
            scored.entry.clone(),
            cell(&scored.score, usual, 1.0, 3),
            or_none(paired.map(|paired| cell(&paired.difference, usual, 1.0, 3))),
            or_none(paired.map(|paired| p(paired.p))),
            or_none(scored.kl.map(|kl| format!("{kl:.2}"))),
            or_none(
                scored
                    .on_frontier
                    .map(|is_on| if is_on { "on it" } else { "below" }.to_owned()),
            ),
        ]);
    }
    let failed = match judge.failed_scores {
        0 => String::new(),
        failed => format!(" It failed on {failed} answers, which are left out."),
    };
    table.caption = format!(
        "Mean scores by {} ({}), over the n answers that have one where that is not all. On the frontier are models that no \
         other beats at score and divergence.{failed}",
        judge.name, judge.kind
    );
    table
}

fn contests(judge: &JudgeReport) -> Table {
    let mut table = Table::new(
        &format!("wins by {}", judge.name),
        &[
            "first",
            "second",
            "won",
            "lost",
            "tied",
            "undecided",
            "abstained",
            "first wins, %",
            "bootstrap",
            "at equal length, %",
            "p",
        ],
    );
    let row = |report: &ContestReport| {
        let contest = &report.contest;
        let counts = [
            contest.wins,
            contest.losses,
            contest.ties,
            contest.undecided,
            contest.abstained,
        ];
        let mut cells = vec![report.first.clone(), report.second.clone()];
        cells.extend(counts.map(|count| count.to_string()));
        let (low, high) = (contest.bootstrap.low, contest.bootstrap.high);
        let of_length = contest.equal_length.as_ref();
        cells.extend([
            percent(&contest.win_rate, contest.win_rate.count),
            format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high),
            or_none(of_length.map(|share| percent(share, share.count))),
            p(contest.p),
        ]);
        cells
    };
    table.rows.extend(judge.contests.iter().map(row));
    let seat = judge.first_seat.map_or(String::new(), |share| {
        format!(
            " Of its choices {} % took the answer that it saw first.",
            percent(&share, share.count)
        )
    });
    let failed = match judge.failed {
        0 => String::new(),
        failed => format!(" It failed on {failed} comparisons, which are left out."),
    };
    table.caption = format!(
        "Comparisons by {} ({}); p of the exact sign test.{seat}{failed}",
        judge.name, judge.kind
    );
    table
}

fn ratings(judge: &JudgeReport) -> Table {
    let mut table = Table::new(
        &format!("ratings by {}", judge.name),
        &["entry", "rating", "comparisons"],
    );
    for rated in &judge.ratings {
        let rating = &rated.rating;
        let ends = rating.low.zip(rating.high);
        let ends = ends.map(|(low, high)| format!(" ({low:+.0} to {high:+.0})"));
        table.rows.push(vec![
            rated.entry.clone(),
            format!("{:+.0}{}", rating.value, ends.unwrap_or_default()),
            rating.count.to_string(),
        ]);
    }
    table.caption = format!(
        "Strengths of Bradley and Terry by {}, in points of Elo's scale around 0, with 95 % intervals of queries drawn again; \
         there is none where queries that are drawn again too often decide no strength.",
        judge.name
    );
    table
}
