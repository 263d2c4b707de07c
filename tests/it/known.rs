//! The study of a known reward on a tiny model: more labels end nearer to the true reward's policy.

use std::process::Output;

use crate::support::{Lab, failure};

const STUDY: &str = r#"
[reward]
batch_size = 8
lr = 3e-3
normalize_samples = 64
rollout_batch = 32
[study]
known_reward = true
labels = [32, 1024, 4096]
test_labels = 64
[kl]
coef = 0.02
target = 0.0
[ppo]
"#;

/// Columns of the study's table.
const AT_THE_END: usize = 3;
const AS_FAR: usize = 7;

fn lab() -> Lab {
    let lab = Lab::new();
    let rows = (0..200).map(|row| format!("row {row} is a plain text of no meaning\n"));
    lab.write("data.txt", rows.collect::<String>());
    lab.edit("[ppo]", STUDY);
    lab.edit("total_episodes = 48", "total_episodes = 1024");
    lab.edit("batch_size = 8\nepochs", "batch_size = 32\nepochs");
    lab.edit("lr = 1e-3", "lr = 2e-3");
    lab.edit("queries = 4", "queries = 64");
    lab
}

fn run(lab: &Lab, name: &str, extra: &[&str]) -> String {
    let output = lab.command(&["run"], name, extra).output().unwrap();
    let Output { status, stderr, .. } = output;
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    std::fs::read_to_string(lab.path(name).join("study.md")).unwrap()
}

/// True rewards, which are in a column of the table: the original, reward models by labels, the true reward. The original,
/// which goes nowhere, has none where all have gone as far.
fn rewards(table: &str, column: usize) -> Vec<f64> {
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(column).unwrap().trim().parse())
        .map(|reward| reward.unwrap_or(f64::NAN))
        .collect()
}

#[test]
fn more_labels_end_nearer_to_the_true_reward() {
    let lab = lab();
    let mut ends = [0.0; 2];
    for seed in ["1", "2", "3"] {
        let table = run(
            &lab,
            &format!("seed-{seed}"),
            &["--set", &format!("run.seed={seed}")],
        );
        // A policy may go further than that of the true reward, and be better for it: they are compared where they end, and
        // where all have gone as far.
        let [at_the_end, as_far] = [AT_THE_END, AS_FAR].map(|column| {
            let rewards = rewards(&table, column);
            assert_eq!(rewards.len(), 5, "{table}");
            let far = rewards[..4].iter().map(|r| (r - rewards[4]).abs());
            far.collect::<Vec<f64>>()
        });
        let learned = at_the_end[2].max(at_the_end[3]);
        // Of 32 labels little can be learned, whichever they are.
        assert!(at_the_end[0].min(at_the_end[1]) > learned, "{table}");
        assert!(as_far[1] > as_far[2] && as_far[2] > as_far[3], "{table}");
        ends[0] += at_the_end[2];
        ends[1] += at_the_end[3];
    }
    // Of one seed the last two may end in any order, when both are near.
    assert!(ends[0] > ends[1], "{ends:?}");
}

#[test]
fn a_study_is_planned_and_told_and_done_once() {
    let lab = lab();
    lab.edit("[32, 1024, 4096]", "[16, 48]");
    lab.edit("total_episodes = 1024", "total_episodes = 64");
    let output = lab.command(&["plan"], "planned", &[]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for part in [
        "48 to learn from and 64 to test by",
        "policies   3:",
        "16 labels in 2 steps, in reward-00016",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let table = run(&lab, "study", &[]);
    let root = lab.path("study");
    let picture = std::fs::read_to_string(root.join("study.svg")).unwrap();
    for part in ["<svg", "48 labels", "the true reward", "KL to the original"] {
        assert!(picture.contains(part), "`{part}` is not in the plot");
    }
    let lines = std::fs::read_to_string(root.join("study.csv")).unwrap();
    assert_eq!(lines.lines().count(), 1 + 3 * 2, "{lines}");
    assert!(!lines.contains("NaN"), "{lines}");
    // Once more: the same results, and nothing is trained again.
    let changed = |name: &str| {
        std::fs::metadata(root.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let files = ["policy-true/eval/after.json", "reward-00048/report.json"];
    let before = files.map(changed);
    assert_eq!(run(&lab, "study", &[]), table);
    assert_eq!(files.map(changed), before);
    for (set, part) in [
        (
            "reward.train=[\"a.jsonl\"]",
            "[reward] train or test is given",
        ),
        ("study.labels=[]", "[study] labels is empty"),
        ("study.test_labels=0", "test_labels"),
        ("study.labels=[48, 16]", "must rise"),
    ] {
        let refused = failure(&mut lab.command(&["run"], "no", &["--set", set]));
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
        assert!(!lab.path("no").exists());
    }
}
