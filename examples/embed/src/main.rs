//! A policy is trained by a program that judges the responses itself and watches in its own way.
//!
//! `cargo run -p embed -- examples/sentiment/policy.toml run.dir=runs/embed ppo.total_episodes=128`

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use attune::config::Config;
use attune::experiment::policy;
use attune::role::{CallContext, CallError, Group, Identity, Judgement, Labeler, Outcome, Verdict};
use attune::train::observer::{Event, Observer};

/// Prefers responses of short words.
struct ShortWords {
    identity: Identity,
}

/// The mean length of a response's words, below 0.
fn score(response: &str) -> f32 {
    let words = response.split_whitespace().count().max(1);
    let letters = response.chars().filter(|c| !c.is_whitespace()).count();
    -(letters as f32) / words as f32
}

impl Labeler for ShortWords {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn judge(
        &self,
        _: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Judgement>>, CallError> {
        let judge = |group: &Group| {
            let scores: Vec<f32> = group.responses.iter().map(|text| score(text)).collect();
            let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            Outcome::Value(Judgement {
                verdict: best.map_or(Verdict::Abstain, Verdict::Best),
                confidence: None,
                scores,
            })
        };
        Ok(groups.iter().map(judge).collect())
    }
}

/// Remembers the score of each update.
#[derive(Default)]
struct Scores(Vec<f64>);

impl Observer for Scores {
    fn event(&mut self, event: &Event) {
        if let Event::Updated { record, .. } = event {
            self.0.extend(record.get("objective/score"));
        }
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .context("give a config and overrides such as ppo.lr=2e-6")?;
    let labeler = ShortWords {
        identity: Identity::of_program("short-words", env!("CARGO_PKG_VERSION")),
    };
    let overrides: Vec<String> = arguments.collect();
    let config = Config::load(Path::new(&file), &overrides)?.judged_by(Arc::new(labeler));
    let mut scores = Scores::default();
    policy::train(&config, false, &mut scores)?;
    std::fs::write(
        config.run.dir.join("scores.txt"),
        format!("{:?}\n", scores.0),
    )?;
    Ok(())
}
