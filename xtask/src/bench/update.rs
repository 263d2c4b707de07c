//! Compares PPO updates. It knows who is compared and in which order; what the numbers mean is in
//! `report`.

use anyhow::{Context, Result};

use super::contender::{self, Contender, attune};
use super::measurement::{Floor, Group, Row};
use super::server::{Server, interleave};
use super::{Setting, report};
use crate::step::{capture, step};

/// Which part of the record is ours to write.
const SECTION: &str = "bench";

/// Times full updates and those of the top blocks, and says how near the floor they are.
pub(super) fn run(setting: &Setting) -> Result<()> {
    let mut rates = vec![floor(setting, false)?.rate];
    let full = group(setting, "full fine-tuning", &contender::FULL)?;
    rates.push(floor(setting, false)?.rate);
    let top = group(setting, "the top 10 blocks", &contender::TOP)?;
    let floors = [floor(setting, false)?, floor(setting, true)?];
    rates.extend(floors.iter().map(|floor| floor.rate));
    let rate = rates.into_iter().fold(0.0, f64::max);

    let versions = format!(
        "attune {}; {}",
        full.version(contender::OURS),
        full.version(contender::PEER)
    );
    setting.conclude(
        SECTION,
        &format!("--only update --rounds {}", setting.rounds),
        &versions,
        &report::render(&full, &top, &floors, rate)?,
    )
}

/// Starts the contenders, lets each make a warm-up update and then `rounds` more, in turn.
fn group(setting: &Setting, title: &'static str, contenders: &[Contender]) -> Result<Group> {
    let headline = format!("{title}: {} rounds of {}", setting.rounds, contenders.len());
    step(&headline, || {
        let mut servers = Vec::new();
        for contender in contenders {
            let command = contender.command(setting)?;
            servers.push(Server::start(contender.label(), command, setting.threads)?);
        }
        let rounds = interleave(&mut servers, setting.rounds, true)?;
        let rows = contenders.iter().zip(&servers).zip(rounds);
        Ok(Group {
            title,
            rows: rows
                .map(|((contender, server), rounds)| Row {
                    contender: *contender,
                    version: server.version().to_owned(),
                    rounds,
                })
                .collect(),
        })
    })
}

/// Asks the host for the update's products and the best rate; cheap, so it is asked more than once.
fn floor(setting: &Setting, top: bool) -> Result<Floor> {
    let said = capture(attune(setting, top).arg("--floor"))?;
    let line = said.lines().last().context("attune bench said nothing")?;
    Floor::parse(line)
}
