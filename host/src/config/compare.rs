//! What `attune eval` compares, and who judges.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PluginRef;
use super::problems::Problems;

/// Baselines that take sentences of the query.
const EXTRACTS: [&str; 2] = ["lead", "extract"];
/// Names go into tables and file names.
const LONGEST_NAME: usize = 60;

/// Models, runs and baselines that are compared on the held-out queries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compare {
    /// The entry that the others are measured against; absent for the first.
    pub against: Option<String>,
    /// Who is compared.
    pub entry: Vec<Entry>,
    /// Who judges; none for `[labeler]`, where there is one.
    pub judge: Vec<Judge>,
}

/// One of those who are compared: a model or a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called in tables.
    pub name: String,
    /// A model folder, or the directory of a run, whose policy is meant.
    pub model: Option<PathBuf>,
    /// A part of the experiment, whose policy is meant.
    pub part: Option<String>,
    /// `reference`, `lead` or `extract`, or a baseline that the task names.
    pub baseline: Option<String>,
    /// How many sentences `lead` or `extract` takes; absent for 1.
    pub sentences: Option<u64>,
    /// Answer each query so often, and keep the answer that a judge gives the best score.
    pub best_of: Option<u64>,
    /// The judge that chooses among them; absent for the first.
    pub by: Option<String>,
}

/// One of those who judge: just one of its three sources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// What it is called in tables; absent for the name of what it is.
    pub name: Option<String>,
    /// A plugin.
    pub labeler: Option<PluginRef>,
    /// A folder of a reward model, or of the run that made it.
    pub reward_model: Option<PathBuf>,
    /// A part of the experiment, whose last reward model is meant.
    pub part: Option<String>,
    /// A store or a file of labels of these answers.
    pub labels: Option<PathBuf>,
    /// Put the comparisons of the first so many queries into the store of labels, for people to answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub ask: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Judge {
    /// The plugin of a labeler.
    #[must_use]
    pub fn of_labeler(labeler: PluginRef) -> Judge {
        Judge {
            labeler: Some(labeler),
            ..Judge::default()
        }
    }

    /// What it is called.
    #[must_use]
    pub fn title(&self) -> String {
        let last = |path: &Path| {
            let stem = path.file_stem().unwrap_or(path.as_os_str());
            stem.to_string_lossy().into_owned()
        };
        if let Some(name) = &self.name {
            return name.clone();
        }
        if let Some(part) = &self.part {
            return part.clone();
        }
        let labeler = self.labeler.as_ref();
        let labeler = labeler.map(|labeler| last(Path::new(&labeler.plugin)));
        let model = self.reward_model.as_ref().map(|folder| last(folder));
        let labels = self.labels.as_ref().map(|file| last(file));
        labeler.or(model).or(labels).unwrap_or_default()
    }

    /// Whether it gives answers scores by themselves, as far as a config tells.
    fn may_score(&self) -> bool {
        self.labels.is_none()
    }
}

impl Compare {
    /// The entry that the others are measured against.
    #[must_use]
    pub fn baseline(&self) -> usize {
        let named = |entry: &Entry| Some(&entry.name) == self.against.as_ref();
        self.entry.iter().position(named).unwrap_or(0)
    }

    /// Finds what cannot work; `labeler` says whether there is one that judges where no judge
    /// is named, `parts` what parts the experiment has, and which of them train a reward model.
    pub(super) fn check(&self, labeler: bool, parts: &[(&str, bool)], problems: &mut Problems) {
        if self.entry.len() < 2 {
            problems.add(
                format!(
                    "[compare] has {} of the two or more entries that a comparison takes",
                    self.entry.len()
                ),
                "add `[[compare.entry]]` with a name and `model = \"FOLDER\"` or `baseline = \"reference\"`",
            );
        }
        let names: Vec<&str> = self.entry.iter().map(|entry| entry.name.as_str()).collect();
        check_names("[[compare.entry]]", &names, problems);
        let titles: Vec<String> = self.judge.iter().map(Judge::title).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        check_names("[[compare.judge]]", &titles, problems);
        if let Some(against) = &self.against
            && !names.contains(&against.as_str())
        {
            problems.add(
                format!("[compare] against is `{against}`, and no entry is called so"),
                format!("name one of {}", names.join(", ")),
            );
        }
        for (place, entry) in self.entry.iter().enumerate() {
            let section = format!("[[compare.entry]] {}", place + 1);
            check_entry(entry, &section, problems);
            check_part(entry.part.as_ref(), parts, &section, problems);
            self.check_best_of(entry, &section, labeler, problems);
        }
        for (place, judge) in self.judge.iter().enumerate() {
            let section = format!("[[compare.judge]] {}", place + 1);
            check_judge(judge, &section, problems);
            check_part(judge.part.as_ref(), parts, &section, problems);
            check_rewards(judge.part.as_ref(), parts, &section, problems);
        }
    }

