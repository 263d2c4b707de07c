//! Experiments of several trainings: each with what it sets, from the model of another, and compared at the end.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::eval;
use crate::report;
use crate::support::{Lab, attune, failure, lines, succeed, tiny_model};
use crate::twins::root;

const PARTS: &str = r#"
[sft]
validation = 8
batch_size = 8
lr = 3e-3
end_text = "."
[[part]]
name = "written"
train = "sft"
[[part]]
name = "kind"
train = "policy"
set = { ppo.lr = 2e-3, labeler.settings = { from = 101, to = 101 } }
[[part]]
name = "both"
train = "policy"
start = "written"
[[part]]
name = "learned"
[part.set]
ppo.total_episodes = 16
reward = { batch_size = 8, lr = 3e-3, normalize_samples = 8, rollout_batch = 8 }
collect = { mode = "offline", initial = 16, total = 16, responses = 2 }
[compare]
[[compare.entry]]
name = "untrained"
model = "model"
[[compare.entry]]
name = "written"
part = "written"
[[compare.entry]]
name = "kind"
part = "kind"
[[compare.entry]]
name = "both"
part = "both"
[[compare.entry]]
name = "learned"
part = "learned"
[[compare.entry]]
name = "by hand"
baseline = "reference"
[[compare.judge]]
labeler = { plugin = "letters" }
[[compare.judge]]
part = "learned"
"#;

fn lab() -> Lab {
    let lab = eval::lab();
    let config = std::fs::read_to_string(lab.path("config.toml")).unwrap();
    let (before, rest) = config.split_once("\n[[compare.entry]]").unwrap();
    let (_, after) = rest.split_once("[ppo]").unwrap();
    lab.write("config.toml", format!("{before}\n{PARTS}[ppo]{after}"));
    lab
}

