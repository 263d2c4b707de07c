//! Which files hold a folder's weights, and what to do where none is of a kind that is read.

use super::files_of;
use super::parts::numbered;
use crate::outside::Kind;
use crate::terminal::Word;
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
        let dead = [SINGLE, INDEX]
            .iter()
            .find_map(|file| leads_nowhere(&dir.join(file)));
        if let Some(refusal) = dead {
            bail!(refusal);
        }
        numbered(dir, &names)?
    };
    if parts.is_empty() {
        bail!(nothing_to_read(dir, &names));
    }
    let missing: Vec<&String> = parts
        .iter()
        .filter(|name| !dir.join(name).exists())
        .collect();
    let dead = missing
        .iter()
        .find_map(|name| leads_nowhere(&dir.join(name)));
    if let Some(refusal) = dead {
        bail!(refusal);
    }
    if !missing.is_empty() {
        bail!(lacks_parts(dir, &missing, parts.len()));
    }
    Ok(parts.into_iter().map(|name| dir.join(name)).collect())
}

/// What is said of weights of which not all files are there.
fn lacks_parts(dir: &Path, missing: &[&String], count: usize) -> String {
    let listed: Vec<String> = missing
        .iter()
        .take(5)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = match missing.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "`{}` lacks {} of the {count} files of its weights: {}{more}\nhint: fetch them too, from where the others came",
        dir.display(),
        missing.len(),
        listed.join(", ")
    )
}

/// What is said of a link to a file that is not there, as those of a cache are that was moved without what it
/// keeps elsewhere.
fn leads_nowhere(path: &Path) -> Option<String> {
    let target = std::fs::read_link(path).ok()?;
    if path.exists() {
        return None;
    }
    Some(format!(
        "`{}` is a link that leads nowhere: to `{}`\nhint: copy the folder again from where it was whole, with the files \
         themselves instead of links, as by `cp -rL`, or fetch the model again",
        path.display(),
        target.display()
    ))
}

/// What to do about a file of weights that is of another kind than its name says; without `hint:`.
pub(super) fn of_another_kind(path: &Path, kind: Kind) -> String {
    let dir = path.parent().unwrap_or(Path::new("."));
    let is_single = path.file_name().is_some_and(|name| name == SINGLE);
    match kind {
        Kind::Gguf => format!(
            "make a model folder of it by `attune model import {} FOLDER`, which goes by what is in the file",
            Word(path.display())
        ),
        Kind::Pytorch | Kind::Pickle if is_single => format!(
            "give it the name that transformers knows it by, `mv {} {}`; then, {}",
            Word(path.display()),
            Word(dir.join("pytorch_model.bin").display()),
            to_safetensors(dir)
        ),
        Kind::Pytorch | Kind::Pickle => {
            "only its name is that of a safetensors file; fetch the model's safetensors".to_owned()
        }
        kind => kind
            .remedy()
            .unwrap_or("fetch or write the file again")
            .to_owned(),
    }
}

/// How transformers writes the weights of a folder as safetensors.
fn to_safetensors(dir: &Path) -> String {
    let at = dir.display();
    format!(
        "with transformers, `python3 -c \"from transformers import AutoModelForCausalLM as M; \
         M.from_pretrained('{at}').save_pretrained('{at}-safetensors')\"` writes it as safetensors"
    )
}

/// What is said of a folder without one of its small files.
pub(in crate::model) fn lacks(dir: &Path, file: &str) -> String {
    let at = dir.display();
    if !dir.is_dir() {
        return no_folder(dir);
    }
    if let Some(refusal) = leads_nowhere(&dir.join(file)) {
        return refusal;
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
            "`{at}` is a file, no model folder\nhint: make a folder of it by `attune model import {} FOLDER`",
            Word(dir.display())
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

/// What is said of a folder without weights that are read here.
fn nothing_to_read(dir: &Path, names: &[String]) -> String {
    let at = dir.display();
    let first = |endings: &[&str]| {
        let mut names = names.iter();
        names.find(|name| endings.iter().any(|ending| name.ends_with(ending)))
    };
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
            "`{at}` has its weights as GGUF (`{file}`)\nhint: make a model folder of it by `attune model import {} FOLDER`",
            Word(dir.join(file).display())
        );
    }
    if let Some(file) = names.iter().find(|name| name.starts_with("consolidated.")) {
        return format!(
            "`{at}` has its weights as Meta hands them out (`{file}`)\nhint: fetch the model in the form of transformers, or \
             make that of it by transformers' `convert_llama_weights_to_hf.py`"
        );
    }
    if let Some(file) = first(&[".bin", ".bin.index.json", ".pth", ".pt"]) {
        return format!(
            "`{at}` has its weights as pickles of Python (`{file}`), which are programs and are not read\nhint: {}",
            to_safetensors(dir)
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
                let [from, to] = [file.as_str(), SINGLE].map(|name| dir.join(name));
                format!(
                    "if these are its weights, rename the file: `mv {} {}`",
                    Word(from.display()),
                    Word(to.display())
                )
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
