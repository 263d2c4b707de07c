//! What the numbers say of supervised fine-tuning: ratios against the target, seconds, tokens a second, pads, memory. It
//! knows the tables; it runs nothing.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::batches::Read;
use crate::bench::measurement::{median, range};
use crate::bench::steps::{Choice, Compared, Row, TARGET, Who};

/// Whose choice of a size it is: of the peer as it comes, and by hand.
pub(super) const PEERS: [&str; 2] = ["The peer", "The peer with sorted rows"];

/// All tables, in Markdown. `read`: the tokens of each round.
pub(super) fn render(compared: &Compared, read: &[Read], choices: &[Choice; 2]) -> Result<String> {
    let described = PEERS.iter().zip(choices);
    let described = described.map(|(who, choice)| choice.describe(who, "pairs"));
    let described: Vec<String> = described.collect();
    let parts = [
        ratios(compared)?,
        table(compared, read)?,
        format!("{}\n", described.join(" ")),
    ];
    Ok(parts.join("\n"))
}

fn ratios(compared: &Compared) -> Result<String> {
    let peers = [Who::Peer, Who::PeerTuned, Who::PeerByHand];
    let over =
        |of| -> Result<Vec<f64>> { peers.iter().map(|who| compared.over(*who, of)).collect() };
    let (time, peak) = (over(Row::seconds)?, over(Row::peak)?);
    let met = if time[0] <= TARGET { "yes" } else { "no" };
    Ok(format!(
        "| ratio | peer as it comes | target | met | peer with tuned malloc | and sorted rows, fused Adam |\n\
         | --- | --: | --: | --- | --: | --: |\n\
         | time of a step, over the peer's | {:.2} | ≤ {TARGET:.2} | {met} | {:.2} | {:.2} |\n\
         | peak memory, over the peer's | {:.2} | | | {:.2} | {:.2} |\n",
        time[0], time[1], time[2], peak[0], peak[1], peak[2],
    ))
}

fn table(compared: &Compared, read: &[Read]) -> Result<String> {
    let total = |of: fn(&Read) -> f64| read.iter().map(of).sum::<f64>();
    let each = |of| total(of) / read.len().max(1) as f64;
    let mut out = format!(
        "Seconds of an optimizer step on 32 pairs, of {:.0} tokens on average of which {:.0} are learned: medians of {} \
         interleaved rounds after a warm-up. Pads are their share of what went through the model.\n\n\
         | | step | its range | tokens/s | learned tokens/s | pads | peak MiB |\n\
         | --- | --: | --: | --: | --: | --: | --: |\n",
        each(|read| read.tokens),
        each(|read| read.response),
        read.len(),
    );
    for row in &compared.rows {
        let seconds = row.seconds()?;
        let rate = |of: fn(&Read) -> f64| {
            let rates = row.steps.iter().zip(read);
            let rates = rates.map(|(step, read)| of(read) / step.total);
            median(rates.collect()).context("there are no steps")
        };
        let padded = row.steps.iter().filter_map(|step| step.padded);
        let pads = 1.0 - total(|read| read.tokens) / padded.sum::<f64>();
        writeln!(
            out,
            "| {} | {seconds:.2} | {} | {:.0} | {:.0} | {:.0} % | {:.0} |",
            row.who.label(),
            range(row.steps.iter().map(|step| step.total)),
            rate(|read| read.tokens)?,
            rate(|read| read.response)?,
            100.0 * pads,
            row.peak()?,
        )?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::CONTENDERS;
    use super::*;
    use crate::bench::steps::Step;

    #[test]
    fn steps_are_held_to_the_target_and_tokens_are_counted() {
        let read = [Read {
            tokens: 800.0,
            response: 400.0,
        }; 3];
        let rows = CONTENDERS.iter().zip([2.0, 4.0, 5.0, 3.0]);
        let rows = rows.map(|(who, total)| Row {
            who: *who,
            version: "1".into(),
            steps: [1.0, 9.0, 1.0]
                .map(|noise| Step {
                    total: total * noise,
                    loss: 1.4,
                    peak_mib: total * 100.0,
                    padded: Some(1000.0),
                })
                .to_vec(),
        });
        let compared = Compared {
            title: String::new(),
            rows: rows.collect(),
        };
        let choice = |size: usize| {
            let line = format!(r#"{{"at_a_time": {size}, "seconds": {{"{size}": 2.5}}}}"#);
            Choice::parse(&line).unwrap()
        };
        let text = render(&compared, &read, &[choice(16), choice(8)]).unwrap();
        for line in [
            "| time of a step, over the peer's | 0.50 | ≤ 0.60 | yes | 0.40 | 0.67 |",
            "| peak memory, over the peer's | 0.50 | | | 0.40 | 0.67 |",
            "of 800 tokens on average of which 400 are learned: medians of 3 interleaved",
            "| attune | 2.00 | 2.00 to 18.00 | 400 | 200 | 20 % | 200 |",
            "The peer takes 16 pairs at a time, the fastest of what it tried: 16 2.50 s a step. The peer with sorted \
             rows takes 8 pairs",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