fn run(lab: &Lab, extra: &[&str]) -> String {
    let output = lab.command(&["run"], "all", extra).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn learned_rates(lab: &Lab, part: &str) -> Vec<f64> {
    let metrics = lines(&lab.path(&format!("all/{part}/metrics.jsonl")));
    metrics
        .iter()
        .map(|line| line["ppo/lr"].as_f64().unwrap())
        .collect()
}

#[test]
fn one_command_trains_all_parts_and_compares_them() {
    let lab = lab();
    let plan = lab.command(&["plan"], "all", &[]).output().unwrap();
    let told = String::from_utf8(plan.stdout).unwrap();
    for part in [
        "part       written: learns what people wrote, in",
        "part       both: trains a policy, starts from `written`, in",
        "part       learned: a whole experiment, in",
        "supervised pairs: 72 to learn from",
        "labels     16 before the first episode",
        "which is not there yet",
    ] {
        assert!(
            told.contains(part),
            "`{part}` is not in: {told}{}",
            String::from_utf8_lossy(&plan.stderr)
        );
    }
    assert!(!lab.path("all").exists());
    let said = run(&lab, &[]);
    assert!(
        said.contains("part 3 of 4: both: trains a policy, starts from `written`"),
        "{said}"
    );
    assert_eq!(learned_rates(&lab, "kind")[0], 2e-3);
    assert_eq!(learned_rates(&lab, "both")[0], 1e-3);
    let manifest = std::fs::read_to_string(lab.path("all/both/config.toml")).unwrap();
    assert!(manifest.contains("written/policy"), "{manifest}");
    let results = std::fs::read(lab.path("all/eval.json")).unwrap();
    let found: Value = serde_json::from_slice(&results).unwrap();
    assert_eq!(found["entries"].as_array().unwrap().len(), 6);
    assert_eq!(found["judges"][1]["name"], "learned");
    assert!(
        found["judges"][1]["scores"][2]["score"]["value"].is_number(),
        "{}",
        found["judges"][1]
    );
    // An experiment of its own has its policy in a folder of its own.
    let learned = lab.path("all/learned/config.toml").display().to_string();
    let said = failure(&mut attune(&["train", "policy", &learned, "--resume"]));
    assert!(said.contains("directory of a whole experiment"), "{said}");
    // Killed while a part's model was written, whose tokenizer is the last of its files.
    for file in ["policy/tokenizer.json", "report.json"] {
        std::fs::remove_file(lab.path("all/written").join(file)).unwrap();
    }
    run(&lab, &[]);
    assert!(std::fs::read(lab.path("all/eval.json")).unwrap() == results);
    // Once more there is nothing to do, and what is gone is made again, to the same bytes.
    let metrics = std::fs::read(lab.path("all/both/metrics.jsonl")).unwrap();
    assert!(run(&lab, &[]).contains("both: 0 answers sampled"));
    for part in ["written", "both", "learned", "comparison"] {
        std::fs::remove_dir_all(lab.path("all").join(part)).unwrap();
    }
    run(&lab, &[]);
    let again = lines(&lab.path("all/both/metrics.jsonl"));
    assert_eq!(
        again.len(),
        metrics
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count()
    );
    assert!(std::fs::read(lab.path("all/eval.json")).unwrap() == results);
}

#[test]
fn what_cannot_work_in_a_part_is_said_before_the_first_begins() {
    let lab = lab();
    for (set, parts) in [
        (
            "part.1.set={ppo={lr=-1.0}}",
            ["in [[part]] `kind`", "lr -1"],
        ),
        (
            "part.1.set.labeler.plugin=leters",
            ["in [[part]] `kind`", "did you mean"],
        ),
        (
            "part.2.start=wirtten",
            ["no part before it is called so", "written"],
        ),
        (
            "part.1.name=written",
            ["another is called `written` already", "hint"],
        ),
        (
            "compare.entry.1.part=writen",
            ["no part is called `writen`", "name one of written, kind"],
        ),
        (
            "compare.judge.1.part=kind",
            ["part `kind` trains a policy alone", "without `train`"],
        ),
        (
            "part.3.name=eval.json",
            ["the name `eval.json` must have", "be none of comparison"],
        ),
        (
            "part.0.set={task={settings={query_len=0}}}",
            ["in [[part]] `written`", "query_len"],
        ),
    ] {
        let said = failure(&mut lab.command(&["run"], "all", &["--set", set]));
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!lab.path("all").exists(), "{set}");
    }
    // A part that was begun is held to its config, and another is not.
    run(&lab, &[]);
    let said = failure(&mut lab.command(&["run"], "all", &["--set", "part.1.set.ppo.lr=3e-3"]));
    for part in ["in [[part]] `kind`", "`ppo.lr` was `0.002`"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    run(&lab, &["--set", "part.4={name=\"more\", train=\"policy\"}"]);
    assert!(lab.path("all/more/policy/config.json").is_file());
}

/// A tiny model, and few rows of the form that the comparisons that ship have.
fn write_packages(folder: &Path) {
    tiny_model(folder);
    let row = |row: usize| {
        let kind = ["library", "daemon"][row % 2];
        json!({
            "package": format!("p{row}"),
            "description": format!("Package {row} is a {kind} of colours. It paints the screen, and more of it."),
            "summary": format!("{kind} {row} that paints"),
        })
    };
    for (name, range) in [("train.jsonl", 0..200), ("test.jsonl", 200..240)] {
        let rows: String = range.map(|at| format!("{}\n", row(at))).collect();
        std::fs::write(folder.join(name), rows).unwrap();
    }
}

/// Runs a comparison that ships on those, as smaller as `own` says; returns what it printed and what it said.
fn run_small(file: &Path, folder: &Path, run: &Path, own: &str) -> [String; 2] {
    let at = |name: &str| folder.join(name).display().to_string();
    let shared = [
        format!("run.dir={}", run.display()),
        format!("model.path={}", at("model")),
        format!("compare.entry.0.model={}", at("model")),
        format!("data.train={}", at("train.jsonl")),
        format!("data.held_out={}", at("test.jsonl")),
        format!("ppo.total_episodes={}", UPDATES * 8),
    ];
    let small = "run.device=cpu run.threads=1 model.trainable_layers=1 task.settings.query_len=48 \
        task.settings.response_len=16 task.settings.truncate_token= ppo.batch_size=8 eval.queries=12";
    let small = small.split_whitespace().chain(own.split_whitespace());
    let mut command = attune(&["run"]);
    command.arg(file);
    for set in small.chain(shared.iter().map(String::as_str)) {
        command.args(["--set", set]);
    }
    let output = command.output().unwrap();
    let told = [output.stdout, output.stderr].map(|told| String::from_utf8(told).unwrap());
    assert!(output.status.success(), "{}: {}", file.display(), told[1]);
    told
}

/// Updates of each policy: more than an alarm takes to begin, by the thresholds that ship.
const UPDATES: usize = 8;

#[test]
fn the_examples_run_on_a_tiny_model() {
    let folder = tempfile::tempdir().unwrap();
    write_packages(folder.path());
    for (name, own) in [
        ("tldr-packages/small", "sft.num_train=32 sft.validation=8"),
        (
            "smart-copiers/experiment",
            "sft.num_train=32 sft.validation=8 collect.initial=16 collect.total=16 reward.normalize_samples=8 reward.rollout_batch=8 reward.trainable_layers=1",
        ),
    ] {
        let file = root().join("examples").join(name).with_extension("toml");
        let run = folder.path().join(name.replace('/', "-"));
        let [table, said] = run_small(&file, folder.path(), &run, own);
        for part in ["lead-1", "maintainer", "ROUGE-1", "copied"] {
            assert!(table.contains(part), "{name}: `{part}` is not in: {table}");
        }
        let results = std::fs::read(run.join("eval.json")).unwrap();
        let results: Value = serde_json::from_slice(&results).unwrap();
        let config = std::fs::read_to_string(&file).unwrap();
        for (of, section) in [("entries", "entry"), ("judges", "judge")] {
            let wanted = config.matches(&format!("[[compare.{section}]]")).count();
            let found = results[of].as_array().unwrap().len();
            assert_eq!(found, wanted, "{name}: {of}");
        }
        let plot = std::fs::read_to_string(run.join("eval.svg")).unwrap();
        assert!(
            plot.contains("Copied from the query") && plot.ends_with("</svg>\n"),
            "{plot}"
        );
        quiet(&run, &said);
        reported(&run, folder.path());
    }
}

/// Files of a name, in a folder and in those within it.
fn named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(named(&path, name));
        } else if path.ends_with(name) {
            found.push(path);
        }
    }
    found
}

