//! What became of a policy or a reward model, for a person to read.

use std::path::Path;

use crate::run_dir::RunDir;
use crate::terminal::Word;
use crate::train::evaluation::Evaluation;

/// A policy: its answers before and after, and where it is.
pub(super) fn print_policy(
    dir: &Path,
    (updates, seconds): (u64, f64),
    (before, after): (&Evaluation, &Evaluation),
    show: usize,
) {
    print_table(before, after, show);
    print_where(&RunDir::at(dir), updates, seconds);
}

fn print_table(before: &Evaluation, after: &Evaluation, show: usize) {
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
        (&before.overlap, &after.overlap),
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

/// Where the parts of a policy's run are.
fn print_where(run_dir: &RunDir, updates: u64, seconds: f64) {
    println!("\n{updates} updates in {seconds:.0} s. Where things are:");
    println!(
        "  trained model   {}  (loads in transformers)",
        run_dir.policy().display()
    );
    println!("  metrics         {}", run_dir.metrics().display());
    println!(
        "  TensorBoard     tensorboard --logdir {}",
        Word(run_dir.tensorboard().display())
    );
    println!("  answers         {}", run_dir.eval().display());
    println!("Try next:");
    println!(
        "  attune sample {} --prompt \"The film\"",
        Word(run_dir.root().display())
    );
}

/// Where a policy that was fine-tuned on what people wrote is.
pub(super) fn print_supervised(dir: &Path) {
    let run_dir = RunDir::at(dir);
    println!(
        "\n  trained model   {}  (loads in transformers)",
        run_dir.policy().display()
    );
    println!("  report          {}", run_dir.report().display());
    println!("Try next:");
    println!(
        "  attune sample {} --prompt \"The film\"",
        Word(dir.display())
    );
}

/// Where a reward model is.
pub(super) fn print_reward_model(dir: &Path) {
    let run_dir = RunDir::at(dir);
    println!(
        "\n  reward model    {}  (loads in transformers)",
        run_dir.reward_model().display()
    );
    println!("  report          {}", run_dir.report().display());
    println!("Try next:");
    println!(
        "  attune score {} --text \"A fine film.\"",
        Word(dir.display())
    );
}
