//! Files as they are while somebody writes them, and runs that are lists.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{lines, policy, reward_model, write};
use crate::report::data::{Header, Run};
use crate::report::metrics::Metrics;
use crate::report::samples::{self, Extremes, Sample};
use crate::report::{RunRef, State, runs};
use crate::run_dir::RunDir;

#[test]
fn metrics_are_columns_and_a_torn_line_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    assert!(Metrics::read(&path).unwrap().keys().is_empty());
    write(
        &path,
        "{\"update\":0,\"a\":0.1,\"b\":1.0}\nnot json\n{\"update\":1,\"b\":null,\"c\":-3e-7}\n{\"update\":2,\"a\":4",
    );
    let metrics = Metrics::read(&path).unwrap();
    assert_eq!(metrics.keys(), ["a", "b", "c"]);
    assert_eq!(metrics.updates(), [0, 1]);
    assert_eq!(metrics.column("c").unwrap()[1], -3e-7);
    assert!(metrics.column("c").unwrap()[0].is_nan());
    assert_eq!(metrics.last("b"), Some(1.0));
    assert_eq!((metrics.line(0), metrics.line(1)), (0, 2));
    let series = metrics.down_sampled(&["a".into(), "no such".into()], 100);
    assert_eq!(
        json!(series),
        json!({"update": [0, 1], "series": {"a": [0.1, null]}})
    );
}

proptest! {
    #[test]
    fn few_points_have_every_end(
        values in prop::collection::vec((-1e6..1e6f64, prop::option::of(-1e6..1e6f64)), 1..400),
        points in 0..50_usize,
    ) {
        let rows = values.iter().enumerate();
        let text = lines(rows.map(|(update, (a, b))| json!({"update": update, "a": a, "b": b})));
        let metrics = Metrics::of(text.as_bytes());
        let few = metrics.down_sampled(&[], points);
        prop_assert!(few.update.len() <= points.max(8) + 2);
        prop_assert!(few.update.is_sorted());
        prop_assert_eq!((few.update[0], *few.update.last().unwrap()), (0, values.len() as u64 - 1));
        for key in ["a", "b"] {
            let all = metrics.column(key).unwrap().iter().copied().filter(|value| value.is_finite());
            let shown = few.series[key].iter().flatten().copied();
            prop_assert_eq!(all.clone().reduce(f64::max), shown.clone().reduce(f64::max));
            prop_assert_eq!(all.reduce(f64::min), shown.reduce(f64::min));
            for (update, value) in few.update.iter().zip(&few.series[key]) {
                let exact = metrics.column(key).unwrap()[*update as usize];
                prop_assert_eq!(value.unwrap_or(f64::NAN).to_bits(), exact.to_bits());
            }
        }
    }
}

#[test]
fn the_last_samples_are_found_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.jsonl");
    assert_eq!(samples::last(&path, 8).unwrap(), []);
    let row = |number: u64| {
        json!({
            "update": number / 4, "query": "q".repeat(300), "response": number.to_string(), "score": 0.5, "kl": 1.5,
            "valid": true,
        })
    };
    let mut text = lines((0..4000).map(row));
    text += "{\"update\":1000,\"qu";
    write(&path, text);
    let found = samples::last(&path, 3).unwrap();
    let updates: Vec<u64> = found.iter().map(|sample| sample.update).collect();
    assert_eq!(
        updates,
        [997, 997, 997, 997, 998, 998, 998, 998, 999, 999, 999, 999]
    );
    // Older files say less.
    assert!(found[0].parts.is_empty() && found[0].tokens.is_empty());
    assert_eq!(samples::last(&path, 5000).unwrap().len(), 4000);
    assert_eq!(samples::last(&path, 0).unwrap(), []);
    let back: Sample = serde_json::from_value(json!(found[0])).unwrap();
    assert_eq!(back, found[0]);
}