/// No policy of an experiment raised an alarm, though each was trained for long enough to raise one.
fn quiet(run: &Path, said: &str) {
    let metrics = named(run, "metrics.jsonl").into_iter();
    let metrics = metrics.map(|path| lines(&path));
    let policies: Vec<usize> = metrics
        .filter(|updates| updates[0].get("objective/kl").is_some())
        .map(|updates| updates.len())
        .collect();
    assert!(policies.len() > 1, "{run:?}");
    assert!(
        policies.iter().all(|updates| *updates == UPDATES),
        "{policies:?}"
    );
    for path in named(run, "events.jsonl") {
        let events = lines(&path).into_iter();
        let alarms: Vec<Value> = events.filter(|event| event["event"] == "alarm").collect();
        assert!(alarms.is_empty(), "{path:?}: {alarms:?}");
    }
    assert!(!said.contains("alarm `"), "{said}");
}

/// The page of a comparison and all its parts: each number as its file has it, and each part's numbers there.
fn reported(run: &Path, folder: &Path) {
    succeed(&["report", run.to_str().unwrap()]);
    let html = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(html.len() <= 5_000_000, "{} bytes", html.len());
    let counts = report::check(&html, folder);
    let name = run.file_name().unwrap().to_str().unwrap();
    let parts: &[&str] = match run.join("rl").is_dir() {
        true => &[
            "supervised/metrics.jsonl",
            "rl/metrics.jsonl",
            "supervised-rl/metrics.jsonl",
        ],
        false => &[
            "overlap/policy/metrics.jsonl",
            "coverage/reward-00/report.json",
            "half/policy/samples.jsonl",
            "supervised/metrics.jsonl",
        ],
    };
    for file in parts.iter().chain(&["eval.json"]) {
        let found = counts.get(&format!("{name}/{file}")).copied();
        assert!(found.unwrap_or(0) > 1, "{file}: {counts:?}");
    }
    for part in ["Who is better", "Reward models", "lead-1", "maintainer"] {
        let is_told = html.contains(part) || part == "Reward models" && parts[0].starts_with("sup");
        assert!(is_told, "{name}: `{part}` is not in the page");
    }
}
