//! What `attune label stats` prints.

use anyhow::Result;

use crate::label::stats::{Agreement, Stats};
use crate::terminal::Line;

/// More pairs of judges are only in the JSON.
const MOST_PAIRS: usize = 20;
/// Longer names are only in the JSON.
const LONGEST_NAME: usize = 60;

pub(super) fn print(stats: &Stats, json: bool) -> Result<()> {
    if json {
        for line in serde_json::to_string_pretty(stats)?.lines() {
            println!("{line}");
        }
        return Ok(());
    }
    println!("labels          {}", stats.labels);
    println!("comparisons     {}", stats.comparisons);
    println!("corrected       {}", stats.corrected);
    if stats.identical > 0 {
        println!(
            "identical       {}   comparisons with two responses that are the same, between which nothing is learned",
            stats.identical
        );
    }
    println!("");
    println!("{:<28} labels", "kind");
    for (kind, count) in &stats.kinds {
        println!("{kind:<28} {count:>6}");
    }
    println!("");
    println!("{:<28} labels", "labeler");
    for (labeler, kinds) in &stats.labelers {
        let all: usize = kinds.values().sum();
        let kinds = kinds.iter().map(|(kind, count)| format!("{kind} {count}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        println!("{:<28} {all:>6}   {kinds}", shown(labeler));
    }
    println!("");
    biases(stats);
    println!(
        "repeated by the same judge {}, contradicted by the same judge {}",
        stats.duplicates, stats.contradictions
    );
    if let Some(rate) = stats.per_minute {
        println!("{rate:.1} labels a minute");
    }
    println!("");
    match stats.alpha {
        Some(alpha) => println!(
            "Krippendorff's alpha {alpha:.3} over {} comparisons with several judges",
            stats.shared
        ),
        None => println!("agreement unknown: no two judges chose the best of the same"),
    }
    agreement(&stats.agreement_by_kind);
    agreement(&stats.agreement);
    Ok(())
}

fn biases(stats: &Stats) {
    for (count, places) in &stats.places {
        let all: usize = places.counts.iter().sum();
        let share = |here: &usize| format!("{:.1} %", 100.0 * *here as f64 / all as f64);
        let shares: Vec<String> = places.counts.iter().map(share).collect();
        println!(
            "best of {count}, by place   {}   (chi-square {:.2}, p {:.3})",
            shares.join("  "),
            places.chi_square,
            places.p
        );
    }
    let longest = &stats.longest;
    if longest.of > 0 {
        let share = |part: f64| 100.0 * part / longest.of as f64;
        println!(
            "the longest was the best in {} of {} ({:.1} %; {:.1} ± {:.1} % by chance)",
            longest.first,
            longest.of,
            share(longest.first as f64),
            share(longest.by_chance),
            share(longest.deviation)
        );
    }
}

fn agreement(pairs: &[Agreement]) {
    if pairs.is_empty() {
        return;
    }
    println!("");
    println!("{:<58} shared   same", "agreement of");
    for pair in pairs.iter().take(MOST_PAIRS) {
        let [one, other] = &pair.labelers;
        println!(
            "{:<28}  {:<28} {:>6}   {:.1} ± {:.1} %",
            shown(one),
            shown(other),
            pair.shared,
            100.0 * pair.share,
            100.0 * pair.standard_error
        );
    }
    if pairs.len() > MOST_PAIRS {
        println!("… and {} more: see `--json`", pairs.len() - MOST_PAIRS);
    }
}

/// A name in a column.
fn shown(name: &str) -> String {
    let mut shown = Line(name).to_string();
    if let Some((end, _)) = shown.char_indices().nth(LONGEST_NAME) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}
