//! The files that a run reads besides its plugins. A run goes on only with what it was begun with:
//! the same config over another model or other data would be another experiment.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::config::{Config, Reward};
use crate::digest;
use crate::label::Label;
use crate::label::store::is_store;
use crate::rows::stories;
use crate::run_dir::REWARD_MODEL;
use crate::train::checkpoint::Input;

/// Model, data and assets, by what is in them.
pub(super) fn read(config: &Config) -> Result<Vec<Input>> {
    let mut paths = model_files(&config.model.path)?;
    paths.extend(of_queries(config));
    for score in &config.score {
        for folder in &score.reward_models {
            paths.extend(model_files(&reward_folder(folder))?);
        }
    }
    let plugins = config.labeler.iter().chain(&config.shaper);
    let plugins = plugins.chain(&config.eval.measure);
    paths.extend(plugins.flat_map(|plugin| plugin.assets.values().cloned()));
    with_stories(paths, config)
}

/// The same for supervised fine-tuning.
pub(super) fn of_sft(config: &Config) -> Result<Vec<Input>> {
    let mut paths = model_files(&config.model.path)?;
    paths.extend(of_queries(config));
    with_stories(paths, config)
}

/// The same for training a reward model.
pub(super) fn of_reward(config: &Config, reward: &Reward, start: &Path) -> Result<Vec<Input>> {
    let mut paths = model_files(start)?;
    let samples = reward.normalize_samples > 0;
    if samples {
        if config.model.path != start {
            paths.extend(model_files(&config.model.path)?);
        }
        paths.extend(of_queries(config));
    }
    let labels = [&reward.train, &reward.validation, &reward.test];
    let labels = labels.into_iter().flatten();
    paths.extend(labels.filter(|path| !is_store(path)).cloned());
    match samples {
        true => with_stories(paths, config),
        false => digests(paths),
    }
}

/// Begins the name of what is no file.
const LABELS: &str = "labels of ";

/// Labels of a store, by what they say of what; not by when it was said, and not by the file, which changes
/// when others are added.
pub(super) fn of_labels(store: &str, labels: &[Label]) -> Result<Input> {
    let said: Vec<_> = labels
        .iter()
        .map(|label| (&label.comparison, &label.answer))
        .collect();
    Ok(Input {
        path: PathBuf::from(format!("{LABELS}{store}")),
        sha256: digest::of_bytes(&serde_json::to_vec(&said)?),
    })
}

/// Data and assets that queries are made from.
fn of_queries(config: &Config) -> Vec<PathBuf> {
    let data = config.data.iter();
    let rows = data.flat_map(|data| data.train.iter().chain(data.held_out.iter()).cloned());
    let assets = config.task.iter().flat_map(|task| task.assets.values());
    rows.chain(assets.cloned()).collect()
}

/// Begins the name of what is many files.
const STORIES: &str = "stories of `";

/// Files, and the stories whose addresses stand in the lists of the data, list by list: a list says nothing of them.
///
/// Stories are known by their bytes alone. Their times would be quicker to look at, but are others in a copy on another
/// machine, and a file may be written anew with its old size and time. All of CNN/DM are 300,000 files and 1.5 GB: some ten
/// seconds from memory, once for each training, which has just read all of them as rows.
fn with_stories(paths: Vec<PathBuf>, config: &Config) -> Result<Vec<Input>> {
    let mut inputs = digests(paths)?;
    let data = config.data.iter();
    for (data, folder) in data.filter_map(|data| Some((data, data.stories.as_ref()?))) {
        for list in data.train.iter().chain(data.held_out.iter()) {
            inputs.push(stories_of(list, folder)?);
        }
    }
    Ok(inputs)
}

/// The stories of a list. So many cannot be kept one by one; but how many there are and which was written last says, as a
/// rule, which of them is another by now.
fn stories_of(list: &Path, folder: &Path) -> Result<Input> {
    let (mut sha256, mut count) = (String::new(), 0);
    let mut last: Option<(SystemTime, PathBuf)> = None;
    stories::for_places(list, folder, |story| {
        let bytes = std::fs::read(story).ok();
        // One that is not there is no row, and would be another run if it was there.
        let own = bytes.map_or("none".to_owned(), |bytes| {
            count += 1;
            digest::of_bytes(&bytes)
        });
        sha256 = digest::of_parts(&[sha256.as_bytes(), own.as_bytes()]);
        let written = std::fs::metadata(story).and_then(|meta| meta.modified());
        if let Ok(written) = written
            && last.as_ref().is_none_or(|(latest, _)| written > *latest)
        {
            last = Some((written, story.to_path_buf()));
        }
    })?;
    let last = last.map_or(String::new(), |(_, story)| {
        format!("; the last written is `{}`", story.display())
    });
    let list = list.display();
    Ok(Input {
        path: PathBuf::from(format!("{STORIES}{list}` ({count}{last})")),
        sha256,
    })
}

/// What to say where stories are others than before.
fn other_stories(gone: &[&Input], new: &[&Input]) -> Error {
    let shown = |inputs: &[&Input]| {
        let found = inputs.iter().find(|input| is_stories(input));
        found.map_or("none".to_owned(), |input| input.path.display().to_string())
    };
    anyhow!(
        "stories have changed since the run began: there were {}, now there are {}\nhint: put the old files back, or start \
         a new run directory",
        shown(gone),
        shown(new)
    )
}

fn is_stories(input: &Input) -> bool {
    input.path.to_string_lossy().starts_with(STORIES)
}

