//! Compares supervised fine-tuning: optimizer steps on what people wrote, of which both programs are handed the same. It
//! knows who is compared, by which command lines, and that both must learn the same; what the numbers mean is in `report`.

mod batches;
mod report;

use std::process::Command;

use anyhow::{Result, bail};

use super::steps::{self, Choice, Compared, Who};
use super::{Setting, word};
use crate::step::step;

/// The fine-tuning that is timed.
const RECIPE: &str = "examples/bench/sft.toml";
/// The same of the peer.
const SCRIPT: &str = "scripts/peer_sft_bench.py";
/// Which part of the record is ours to write.
const SECTION: &str = "sft-bench";
/// How far two losses may be apart, over ours: f32 sums in another order, and steps that follow from them.
const TOLERANCE: f64 = 1e-3;

/// Who is compared.
const CONTENDERS: [Who; 4] = [Who::Ours, Who::Peer, Who::PeerTuned, Who::PeerByHand];

fn ours(setting: &Setting) -> Result<Command> {
    let mut command = Command::new(setting.layout.host_binary());
    command
        .current_dir(setting.layout.root())
        .args(["bench", RECIPE, "--sft"])
        .arg(format!("--set=run.threads={}", setting.threads))
        .arg(format!("--set=model.path={}", word(&setting.model)?));
    Ok(command)
}

fn peer(setting: &Setting, by_hand: bool) -> Result<Command> {
    let mut command = Command::new(&setting.python);
    command
        .current_dir(setting.layout.root())
        .args([SCRIPT, word(&setting.model)?])
        .args(["--batches", word(&batches::file(setting.layout))?])
        .args(["--threads", &setting.threads.to_string()])
        .env("HF_HUB_OFFLINE", "1");
    if by_hand {
        command.arg("--by-hand");
    }
    Ok(command)
}

/// Times steps, and holds both programs to the same losses.
pub(super) fn run(setting: &Setting) -> Result<()> {
    // With the warm-up.
    let read = batches::write(setting, ours(setting)?, setting.rounds + 1)?;
    let choices = step("how the peer is fastest", || {
        let choose = |by_hand: bool| {
            let who = report::PEERS[usize::from(by_hand)];
            steps::choose(setting, peer(setting, by_hand)?, (who, "pairs"))
        };
        Ok([choose(false)?, choose(true)?])
    })?;
    let contenders = CONTENDERS.map(|who| Ok((who, command(who, setting, &choices)?)));
    let compared = steps::compare(
        setting,
        ("supervised fine-tuning", "movie reviews".to_owned()),
        contenders.into_iter().collect::<Result<_>>()?,
        (setting.rounds, true),
    )?;
    check_losses(&compared)?;
    setting.conclude(
        SECTION,
        &format!("--only sft --rounds {}", setting.rounds),
        &compared.versions()?,
        &report::render(&compared, &read[1..], &choices)?,
    )
}

fn command(who: Who, setting: &Setting, choices: &[Choice; 2]) -> Result<Command> {
    if who == Who::Ours {
        return ours(setting);
    }
    let by_hand = who == Who::PeerByHand;
    let mut command = peer(setting, by_hand)?;
    let choice = &choices[usize::from(by_hand)];
    command.args(["--at-a-time", &choice.at_a_time.to_string()]);
    Ok(command)
}

/// Times say nothing of programs that do not learn the same.
fn check_losses(compared: &Compared) -> Result<()> {
    let ours = compared.row(Who::Ours)?;
    for row in &compared.rows {
        for (number, (step, own)) in row.steps.iter().zip(&ours.steps).enumerate() {
            let same = (step.loss - own.loss).abs() <= TOLERANCE * own.loss;
            if !same {
                bail!(
                    "in round {} the loss of {} is {}, and ours {}: they do not learn the same\nhint: compare what \
                     {SCRIPT} and `attune bench --sft` do in a step",
                    number + 1,
                    row.who.label(),
                    step.loss,
                    own.loss
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::steps::{Row, Step};
    use super::*;

    #[test]
    fn who_learns_something_else_is_found_out() {
        let row = |who, losses: [f64; 2]| Row {
            who,
            version: "1".into(),
            steps: losses
                .map(|loss| Step {
                    total: 1.0,
                    loss,
                    peak_mib: 1.0,
                    padded: None,
                })
                .to_vec(),
        };
        let compared = |losses| Compared {
            title: String::new(),
            rows: vec![row(Who::Ours, [4.0, 3.0]), row(Who::Peer, losses)],
        };
        check_losses(&compared([4.0001, 3.0001])).unwrap();
        for losses in [[4.0, 3.1], [f64::NAN, 3.0]] {
            let message = check_losses(&compared(losses)).unwrap_err().to_string();
            assert!(message.contains("do not learn the same"), "{message}");
        }
    }
}
