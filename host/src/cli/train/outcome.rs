//! The held-out answers before and after, kept in the run directory and shown at the end.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::progress::Progress;
use crate::role::Query;
use crate::run_dir::{RunDir, replace};
use crate::train::checkpoint::State;
use crate::train::eval::{Evaluation, evaluate};
use crate::train::policy::Observer;
use crate::train::rollout::Roller;

/// The answers before and after, where a run has come to its end.
pub(super) fn finished(run_dir: &RunDir) -> Result<Option<(Evaluation, Evaluation)>> {
    let [before, after] =
        ["before", "after"].map(|name| run_dir.eval().join(format!("{name}.json")));
    let policy = run_dir.policy().join("model.safetensors");
    if ![&before, &after, &policy].iter().all(|file| file.is_file()) {
        return Ok(None);
    }
    Ok(Some((kept_evaluation(&before)?, kept_evaluation(&after)?)))
}

fn kept_evaluation(path: &Path) -> Result<Evaluation> {
    serde_json::from_slice(&std::fs::read(path)?).with_context(|| {
        format!(
            "`{}` is damaged\nhint: remove it to have the queries answered again",
            path.display()
        )
    })
}

/// The untrained model's answers; they are on disk already when a run goes on.
pub(super) fn first_evaluation(
    run_dir: &RunDir,
    roller: &Roller,
    held_out: &[Query],
    progress: &mut Progress,
    resumed: bool,
) -> Result<Evaluation> {
    let path = run_dir.eval().join("before.json");
    if resumed && path.is_file() {
        return kept_evaluation(&path);
    }
    progress.note(&format!(
        "answering {} held-out queries with the untrained model",
        held_out.len()
    ));
    let before = evaluate(roller, held_out)?;
    store(run_dir, "before", &before)?;
    Ok(before)
}

pub(super) fn store(run_dir: &RunDir, name: &str, evaluation: &Evaluation) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(&json!(evaluation))?;
    replace(&run_dir.eval().join(format!("{name}.json")), &bytes)
}

pub(super) fn print_table(before: &Evaluation, after: &Evaluation, show: usize) {
    println!("\nheld-out queries      before      after");
    for (name, old, new) in [
        ("score", before.score, after.score),
        ("score std", before.score_std, after.score_std),
        ("sequence KL", before.kl, after.kl),
        (
            "ref perplexity",
            before.ref_perplexity,
            after.ref_perplexity,
        ),
        ("distinct-1", before.distinct_1, after.distinct_1),
        ("distinct-2", before.distinct_2, after.distinct_2),
        ("valid", before.valid, after.valid),
    ] {
        println!("{name:<18} {old:>10.3} {new:>10.3}");
    }
    for (old, new) in [
        (&before.task, &after.task),
        (&before.measured, &after.measured),
    ] {
        for (name, new) in new {
            let old = old.get(name).unwrap_or(&f64::NAN);
            println!("{name:<18} {old:>10.3} {new:>10.3}");
        }
    }
    for (old, new) in before.answers.iter().zip(&after.answers).take(show) {
        println!("\n  query   {}", one_line(&old.query));
        println!(
            "  before  {}  (score {:.2})",
            one_line(&old.response),
            old.score
        );
        println!(
            "  after   {}  (score {:.2}, KL {:.1})",
            one_line(&new.response),
            new.score,
            new.kl
        );
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn print_where(run_dir: &RunDir, state: &State) {
    println!(
        "\n{} updates in {:.0} s. Where things are:",
        state.updates, state.elapsed_seconds
    );
    println!(
        "  trained model   {}  (loads in transformers)",
        run_dir.policy().display()
    );
    println!("  metrics         {}", run_dir.metrics().display());
    println!(
        "  TensorBoard     tensorboard --logdir {}",
        run_dir.tensorboard().display()
    );
    println!("  answers         {}", run_dir.eval().display());
    println!("Try next:");
    println!(
        "  attune sample {} --prompt \"The film\"",
        run_dir.root().display()
    );
}
