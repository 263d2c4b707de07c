//! The keys of a config that name files and folders.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{Config, Files, PluginRef};

impl Config {
    /// Does something with every path, by its key; what stands in a list has its place in the key.
    pub(super) fn each_path(&mut self, act: &mut dyn FnMut(&str, &mut PathBuf)) {
        act("run.dir", &mut self.run.dir);
        act("model.path", &mut self.model.path);
        if let Some(data) = &mut self.data {
            each_file("data.train", &mut data.train, act);
            each_file("data.held_out", &mut data.held_out, act);
            each("data.stories", &mut data.stories, act);
        }
        for (key, plugin) in self.plugins_by_key() {
            plugin.each_path(&key, act);
        }
        for (place, score) in self.score.iter_mut().enumerate() {
            each_of(
                &format!("score.{place}.reward_models"),
                &mut score.reward_models,
                act,
            );
        }
        if let Some(collect) = &mut self.collect {
            each("collect.store", &mut collect.store, act);
        }
        if let Some(people) = &mut self.people {
            each("people.instructions", &mut people.instructions, act);
            each("people.gold", &mut people.gold, act);
        }
        let judges = self.study.iter_mut().flat_map(|study| &mut study.judges);
        judges.for_each(|(name, path)| act(&format!("study.judges.{name}"), path));
        for (place, entry) in self
            .compare
            .iter_mut()
            .flat_map(|c| &mut c.entry)
            .enumerate()
        {
            each(
                &format!("compare.entry.{place}.model"),
                &mut entry.model,
                act,
            );
        }
        for (place, judge) in self
            .compare
            .iter_mut()
            .flat_map(|c| &mut c.judge)
            .enumerate()
        {
            let key = |name: &str| format!("compare.judge.{place}.{name}");
            each(&key("reward_model"), &mut judge.reward_model, act);
            each(&key("labels"), &mut judge.labels, act);
        }
        if let Some(reward) = &mut self.reward {
            each("reward.path", &mut reward.path, act);
            each_of("reward.train", &mut reward.train, act);
            each_of("reward.validation", &mut reward.validation, act);
            each_of("reward.test", &mut reward.test, act);
        }
    }

    /// All paths by their keys.
    #[must_use]
    pub fn paths(&self) -> Vec<(String, PathBuf)> {
        let mut paths = Vec::new();
        self.clone()
            .each_path(&mut |key, path| paths.push((key.to_owned(), path.clone())));
        paths
    }

    /// All plugins by the keys of their sections.
    fn plugins_by_key(&mut self) -> Vec<(String, &mut PluginRef)> {
        let one = |key: &str| key.to_owned();
        let mut all: Vec<(String, &mut PluginRef)> = Vec::new();
        all.extend(self.task.iter_mut().map(|plugin| (one("task"), plugin)));
        all.extend(
            self.labeler
                .iter_mut()
                .map(|plugin| (one("labeler"), plugin)),
        );
        for (section, plugins) in [
            ("shaper", &mut self.shaper),
            ("eval.measure", &mut self.eval.measure),
        ] {
            let numbered = plugins.iter_mut().enumerate();
            all.extend(numbered.map(|(place, plugin)| (format!("{section}.{place}"), plugin)));
        }
        let judges = self
            .compare
            .iter_mut()
            .flat_map(|compare| &mut compare.judge);
        for (place, judge) in judges.enumerate() {
            let key = format!("compare.judge.{place}.labeler");
            all.extend(judge.labeler.iter_mut().map(|plugin| (key.clone(), plugin)));
        }
        all
    }

    /// A run that is named where a model is wanted stands for its policy.
    pub(super) fn find_policies(&mut self) {
        self.each_path(&mut |key, path| {
            if ["model.path", "reward.path"].contains(&key)
                && let Some(folder) = model_in(path)
            {
                *path = folder;
            }
        });
    }

    /// Makes paths absolute that are relative to `base`.
    ///
    /// # Errors
    /// A path is empty, which would be `base` itself.
    pub(super) fn make_absolute(&mut self, base: &Path) -> Result<()> {
        let mut empty = None;
        self.each_path(&mut |key, path| {
            if path.as_os_str().is_empty() {
                empty.get_or_insert_with(|| key.to_owned());
            }
            join(base, path);
        });
        match empty {
            None => Ok(()),
            Some(key) => bail!(
                "{key} is empty, and names nothing\nhint: name a path; is a variable of the shell not set?"
            ),
        }
    }
}

impl PluginRef {
    fn each_path(&mut self, key: &str, act: &mut dyn FnMut(&str, &mut PathBuf)) {
        if self.is_path() {
            let mut path = PathBuf::from(&self.plugin);
            act(&format!("{key}.plugin"), &mut path);
            self.plugin = path.display().to_string();
        }
        for (name, path) in &mut self.assets {
            act(&format!("{key}.assets.{name}"), path);
        }
    }

    /// Whether a file is named, and not a plugin to be looked for.
    fn is_path(&self) -> bool {
        let endings = [".wasm", std::env::consts::DLL_SUFFIX];
        endings.iter().any(|ending| self.plugin.ends_with(ending))
    }
}

fn each(key: &str, path: &mut Option<PathBuf>, act: &mut dyn FnMut(&str, &mut PathBuf)) {
    path.iter_mut().for_each(|path| act(key, path));
}

fn each_of(key: &str, paths: &mut [PathBuf], act: &mut dyn FnMut(&str, &mut PathBuf)) {
    let numbered = paths.iter_mut().enumerate();
    numbered.for_each(|(place, path)| act(&format!("{key}.{place}"), path));
}

/// The model folder that a path means: itself, or the policy of a run; that of an experiment is in a run of its own.
pub(crate) fn model_in(path: &Path) -> Option<PathBuf> {
    if path.join("config.json").is_file() {
        return Some(path.to_path_buf());
    }
    let mut inside = ["policy", "policy/policy"]
        .into_iter()
        .map(|inside| path.join(inside));
    inside.find(|folder| is_whole(folder))
}

/// Whether a run has written all of a model: its tokenizer comes last, and a run may be killed before that.
fn is_whole(folder: &Path) -> bool {
    folder.join("config.json").is_file() && folder.join("tokenizer.json").is_file()
}

/// The folder of the reward model that a path means: itself, that of a run, or the last one of an experiment.
pub(crate) fn reward_in(path: &Path) -> PathBuf {
    let is_there = |run: &Path| is_whole(&run.join("reward_model"));
    if is_there(path) {
        return path.to_path_buf();
    }
    let folders = path.read_dir().into_iter().flatten().flatten();
    let runs = folders.map(|folder| folder.path()).filter_map(|run| {
        let number = reward_number(&run.file_name()?.to_string_lossy())?;
        is_there(&run).then_some((number, run))
    });
    runs.max()
        .map_or_else(|| path.to_path_buf(), |(_, run)| run)
}

/// Where a reward model stands among those of an experiment, by its folder's name; the only one has no number.
fn reward_number(name: &str) -> Option<u64> {
    match name.strip_prefix("reward")?.strip_prefix('-') {
        Some(number) => number.parse().ok(),
        None => (name == "reward").then_some(0),
    }
}

fn each_file(key: &str, files: &mut Files, act: &mut dyn FnMut(&str, &mut PathBuf)) {
    match &mut files.0[..] {
        [one] => act(key, one),
        several => each_of(key, several, act),
    }
}

/// Joins and removes `.` and `..` by name, so that equal files have equal paths in the run's record.
fn join(base: &Path, path: &mut PathBuf) {
    let mut clean = PathBuf::new();
    for part in base.join(&*path).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    *path = clean;
}
