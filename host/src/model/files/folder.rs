//! Which files hold a folder's weights, and what to do where none is of a kind that is read.

use super::files_of;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// What to do about a model folder that is not whole.
pub(in crate::model) const WHOLE: &str = "a model folder holds config.json, model.safetensors and tokenizer.json of one model; \
    `attune model import` makes one of a GGUF file";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The files to read, in order.
///
/// # Errors
/// There is none, or one of several is not there; the message says what there is.
pub(super) fn weights(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.join(SINGLE).exists() {
        return Ok(vec![dir.join(SINGLE)]);
    }
    let names = names(dir)?;
    let parts: Vec<String> = if dir.join(INDEX).exists() {
        files_of(&dir.join(INDEX))?.into_iter().collect()
    } else {
        numbered(&names)
    };
    if parts.is_empty() {
        bail!(nothing_to_read(dir, &names));
    }
    let missing: Vec<&String> = parts
        .iter()
        .filter(|name| !dir.join(name).exists())
        .collect();
    if !missing.is_empty() {
        let listed: Vec<String> = missing
            .iter()
            .take(5)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = missing.len() - listed.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        bail!(
            "`{}` lacks {} of the {} files of its weights: {}{more}\nhint: fetch them too, from where the others came",
            dir.display(),
            missing.len(),
            parts.len(),
            listed.join(", ")
        );
    }
    Ok(parts.into_iter().map(|name| dir.join(name)).collect())
}

/// What is said of a folder without one of its small files.
pub(in crate::model) fn lacks(dir: &Path, file: &str) -> String {
    let at = dir.display();
    if !dir.is_dir() {
        return no_folder(dir);
    }
    let adapter = dir.join("adapter_config.json").is_file();
    let old = ["vocab.json", "tokenizer.model", "spiece.model"]
        .into_iter()
        .find(|name| dir.join(name).is_file());
    let hint = match (file, adapter, old) {
        (_, true, _) => format!(
            "it holds an adapter alone; merge it into the model that it was made for: with peft, `python3 -c \"from peft \
             import AutoPeftModelForCausalLM as M; \
             M.from_pretrained('{at}').merge_and_unload().save_pretrained('{at}-merged')\"`"
        ),
        ("tokenizer.json", _, Some(old)) => format!(
            "it has the older `{old}`; with transformers, `python3 -c \"from transformers import AutoTokenizer as T; \
             T.from_pretrained('{at}').save_pretrained('{at}')\"` makes a tokenizer.json of it"
        ),
        _ => WHOLE.to_owned(),
    };
    format!("model folder `{at}` has no {file}\nhint: {hint}")
}

/// What is said where there is no folder.
fn no_folder(dir: &Path) -> String {
    let at = dir.display();
    if dir.extension().is_some_and(|ending| ending == "gguf") && dir.is_file() {
        return format!(
            "`{at}` is a file, no model folder\nhint: make a folder of it by `attune model import {at} FOLDER`"
        );
    }
    let what = match dir.exists() {
        true => format!("`{at}` is a file, no model folder"),
        false => format!("there is no model folder `{at}`"),
    };
    format!(
        "{what}\nhint: name a folder that holds config.json, model.safetensors and tokenizer.json; `attune model import` makes \
         one of a GGUF file"
    )
}

/// Names of what is in a folder, in order.
fn names(dir: &Path) -> Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        bail!(no_folder(dir));
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// All parts `model-00001-of-00003.safetensors` and so on, also those that are not there, where one of them is.
fn numbered(names: &[String]) -> Vec<String> {
    let count = names.iter().find_map(|name| {
        let numbers = name.strip_prefix("model-")?.strip_suffix(".safetensors")?;
        let (part, count) = numbers.split_once("-of-")?;
        let _: u32 = part.parse().ok()?;
        count
            .parse::<u32>()
            .ok()
            .filter(|count| (1..10_000).contains(count))
    });
    let name = |part: u32| format!("model-{part:05}-of-{:05}.safetensors", count.unwrap_or(0));
    (1..=count.unwrap_or(0)).map(name).collect()
}

/// What is said of a folder without weights that are read here.
fn nothing_to_read(dir: &Path, names: &[String]) -> String {
    let at = dir.display();
    let first = |endings: &[&str]| {
        let mut names = names.iter();
        names.find(|name| endings.iter().any(|ending| name.ends_with(ending)))
    };
    let to_safetensors = format!(
        "with transformers, `python3 -c \"from transformers import AutoModelForCausalLM as M; \
         M.from_pretrained('{at}').save_pretrained('{at}-safetensors')\"` writes it as safetensors"
    );
    if let Some(file) = first(&[
        "adapter_config.json",
        "adapter_model.safetensors",
        "adapter_model.bin",
    ]) {
        return format!(
            "`{at}` holds an adapter alone (`{file}`), which is no whole model\nhint: merge it into the model that it was made for; \
             with peft, `python3 -c \"from peft import AutoPeftModelForCausalLM as M; \
             M.from_pretrained('{at}').merge_and_unload().save_pretrained('{at}-merged')\"`"
        );
    }
    if let Some(file) = first(&[".gguf"]) {
        return format!(
            "`{at}` has its weights as GGUF (`{file}`)\nhint: make a model folder of it by `attune model import {at}/{file} FOLDER`"
        );
    }
    if let Some(file) = first(&[".bin", ".bin.index.json", ".pth", ".pt"]) {
        return format!(
            "`{at}` has its weights as pickles of Python (`{file}`), which are programs and are not read\nhint: {to_safetensors}"
        );
    }
    if let Some(file) = first(&[".h5", ".msgpack", ".onnx", ".ot"]) {
        return format!(
            "`{at}` has its weights for another framework (`{file}`)\nhint: look for the model's safetensors, where it \
             came from"
        );
    }
    // What is beside the weights of a policy or reward model.
    let beside = ["value_head.safetensors", "reward_head.safetensors"];
    let other = [".safetensors", ".safetensors.part", ".incomplete"];
    let is_other = |name: &&String| {
        other.iter().any(|ending| name.ends_with(ending)) && !beside.contains(&name.as_str())
    };
    if let Some(file) = names.iter().find(is_other) {
        let hint = match file.ends_with(".safetensors") {
            true => {
                format!("if these are its weights, rename the file: `mv {at}/{file} {at}/{SINGLE}`")
            }
            false => "its writing or fetching did not end; do it again".to_owned(),
        };
        return format!("`{at}` has neither {SINGLE} nor {INDEX}, but `{file}`\nhint: {hint}");
    }
    format!(
        "`{at}` has neither {SINGLE} nor {INDEX}\nhint: fetch the weights too; a model folder holds config.json, \
         {SINGLE} and tokenizer.json of one model"
    )
}
