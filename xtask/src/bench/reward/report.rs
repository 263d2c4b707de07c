//! What the numbers say of the training of reward models: ratios against the target, seconds, memory. It
//! knows the target and the tables; it runs nothing.

use std::fmt::Write;

use anyhow::Result;

use super::{BATCH, COMPARISONS, STEPS};
use crate::bench::measurement::range;
use crate::bench::steps::{Choice, Compared, Row, TARGET, Who};

/// Who takes how many of what at a time.
pub(super) const PEER: (&str, &str) = ("The peer", "comparisons");

/// All tables, in Markdown. `whole_job`: all steps were made.
pub(super) fn render(compared: &[Compared], choice: &Choice, whole_job: bool) -> Result<String> {
    let mut parts = vec![ratios(compared)?];
    for shape in compared {
        parts.push(table(shape, whole_job)?);
    }
    parts.push(format!("{}\n", choice.describe(PEER.0, PEER.1)));
    Ok(parts.join("\n"))
}

/// Ours over the peer's as it comes, and with its allocator tuned where that was measured.
fn over_peer(compared: &Compared, of: fn(&Row) -> Result<f64>) -> Result<(f64, Option<f64>)> {
    let tuned = compared.over(Who::PeerTuned, of).ok();
    Ok((compared.over(Who::Peer, of)?, tuned))
}

fn ratios(compared: &[Compared]) -> Result<String> {
    let mut out = "| ratio | peer as it comes | target | met | peer with tuned malloc |\n\
                   | --- | --: | --: | --- | --: |\n"
        .to_owned();
    let shown = |tuned: Option<f64>| tuned.map_or_else(String::new, |tuned| format!("{tuned:.2}"));
    for shape in compared {
        let (ratio, tuned) = over_peer(shape, Row::seconds)?;
        writeln!(
            out,
            "| {}: time of a step, over the peer's | {ratio:.2} | ≤ {TARGET:.2} | {} | {} |",
            shape.title,
            if ratio <= TARGET { "yes" } else { "no" },
            shown(tuned),
        )?;
    }
    for shape in compared {
        let (ratio, tuned) = over_peer(shape, Row::peak)?;
        writeln!(
            out,
            "| {}: peak memory, over the peer's | {ratio:.2} | | | {} |",
            shape.title,
            shown(tuned),
        )?;
    }
    Ok(out)
}

fn table(compared: &Compared, whole_job: bool) -> Result<String> {
    let made = compared.rows.first().map_or(0, |row| row.steps.len());
    let how = match whole_job {
        true => format!("medians of all {made} steps, made in turn, and their sum"),
        false => format!(
            "medians of {made} interleaved rounds after a warm-up; the last column is an extrapolation, \
             {STEPS} times the median"
        ),
    };
    let mut out = format!(
        "Seconds of an optimizer step on {BATCH} comparisons, {}: {how}.\n\n\
         | | step | its range | comparisons/s | peak MiB | all {COMPARISONS} comparisons |\n\
         | --- | --: | --: | --: | --: | --: |\n",
        compared.title,
    );
    for row in &compared.rows {
        let seconds = row.seconds()?;
        let job = match whole_job {
            true => row.steps.iter().map(|step| step.total).sum(),
            false => seconds * STEPS as f64,
        };
        writeln!(
            out,
            "| {} | {seconds:.2} | {} | {:.2} | {:.0} | {}{:.1} min |",
            row.who.label(),
            range(row.steps.iter().map(|step| step.total)),
            BATCH as f64 / seconds,
            row.peak()?,
            if whole_job { "" } else { "about " },
            job / 60.0,
        )?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::{OWN, SHARED, Shape};
    use super::*;
    use crate::bench::steps::Step;

    fn compared(shape: Shape, rows: &[(Who, f64)]) -> Compared {
        let rows = rows.iter().map(|(who, total)| Row {
            who: *who,
            version: "1".into(),
            steps: [1.0, 9.0, 1.5]
                .map(|noise| Step {
                    total: total * noise,
                    loss: 1.4,
                    peak_mib: total * 100.0,
                    padded: None,
                })
                .to_vec(),
        });
        Compared {
            title: shape.title(),
            rows: rows.collect(),
        }
    }

    fn choice() -> Choice {
        Choice::parse(r#"{"at_a_time": 8, "seconds": {"8": 2.5}}"#).unwrap()
    }

    #[test]
    fn each_shape_is_held_to_the_target() {
        let all = |ours: f64| [(Who::Ours, ours), (Who::Peer, 8.0), (Who::PeerTuned, 6.0)];
        let shapes = [compared(SHARED, &all(3.0)), compared(OWN, &all(6.0))];
        let text = render(&shapes, &choice(), false).unwrap();
        for line in [
            "| 40 of 64 tokens shared: time of a step, over the peer's | 0.38 | ≤ 0.60 | yes | 0.50 |",
            "| nothing shared: time of a step, over the peer's | 0.75 | ≤ 0.60 | no | 1.00 |",
            "| nothing shared: peak memory, over the peer's | 0.75 | | | 1.00 |",
            "| attune | 4.50 | 3.00 to 27.00 | 7.11 | 300 | about 9.6 min |",
            "an extrapolation, 128 times the median",
            "The peer takes 8 comparisons at a time",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_whole_job_is_summed_up() {
        let shapes = [compared(OWN, &[(Who::Ours, 60.0), (Who::Peer, 120.0)])];
        let text = render(&shapes, &choice(), true).unwrap();
        for line in [
            "| nothing shared: time of a step, over the peer's | 0.50 | ≤ 0.60 | yes |  |",
            "| attune | 90.00 | 60.00 to 540.00 | 0.36 | 6000 | 11.5 min |",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("extrapolation"), "{text}");
    }
}
