//! What `attune label stats` prints.

use anyhow::Result;

use crate::label::stats::{Agreement, Stats};

/// More pairs of judges are only in the JSON.
const MOST_PAIRS: usize = 20;

pub(super) fn print(stats: &Stats, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(stats)?);
        return Ok(());
    }
    println!("labels          {}", stats.labels);
    println!("comparisons     {}", stats.comparisons);
    println!("\n{:<28} labels", "kind");
    for (kind, count) in &stats.kinds {
        println!("{kind:<28} {count:>6}");
    }
    println!("\n{:<28} labels", "labeler");
    for (labeler, kinds) in &stats.labelers {
        let all: usize = kinds.values().sum();
        let kinds = kinds.iter().map(|(kind, count)| format!("{kind} {count}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        println!("{labeler:<28} {all:>6}   {kinds}");
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
        None => println!("agreement unknown: no two judges chose differently among the same"),
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
    println!("\n{:<58} shared   same", "agreement of");
    for pair in pairs.iter().take(MOST_PAIRS) {
        let [one, other] = &pair.labelers;
        println!(
            "{one:<28}  {other:<28} {:>6}   {:.1} ± {:.1} %",
            pair.shared,
            100.0 * pair.share,
            100.0 * pair.standard_error
        );
    }
    if pairs.len() > MOST_PAIRS {
        println!("… and {} more: see `--json`", pairs.len() - MOST_PAIRS);
    }
}
