//! Imports a GGUF file (llama.cpp's format) as a Hugging Face model folder.
//!
//! Weights become plain floats in the layout of `transformers`; the tokenizer is rebuilt from the
//! file's tokens and merges. Knows nothing of tensors on a device, of sampling or of training.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::disk;

mod arch;
mod dequant;
mod reader;
#[cfg(test)]
mod tests;
mod vocab;
mod weights;

/// How the weights are stored in `model.safetensors`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StoredAs {
    /// 32-bit floats: exactly what the file holds.
    #[default]
    F32,
    /// 16-bit floats: half the size, rounded.
    F16,
}

/// What an import wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportReport {
    /// The architecture named in the file: `llama`, `qwen2` or `gpt2`.
    pub architecture: String,
    /// The model's own name, where the file gives one.
    pub name: Option<String>,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Tensors written.
    pub tensors: usize,
    /// Values in them.
    pub parameters: u64,
    /// Size of `model.safetensors`.
    pub bytes_written: u64,
}

/// Imports `gguf` as the new model folder `out`, with weights as f32.
pub(crate) fn import(gguf: &Path, out: &Path) -> Result<ImportReport> {
    import_as(gguf, out, StoredAs::F32)
}

/// Imports `gguf` as the new model folder `out`, which appears whole or not at all.
pub(crate) fn import_as(gguf: &Path, out: &Path, stored: StoredAs) -> Result<ImportReport> {
    ensure!(
        !out.exists(),
        "model folder {} exists\nhint: name another folder, or remove this one",
        out.display()
    );
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent)
        .with_context(|| format!("cannot create folder {}", parent.display()))?;
    // Beside the target, so that the final rename stays on one file system.
    let beside = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    let report = write_folder(gguf, beside.path(), stored)
        .with_context(|| format!("cannot import {}", gguf.display()))?;
    publish(beside, out)
        .with_context(|| format!("cannot create model folder {}", out.display()))?;
    Ok(report)
}

fn write_folder(gguf: &Path, dir: &Path, stored: StoredAs) -> Result<ImportReport> {
    let file = reader::GgufFile::open(gguf)?;
    let mut plan = arch::plan(&file)?;
    plan.config["dtype"] = match stored {
        StoredAs::F32 => "float32".into(),
        StoredAs::F16 => "float16".into(),
    };
    let tokenizer = vocab::rebuild(&file, &plan)?;
    write_json(&dir.join("config.json"), &plan.config)?;
    write_json(&dir.join("tokenizer.json"), &tokenizer.tokenizer)?;
    write_json(&dir.join("tokenizer_config.json"), &tokenizer.config)?;
    let written = weights::write(&file, &plan.tensors, stored, &dir.join("model.safetensors"))?;
    Ok(ImportReport {
        architecture: plan.architecture.to_owned(),
        name: file.text("general.name")?.map(str::to_owned),
        layers: plan.layers,
        vocab_size: plan.vocab_size,
        tensors: plan.tensors.len(),
        parameters: written.parameters,
        bytes_written: written.bytes,
    })
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    disk::replace(path, (text + "\n").as_bytes())
}

/// Renames the finished folder into place, with the permissions a plain `mkdir` would give.
fn publish(beside: tempfile::TempDir, out: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(beside.path(), std::fs::Permissions::from_mode(0o755))?;
    }
    std::fs::rename(beside.path(), out)?;
    // The folder has moved: there is nothing left to clean up.
    let _gone = beside.keep();
    Ok(())
}
