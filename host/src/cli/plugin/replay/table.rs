//! What a replay shows: a table for people, or one JSON object a response.
//! It knows nothing of how the answers were had.

use serde_json::json;

use crate::config::PluginRef;
use crate::kit::replayed::{Replay, Replayed};
use crate::kit::subject::Subject;
use crate::role::Outcome;

/// Characters of a response that are shown.
const WIDTH: usize = 60;

pub(super) fn as_json(row: &Replayed<'_>, name: &str, subject: &Subject) -> serde_json::Value {
    json!({
        "update": row.recorded.update,
        "id": row.recorded.sample.id,
        "query": row.recorded.sample.query.text,
        "response": row.recorded.sample.text,
        "against": name,
        "before": row.before,
        "plugin": subject.about.name,
        "now": row.now.value(),
        "said": row.said(),
    })
}

/// Both side by side: their means, how far they agree, and the largest changes.
pub(super) fn print(replay: &Replay<'_>, subject: &Subject, show: usize) {
    let (replayed, name) = (&replay.rows, &replay.against);
    let changed = replayed.iter().filter(|row| row.change() != 0.0).count();
    let failed = replayed
        .iter()
        .filter(|row| matches!(row.now, Outcome::Error(_) | Outcome::Invalid(_)))
        .count();
    let before = mean(replayed.iter().filter_map(|row| row.before));
    let now = mean(replayed.iter().filter_map(|row| row.now.value().copied()));
    println!(
        "{} responses of {} updates",
        replayed.len(),
        updates(replayed)
    );
    println!("before  {name}: mean {before:.3}");
    println!(
        "now     {} {}: mean {now:.3}{}",
        subject.about.name,
        subject.about.version,
        with(&replay.given)
    );
    println!(
        "changed {changed}, failed {failed}; order of pairs within an update kept: {}",
        order(replayed)
    );
    let mut rows = replayed.iter();
    let first = rows.find(|row| matches!(row.now, Outcome::Error(_) | Outcome::Invalid(_)));
    if let Some(row) = first {
        let (update, id) = (row.recorded.update, row.recorded.sample.id);
        println!(
            "first failure, of update {update}, response {id}: {}",
            row.said()
        );
    }
    let mut largest: Vec<&Replayed> = replayed.iter().filter(|row| row.change() != 0.0).collect();
    largest.sort_by(|a, b| b.change().abs().total_cmp(&a.change().abs()));
    if largest.is_empty() || show == 0 {
        return;
    }
    println!(
        "\n{:>7} {:>9} {:>9} {:>9}  response",
        "update", "before", "now", "change"
    );
    for row in largest.iter().take(show) {
        let before = row
            .before
            .map_or("nothing".into(), |value| format!("{value:.3}"));
        println!(
            "{:>7} {before:>9} {:>9} {:>+9.3}  {}",
            row.recorded.update,
            row.said(),
            row.change(),
            shortened(&row.recorded.sample.text)
        );
    }
}

/// The settings and files that it was given, if any.
fn with(given: &PluginRef) -> String {
    let settings = given.settings.iter();
    let settings = settings.map(|(name, value)| format!("{name} = {value}"));
    let files = given.assets.iter();
    let files = files.map(|(name, path)| format!("{name} = `{}`", path.display()));
    let all: Vec<String> = settings.chain(files).collect();
    if all.is_empty() {
        return String::new();
    }
    format!(", with {}", all.join(", "))
}

fn updates(replayed: &[Replayed<'_>]) -> usize {
    replayed
        .chunk_by(|a, b| a.recorded.update == b.recorded.update)
        .count()
}

/// The share of pairs of an update's responses that both put in the same order: what a policy would
/// learn to prefer.
fn order(replayed: &[Replayed<'_>]) -> String {
    let (mut kept, mut all) = (0_u64, 0_u64);
    for update in replayed.chunk_by(|a, b| a.recorded.update == b.recorded.update) {
        for (place, one) in update.iter().enumerate() {
            for other in &update[place + 1..] {
                let both = [
                    (one.before, other.before),
                    (one.now.value().copied(), other.now.value().copied()),
                ];
                let [Some(before), Some(now)] = both.map(|(a, b)| Some(a?.partial_cmp(&b?))) else {
                    continue;
                };
                all += 1;
                kept += u64::from(before == now);
            }
        }
    }
    match all {
        0 => "no pairs".into(),
        _ => format!("{:.1} % of {all}", 100.0 * kept as f64 / all as f64),
    }
}

fn mean(values: impl Iterator<Item = f32>) -> f64 {
    let values: Vec<f64> = values.map(f64::from).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// A response on one line.
fn shortened(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(WIDTH) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