    fn check_best_of(&self, entry: &Entry, section: &str, labeler: bool, problems: &mut Problems) {
        let Some(count) = entry.best_of else {
            if entry.by.is_some() {
                problems.add(
                    format!("{section}: has by, which chooses among answers, and no best_of"),
                    "add `best_of = 16`, or leave by out",
                );
            }
            return;
        };
        if entry.baseline.is_some() || !(2..=4096).contains(&count) {
            problems.add(
                format!("{section}: best_of {count} must be from 2 to 4096, of a model"),
                "leave best_of out to answer once",
            );
        }
        let named = self.judge.iter().find(|judge| match &entry.by {
            Some(name) => judge.title() == *name,
            None => judge.may_score(),
        });
        let is_there = match named {
            Some(judge) => judge.may_score(),
            None => self.judge.is_empty() && labeler && entry.by.is_none(),
        };
        if !is_there {
            problems.add(
                format!("{section}: best_of takes a judge that gives scores, and by names none"),
                "name a [[compare.judge]] with a reward_model or a labeler by its name",
            );
        }
    }
}

fn check_names(section: &str, names: &[&str], problems: &mut Problems) {
    for (place, name) in names.iter().enumerate() {
        let one = format!("{section} {}", place + 1);
        let odd = |c: char| c.is_control() || c == '|';
        if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(odd) {
            problems.add(
                format!(
                    "{one}: the name `{}` must have 1 to {LONGEST_NAME} bytes, and neither `|` nor line ends",
                    name.escape_debug()
                ),
                "names stand in tables; choose a short one",
            );
        }
        if names[..place].contains(name) {
            problems.add(
                format!("{one}: another is called `{name}` already"),
                "give each a `name` of its own",
            );
        }
    }
}

fn check_entry(entry: &Entry, section: &str, problems: &mut Problems) {
    let given = [
        entry.model.is_some(),
        entry.part.is_some(),
        entry.baseline.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        problems.add(
            format!("{section}: must have just one of model, part and baseline"),
            "name a folder by `model`, one of the experiment's by `part`, or `baseline = \"reference\"`, \"lead\" or \"extract\"",
        );
    }
    let extracts = entry.baseline.as_deref();
    let extracts = extracts.is_some_and(|name| EXTRACTS.contains(&name));
    match entry.sentences {
        Some(_) if !extracts => problems.add(
            format!("{section}: has sentences, and only lead and extract take some"),
            "leave sentences out",
        ),
        Some(count) if !(1..=1000).contains(&count) => problems.add(
            format!("{section}: sentences {count} must be from 1 to 1000"),
            "use sentences = 1",
        ),
        _ => {}
    }
}

fn check_part(
    part: Option<&String>,
    parts: &[(&str, bool)],
    section: &str,
    problems: &mut Problems,
) {
    let Some(name) = part else {
        return;
    };
    if parts.iter().any(|(known, _)| known == name) {
        return;
    }
    let names: Vec<&str> = parts.iter().map(|(known, _)| *known).collect();
    problems.add(
        format!("{section}: no part is called `{name}`"),
        match names.is_empty() {
            true => "the config has no [[part]]; name a folder".to_owned(),
            false => format!("name one of {}", names.join(", ")),
        },
    );
}

/// Finds a judge in a part that makes no reward model.
fn check_rewards(
    part: Option<&String>,
    parts: &[(&str, bool)],
    section: &str,
    problems: &mut Problems,
) {
    let named = part.and_then(|part| parts.iter().find(|(known, _)| known == part));
    if let Some((name, false)) = named {
        problems.add(
            format!(
                "{section}: part `{name}` trains a policy alone, and no reward model that could judge"
            ),
            "name a part without `train`, a folder by `reward_model`, or a plugin by `labeler`",
        );
    }
}

fn check_judge(judge: &Judge, section: &str, problems: &mut Problems) {
    let given = [
        judge.labeler.is_some(),
        judge.reward_model.is_some(),
        judge.part.is_some(),
        judge.labels.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        problems.add(
            format!("{section}: must have just one of labeler, reward_model, part and labels"),
            "write an own [[compare.judge]] for each, such as `labeler = { plugin = \"valence\" }`",
        );
    }
    if judge.ask > 0 && judge.labels.is_none() {
        problems.add(
            format!("{section}: has ask, and only people are asked"),
            "leave ask out, or name a store by `labels = \"people.db\"`",
        );
    }
}