/// Where a reward model lies: in the folder itself, or in that of the run that made it.
pub(super) fn reward_folder(folder: &Path) -> PathBuf {
    let inside = folder.join(REWARD_MODEL);
    if inside.is_dir() {
        inside
    } else {
        folder.to_path_buf()
    }
}

fn digests(paths: Vec<PathBuf>) -> Result<Vec<Input>> {
    let input = |path: PathBuf| {
        let sha256 = digest::of_file(&path)?;
        Ok(Input { path, sha256 })
    };
    paths.into_iter().map(input).collect()
}

/// What of a model folder is read, in a fixed order.
fn model_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read model folder `{}`", dir.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().unwrap_or_default();
        if path.is_file() && (ending == "json" || ending == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The hash of a file, or of what of a model's folder is read.
pub(super) fn digest_at(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return digest::of_file(path);
    }
    let mut all = String::new();
    for file in model_files(&reward_folder(path))? {
        let name = file.file_name().unwrap_or_default();
        all += &format!("{} {}\n", digest::of_file(&file)?, name.display());
    }
    Ok(digest::of_bytes(all.as_bytes()))
}

/// Refuses to go on with a file that is not what it was. Files may lie elsewhere by now, and be called otherwise: a
/// file is known by what is in it, and the config says which is for what.
pub(super) fn check(before: &[Input], now: &[Input]) -> Result<()> {
    let is_labels = |input: &Input| input.path.to_string_lossy().starts_with(LABELS);
    let is_there = |input: &Input, among: &[Input]| {
        among
            .iter()
            .any(|other| is_labels(input) == is_labels(other) && input.sha256 == other.sha256)
    };
    let find = |inputs: &[Input], path: &Path| {
        let found = inputs.iter().find(|input| input.path == path);
        found.map_or("not there".to_owned(), |input| {
            format!("sha256 {}", input.sha256)
        })
    };
    let gone: Vec<&Input> = before.iter().filter(|old| !is_there(old, now)).collect();
    let new: Vec<&Input> = now.iter().filter(|new| !is_there(new, before)).collect();
    let Some(&input) = gone.first().or(new.first()) else {
        return Ok(());
    };
    if is_labels(input) {
        bail!(
            "the {} are not those that this training began with: some were added, or answers were \
             corrected\nhint: remove the directory of this training, to begin it anew from the labels \
             as they are now",
            input.path.display()
        );
    }
    if is_stories(input) {
        return Err(other_stories(&gone, &new));
    }
    // The one whose place has other bytes, where there is one: another with the same bytes may have stood for it.
    let other = |one: &&Input| {
        let at = before.iter().find(|old| old.path == one.path);
        at.is_some_and(|old| old.sha256 != one.sha256)
    };
    let known = now.iter().find(other);
    if let (None, Some(new)) = (known, new.first()) {
        bail!(
            "`{}` is none of the files that the run began with\nhint: name the file of then, or start a new run directory",
            new.path.display()
        );
    }
    let input = known.unwrap_or(input);
    let (old, new) = (find(before, &input.path), find(now, &input.path));
    bail!(
        "`{}` has changed since the run began: it was {old}, now it is {new}\nhint: put the \
         old file back, or start a new run directory",
        input.path.display()
    );
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    /// Where the stories of a list of three lie, of which the last is not there, and a config that names them.
    fn begun(folder: &Path) -> (Vec<PathBuf>, Config) {
        let list = folder.join("all.txt");
        let addresses = "http://www.cnn.com/a\nhttp://dailymail.co.uk/b\nhttp://www.cnn.com/c\n";
        std::fs::write(&list, addresses).unwrap();
        let mut places = Vec::new();
        stories::for_places(&list, folder, |story| places.push(story.to_owned())).unwrap();
        for (story, text) in places.iter().zip(["It rained.", "It shone."]) {
            std::fs::create_dir_all(story.parent().unwrap()).unwrap();
            std::fs::write(story, text).unwrap();
        }
        let folder = folder.display();
        let config = format!(
            "[run]\ndir = 'run'\n[model]\npath = '{folder}'\n[data]\ntrain = '{folder}/all.txt'\nstories = '{folder}'"
        );
        (places, toml::from_str(&config).unwrap())
    }

    #[test]
    fn stories_must_be_what_they_were() {
        let [folder, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (places, config) = begun(folder.path());
        let before = of_sft(&config).unwrap();
        assert_eq!(before, read(&config).unwrap());
        // Elsewhere, and of another time.
        let (_, moved) = begun(copy.path());
        check(&before, &of_sft(&moved).unwrap()).unwrap();
        let write = |story: &Path, text: &str| {
            std::fs::write(story, text).unwrap();
            let file = File::options().write(true).open(story).unwrap();
            let later = SystemTime::now() + Duration::from_secs(60);
            file.set_modified(later).unwrap();
        };
        let refused = |count: usize, last: &Path| {
            let error = check(&before, &of_sft(&config).unwrap()).unwrap_err();
            let said = error.to_string();
            let now = format!("({count}; the last written is `{}`)", last.display());
            for part in [
                "stories have changed",
                "all.txt` (2; ",
                now.as_str(),
                "\nhint: ",
            ] {
                assert!(said.contains(part), "no `{part}` in {said}");
            }
        };
        // As long as before.
        write(&places[1], "It stank.");
        refused(2, &places[1]);
        write(&places[1], "It shone.");
        check(&before, &of_sft(&config).unwrap()).unwrap();
        write(&places[2], "It snowed.");
        refused(3, &places[2]);
        std::fs::remove_file(&places[2]).unwrap();
        std::fs::remove_file(&places[0]).unwrap();
        refused(1, &places[1]);
    }
}
