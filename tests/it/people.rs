//! People in place of a labeler: a run asks them, waits, and learns from what they say; and from no more of it than it
//! should.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use attune::config::Config;
use attune::experiment::people::rules;
use attune::label::Answer;
use attune::label::room::{Given, Item, Next, Role, Room, Rules};
use serde_json::{Value, json};

use crate::support::{Lab, failure, succeed};

mod refused;
mod words;

const PEOPLE: &str = r#"
[reward]
batch_size = 4
lr = 1e-3
normalize_samples = 16
rollout_batch = 8
[collect]
by = "people"
responses = 2
initial = 8
total = 24
reward_models = 2
validation_share = 0.25
[people]
title = "Which?"
instructions = "instructions.md"
mode = "pair"
gold = "gold.jsonl"
training = 1
gold_every = 5
repeat_every = 6
overlap = 0.0
"#;

fn gold(lab: &Lab, count: usize) {
    let line = |number: usize| {
        json!({"comparison": {"query": {"text": format!("gold {number}")},
            "responses": [{"text": "a row"}, {"text": "none"}]},
            "answer": {"best": 0}, "labeler": {"person": "us"}, "why": "it is a row"})
    };
    let text: String = (0..count)
        .map(|number| format!("{}\n", line(number)))
        .collect();
    lab.write("gold.jsonl", text);
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.edit("[ppo]", &format!("{PEOPLE}\n[ppo]"));
    lab.write("instructions.md", "# Read\n\nand choose.\n");
    gold(&lab, 4);
    lab
}

fn begin(lab: &Lab, name: &str, extra: &[&str]) -> Child {
    let mut command = lab.command(&["run"], name, extra);
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    command.spawn().unwrap()
}

fn rules_of(lab: &Lab) -> Rules {
    rules(&Config::load(&lab.path("config.toml"), &[]).unwrap()).unwrap()
}

/// People who sit in the room of a run.
struct Sitting {
    room: Room,
    people: Vec<i64>,
    store: PathBuf,
    now: i64,
    said: u64,
}

impl Sitting {
    fn of(lab: &Lab, name: &str, people: &[&str]) -> Sitting {
        let store = lab.path(name).join("labels.db");
        let mut room = Room::open(&store, rules_of(lab)).unwrap();
        let invited = people.iter().map(|name| {
            let token = room.invite(name, Role::Labeler, "", 0).unwrap();
            room.who(&token).unwrap().unwrap().id
        });
        Sitting {
            people: invited.collect(),
            room,
            store,
            now: 1_700_000_000_000,
            said: 0,
        }
    }

    /// Labels that the run asked for and has.
    fn own(&self) -> usize {
        self.room.store().labels_under("run-").unwrap().len()
    }

    /// Everybody answers what there is, once; how many did.
    fn round(&mut self) -> usize {
        let mut count = 0;
        for person in self.people.clone() {
            if let Next::Item(item, _) = self.room.next(person, self.now).unwrap() {
                self.answer(person, &item);
                count += 1;
            }
        }
        count
    }

    /// Whatever the order on the page is, everybody prefers the same.
    fn answer(&mut self, person: i64, item: &Item) {
        self.said += 1;
        self.now += 4000;
        let [one, other] = &item.responses[..] else {
            panic!("{item:?}");
        };
        let answer = match one.cmp(other) {
            std::cmp::Ordering::Less => Answer::Best(0),
            std::cmp::Ordering::Equal => Answer::Tie(vec![0, 1]),
            std::cmp::Ordering::Greater => Answer::Best(1),
        };
        let given = Given {
            item: item.id.clone(),
            client: self.said.to_string(),
            answer,
            shown_ms: 4000,
            changes: 0,
            confidence: None,
            strength: None,
            note: None,
            reason: None,
            naive: None,
            hints_shown: false,
        };
        let taken = self.room.answer(person, &given, self.now).unwrap();
        assert_eq!(taken, self.room.answer(person, &given, self.now).unwrap());
    }

    fn cli(&self, arguments: &[&str]) -> String {
        let store = ["--store", self.store.to_str().unwrap()];
        succeed(&[&["label"], arguments, &store[..]].concat())
    }
}

