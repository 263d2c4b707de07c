//! What the numbers say: medians, ratios against targets, and how near the floor. It knows the targets
//! and the tables; it runs nothing.

use std::fmt::Write;

use anyhow::Result;

use super::contender::{OURS, OURS_TOP, PEER, PEER_TOP, PEER_TOP_TUNED, PEER_TUNED};
use super::measurement::{Floor, Group, Measurement, range};

/// All tables, in Markdown.
pub(super) fn render(full: &Group, top: &Group, floors: &[Floor; 2], rate: f64) -> Result<String> {
    Ok([
        targets(full, top)?,
        medians(full)?,
        medians(top)?,
        nearness(full, top, floors, rate)?,
    ]
    .join("\n"))
}

fn medians(group: &Group) -> Result<String> {
    let mut out = format!(
        "Seconds of an update, {}: medians of {} interleaved rounds after a warm-up.\n\n\
         | | generate | analyze | score | train | update | its range | generated tokens/s | peak MiB |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n",
        group.title,
        group.rows.first().map_or(0, |row| row.rounds.len()),
    );
    for row in &group.rows {
        let of = |of: fn(&Measurement) -> f64| group.median(row.contender, of);
        writeln!(
            out,
            "| {} | {:.2} | {:.2} | {:.4} | {:.2} | {:.2} | {} | {:.0} | {:.0} |",
            row.contender.label(),
            of(|m| m.generate)?,
            of(|m| m.analyze)?,
            of(|m| m.score)?,
            of(|m| m.train)?,
            of(|m| m.total)?,
            range(row.rounds.iter().map(|m| m.total)),
            of(|m| m.tokens_per_second)?,
            group.peak(row.contender)?,
        )?;
    }
    Ok(out)
}

/// A ratio that must not exceed its target, or must reach it when more is better.
struct Target {
    what: &'static str,
    /// Against the peer as it comes, and with its allocator tuned.
    ratios: [f64; 2],
    bound: f64,
    more_is_better: bool,
}

/// What a phase took.
type Seconds = fn(&Measurement) -> f64;

impl Target {
    fn met(&self) -> bool {
        if self.more_is_better {
            self.ratios[0] >= self.bound
        } else {
            self.ratios[0] <= self.bound
        }
    }
}

fn targets(full: &Group, top: &Group) -> Result<String> {
    let time = |group: &Group, contender| group.median(contender, |m| m.total);
    let rate = |contender| full.median(contender, |m| m.tokens_per_second);
    let ours = [time(full, OURS)?, time(top, OURS_TOP)?];
    let at_most = |what, ratios, bound| Target {
        what,
        ratios,
        bound,
        more_is_better: false,
    };
    let rows = [
        Target {
            what: "generation, tokens/s over the peer's",
            ratios: [rate(OURS)? / rate(PEER)?, rate(OURS)? / rate(PEER_TUNED)?],
            bound: 2.0,
            more_is_better: true,
        },
        at_most(
            "full update, time over the peer's",
            [
                ours[0] / time(full, PEER)?,
                ours[0] / time(full, PEER_TUNED)?,
            ],
            0.75,
        ),
        at_most(
            "top-10 update, time over the peer's full update",
            // The tuned full update ran in the other group.
            [
                ours[1] / time(top, PEER)?,
                ours[1] / time(full, PEER_TUNED)?,
            ],
            0.35,
        ),
        at_most(
            "top-10 update, time over the peer's with the same blocks frozen",
            [
                ours[1] / time(top, PEER_TOP)?,
                ours[1] / time(top, PEER_TOP_TUNED)?,
            ],
            0.5,
        ),
        at_most(
            "peak memory of full updates, over the peer's",
            [
                full.peak(OURS)? / full.peak(PEER)?,
                full.peak(OURS)? / full.peak(PEER_TUNED)?,
            ],
            0.6,
        ),
    ];
    let mut out = "| ratio | peer as it comes | target | met | peer with tuned malloc |\n\
                   | --- | --: | --: | --- | --: |\n"
        .to_owned();
    for row in rows {
        let sign = if row.more_is_better { "≥" } else { "≤" };
        writeln!(
            out,
            "| {} | {:.2} | {sign} {:.2} | {} | {:.2} |",
            row.what,
            row.ratios[0],
            row.bound,
            if row.met() { "yes" } else { "no" },
            row.ratios[1],
        )?;
    }
    let share = largest_plugin_share(full).max(largest_plugin_share(top));
    writeln!(
        out,
        "| plugins' share of an update, largest seen | {:.3} % | < 1 % | {} | |",
        100.0 * share,
        if share < 0.01 { "yes" } else { "no" },
    )?;
    Ok(out)
}