#[test]
fn extremes_are_those_of_all_samples() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path(), "words");
    let found = Extremes::read(&RunDir::at(folder.path()).samples(), 3).unwrap();
    let scores = |list: &[samples::Found]| -> Vec<Option<f64>> {
        list.iter().map(|found| found.sample.score).collect()
    };
    assert_eq!(scores(&found.rewarded), [16.0 - 8.3; 3].map(Some));
    assert_eq!(scores(&found.penalised), [-8.3; 3].map(Some));
    let lines: Vec<usize> = found.moved.iter().map(|found| found.line).collect();
    assert_eq!(lines, [119, 118, 117]);
    let lines: Vec<usize> = found.newest.iter().map(|found| found.line).collect();
    assert_eq!(lines, [116, 117, 118]);
    assert_eq!(found.rewarded[0].line, 16);
}

#[test]
fn a_run_is_listed_with_its_parts_and_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("all");
    write(
        &root.join("config.toml"),
        "[task]\nplugin = \"t\"\n[reward]\nnum_train = 64\n",
    );
    policy(&root.join("policy"), "words");
    reward_model(&root.join("reward"), 64);
    // What a comparison was made of is no run.
    write(&root.join("policy/comparison/config.toml"), "[compare]\n");
    let found = runs(&[folder.path().to_path_buf()]).unwrap();
    let told: Vec<(&str, &str, State)> = found
        .iter()
        .map(|run| (run.name.as_str(), run.stage, run.state))
        .collect();
    assert_eq!(
        told,
        [
            ("all", "experiment", State::Done),
            ("all/policy", "policy", State::Done),
            ("all/reward", "reward model", State::Done),
        ]
    );
    assert_eq!(
        (found[1].update, found[1].updates, found[1].alarms),
        (30, Some(30), 1)
    );
    assert_eq!(runs(&[root.clone(), root.join("policy")]).unwrap().len(), 3);
    assert!(
        found
            .iter()
            .all(|run| run.id.len() == 16 && run.started.is_some())
    );
    std::fs::remove_file(root.join("reward/report.json")).unwrap();
    assert_eq!(found[0].now().state, State::Stopped);
    let message = runs(&[folder.path().join("nothing")])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no run directory") && message.contains("\nhint: "),
        "{message}"
    );
    assert!(RunRef::at(folder.path()).is_err());
}

#[test]
fn a_run_that_trains_is_seen_and_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    let config = "[ppo]\ntotal_episodes = 100\nbatch_size = 8\n";
    let held = RunDir::create(&dir, config).unwrap();
    write(
        &held.metrics(),
        lines(
            (0..3).map(|update| json!({"update": update, "objective/kl": 0.5, "time/update": 2.0})),
        ),
    );
    let run = RunRef::at(&dir).unwrap();
    assert_eq!(
        (run.state, run.update, run.updates),
        (State::Running, 3, Some(13))
    );
    let header = Header::read(&run).unwrap();
    assert_eq!(header.eta_seconds, Some(20.0));
    assert_eq!(header.keys, ["objective/kl", "time/update"]);
    drop(held);
    let looking = std::thread::spawn({
        let run = run.clone();
        move || {
            (0..500)
                .filter(|_| run.now().state == State::Running)
                .count()
        }
    });
    for _ in 0..20 {
        drop(RunDir::resume(&dir).unwrap());
    }
    looking.join().unwrap();
    assert_eq!(run.now().state, State::Stopped);
}

#[test]
fn a_run_says_who_plays_what() {
    let folder = tempfile::tempdir().unwrap();
    policy(folder.path(), "words");
    let run = Run::read(folder.path()).unwrap();
    let players: Vec<(&str, &str)> = run
        .header
        .plugins
        .iter()
        .map(|plugin| (plugin.kind, plugin.name.as_str()))
        .collect();
    assert_eq!(players, [("task", "continuation"), ("labeler", "words")]);
    assert_eq!(
        (run.header.plugin_seconds, run.header.error_rate),
        (Some(0.002), Some(0.0))
    );
    assert_eq!(run.header.alarms.len(), 3);
    let told: Value = json!(run);
    assert_eq!(told["header"]["state"], "done");
    assert_eq!(told["after"]["score"], 0.7);
}