/// Runs an experiment with people who answer all that it asks; `between` is called when the first reward model is there.
fn conduct(lab: &Lab, name: &str, between: impl FnOnce(&mut Sitting)) -> Sitting {
    let mut child = begin(lab, name, &[]);
    let clock = Instant::now();
    let mut sitting = Sitting::of(lab, name, &["ann", "bob"]);
    let first = lab.path(name).join("reward-00/report.json");
    let mut between = Some(between);
    while child.try_wait().unwrap().is_none() {
        assert!(
            clock.elapsed() < Duration::from_secs(600),
            "{} said",
            sitting.said
        );
        let waits = sitting.own() >= 8 && !first.is_file();
        if first.is_file()
            && let Some(between) = between.take()
        {
            between(&mut sitting);
        }
        if waits || sitting.round() == 0 {
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    assert!(child.wait().unwrap().success());
    sitting
}

fn model(lab: &Lab, name: &str, number: usize) -> Vec<u8> {
    let place = format!("{name}/reward-{number:02}/reward_model/model.safetensors");
    std::fs::read(lab.path(&place)).unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn kept(lab: &Lab, name: &str, number: usize) -> Value {
    read(&lab.path(&format!("{name}/reward-{number:02}/people.json")))
}

#[test]
fn excluding_somebody_changes_the_next_reward_model_alone() {
    let lab = lab();
    let whole = conduct(&lab, "whole", |_| ());
    assert_eq!(whole.own(), 24);
    let nobody = json!({"excluded": [], "instead": {}});
    for number in [0, 1] {
        assert_eq!(kept(&lab, "whole", number), nobody);
    }
    let table = std::fs::read_to_string(lab.path("whole/labels.md")).unwrap();
    assert!(table.contains("| 16 |"), "{table}");
    let exclude = ["exclude", "bob", "--why", "guesses"];
    let without = conduct(&lab, "without", |sitting| {
        sitting.cli(&exclude);
    });
    assert_eq!(without.own(), 24);
    assert_eq!(kept(&lab, "without", 0), nobody);
    let said = kept(&lab, "without", 1);
    assert_eq!(said["excluded"], json!(["bob"]));
    assert!(model(&lab, "whole", 0) == model(&lab, "without", 0));
    assert!(model(&lab, "whole", 1) != model(&lab, "without", 1));
    // Of the 16 labels that it would have learned from, those of bob are left out.
    let own = without.room.store().labels_under("run-").unwrap();
    let mut own: BTreeMap<String, attune::label::Label> = own.into_iter().collect();
    let later = own.keys().nth(16).unwrap().clone();
    own.split_off(&later);
    let by = |name: &str| attune::label::Labeler::Person(name.to_owned());
    let left = own
        .values()
        .filter(|label| label.labeler == by("bob"))
        .count();
    assert!(left > 0, "bob was never first");
    let learned = read(&lab.path("without/reward-01/report.json"))["train_labels"].clone();
    assert_eq!(learned, json!(16 - left));
    assert_eq!(said["instead"].as_object().unwrap().len(), left);
    goes_on_as_it_was_begun(&lab, &without);
    // The researcher's table says who, and why nothing more is learned.
    let people = without.cli(&["people"]);
    assert!(
        people.contains("bob (excluded)") && people.contains("24 labels, 0 questions"),
        "{people}"
    );
}

/// A training that goes on leaves out who was left out when it was begun, whoever is excluded by now.
fn goes_on_as_it_was_begun(lab: &Lab, sitting: &Sitting) {
    let before = model(lab, "without", 1);
    sitting.cli(&["exclude", "bob", "--why", "it was somebody else", "--undo"]);
    let again = || lab.command(&["run"], "without", &[]);
    std::fs::remove_file(lab.path("without/reward-01/report.json")).unwrap();
    assert!(again().output().unwrap().status.success());
    assert!(model(lab, "without", 1) == before);
    // Without the record it would learn from others than it began with, and says so.
    for name in ["report.json", "people.json"] {
        std::fs::remove_file(lab.path(&format!("without/reward-01/{name}"))).unwrap();
    }
    let refused = failure(&mut again());
    for part in ["the labels of this run are not those", "reward-01"] {
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
    }
    // Begun anew, it learns from everybody again.
    std::fs::remove_dir_all(lab.path("without/reward-01")).unwrap();
    assert!(again().output().unwrap().status.success());
    assert!(model(lab, "without", 1) == model(lab, "whole", 1));
    sitting.cli(&["exclude", "bob", "--why", "it was bob after all"]);
}