fn largest_plugin_share(group: &Group) -> f64 {
    let rounds = group.rows.iter().flat_map(|row| &row.rounds);
    rounds.map(|round| round.plugin_share).fold(0.0, f64::max)
}

/// How near each phase comes to the time that its products would take at the best rate.
fn nearness(full: &Group, top: &Group, floors: &[Floor; 2], rate: f64) -> Result<String> {
    let mut out = format!(
        "The floor: the matrix products that an update cannot do without, at the best f32 rate seen \
         ({:.0} GFLOP/s); attention, elementwise work and the optimizer's memory traffic are not counted. The \
         reference alone counts in analyze: the policy's part of it could be had \
         from the first epoch.\n\n\
         | | phase | GFLOP | floor, s | attune, s | floor over attune |\n\
         | --- | --- | --: | --: | --: | --: |\n",
        rate / 1e9
    );
    for (group, contender, floor) in [(full, OURS, &floors[0]), (top, OURS_TOP, &floors[1])] {
        let phases: [(&str, f64, Seconds); 4] = [
            ("generate", floor.generate, |m| m.generate),
            ("analyze", floor.analyze, |m| m.analyze),
            ("train", floor.train, |m| m.train),
            (
                "update",
                floor.generate + floor.analyze + floor.train,
                |m| m.total,
            ),
        ];
        for (phase, operations, of) in phases {
            let (least, measured) = (operations / rate, group.median(contender, of)?);
            writeln!(
                out,
                "| {} | {phase} | {:.0} | {least:.2} | {measured:.2} | {:.0} % |",
                group.title,
                operations / 1e9,
                100.0 * least / measured,
            )?;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contender::Contender;
    use crate::bench::measurement::Row;

    fn group(title: &'static str, contenders: &[(Contender, f64)]) -> Group {
        let rows = contenders.iter().map(|(contender, total)| Row {
            contender: *contender,
            version: "1".into(),
            rounds: [1.0, 9.0, 1.1]
                .iter()
                .map(|noise| Measurement {
                    generate: total / 10.0,
                    analyze: total / 10.0,
                    score: 0.001,
                    train: total * 0.8 * noise,
                    total: total * noise,
                    peak_mib: total * 100.0,
                    tokens_per_second: 1000.0 / total,
                    plugin_share: 0.0001,
                })
                .collect(),
        });
        Group {
            title,
            rows: rows.collect(),
        }
    }

    #[test]
    fn ratios_of_medians_are_held_to_their_targets() {
        let full = group("full", &[(OURS, 20.0), (PEER, 40.0), (PEER_TUNED, 30.0)]);
        let top = group(
            "top",
            &[
                (OURS_TOP, 15.0),
                (PEER, 40.0),
                (PEER_TOP, 25.0),
                (PEER_TOP_TUNED, 20.0),
            ],
        );
        let floor = Floor {
            generate: 1e12,
            analyze: 1e12,
            train: 8e12,
            rate: 0.0,
        };
        let text = render(&full, &top, &[floor, floor], 1e12).unwrap();
        for line in [
            "| full update, time over the peer's | 0.50 | ≤ 0.75 | yes | 0.67 |",
            "| top-10 update, time over the peer's full update | 0.38 | ≤ 0.35 | no | 0.50 |",
            "| generation, tokens/s over the peer's | 2.00 | ≥ 2.00 | yes | 1.50 |",
            "| full | train | 8000 | 8.00 | 17.60 | 45 % |",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
