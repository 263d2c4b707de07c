//! The files of a model's weights: which a folder has, what stands in their place, and what is in them.
//! Knows nothing of what the tensors are for.

use crate::outside::{self, HEAD};
use anyhow::{Context, Result, bail};
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};

mod folder;
mod parts;

pub(super) use self::folder::{WHOLE, lacks};

/// All tensors of a Hugging Face folder as stored, unchecked.
///
/// # Errors
/// There are no weights, or a file cannot be read.
pub fn read_folder(dir: &Path) -> Result<Vec<(String, Tensor)>> {
    let mut out = Vec::new();
    for file in folder::weights(dir)? {
        out.extend(read_tensors(&file)?);
    }
    Ok(out)
}

/// A JSON file of a model folder; a byte order mark before it is passed over.
///
/// # Errors
/// It cannot be read, is something else, or no JSON.
pub(crate) fn read_json(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let head = &bytes[..bytes.len().min(HEAD)];
    let kind = outside::kind_of(head);
    if let Some(refusal) = kind.refusal(path) {
        bail!(refusal);
    }
    let value = serde_json::from_slice(outside::without_mark(&bytes));
    value.with_context(|| match kind.remedy() {
        Some(remedy) => format!("`{}` is {}\nhint: {remedy}", path.display(), kind.what()),
        None => format!("`{}` is not JSON", path.display()),
    })
}

/// All tensors of one safetensors file, on the CPU, in the types of the file.
///
/// # Errors
/// The file cannot be read or holds a type that is not supported.
pub fn read_tensors(path: &Path) -> Result<Vec<(String, Tensor)>> {
    let mut file =
        std::fs::File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let mut head = Vec::new();
    let read = file.by_ref().take(HEAD as u64).read_to_end(&mut head);
    let _ = read.with_context(|| format!("cannot read `{}`", path.display()))?;
    let kind = outside::kind_of(&head);
    if let Some(refusal) = kind.refusal(path) {
        bail!(refusal);
    }
    // SAFETY: the map is only read, and every tensor is copied out of it before it ends; a file
    // that another process truncates meanwhile is not something a reader can defend against.
    let map = unsafe { memmap2::Mmap::map(&file) }
        .with_context(|| format!("cannot map `{}`", path.display()))?;
    let parsed =
        SafeTensors::deserialize(&map).map_err(|error| damaged(path, kind, &map, &error))?;
    let mut out = Vec::with_capacity(parsed.len());
    for (name, view) in parsed.iter() {
        let kind = match view.dtype() {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::I64 => Kind::Int64,
            Dtype::I32 => Kind::Int,
            Dtype::BOOL => Kind::Bool,
            Dtype::U8 => Kind::Uint8,
            other => bail!(
                "tensor `{name}` of `{}` has type {other:?}, supported: F64, F32, F16, BF16\nhint: use the model as \
                 it was before it was quantized",
                path.display()
            ),
        };
        let shape: Vec<i64> = view.shape().iter().map(|d| *d as i64).collect();
        out.push((
            name.to_owned(),
            Tensor::from_data_size(view.data(), &shape, kind),
        ));
    }
    Ok(out)
}

/// What is wrong with a file that cannot be read as safetensors.
fn damaged(
    path: &Path,
    kind: outside::Kind,
    bytes: &[u8],
    error: &dyn std::fmt::Display,
) -> anyhow::Error {
    let name = format!("`{}`", path.display());
    if kind != outside::Kind::Safetensors {
        return anyhow::anyhow!(
            "{name} is not a safetensors file: it is {}\nhint: {}",
            kind.what(),
            folder::of_another_kind(path, kind)
        );
    }
    let has = bytes.len() as u64;
    match promised(bytes) {
        Some(Promised::Header(wanted)) => anyhow::anyhow!(
            "{name} is cut short: it has {has} bytes, and its header alone has {wanted}\nhint: fetch or copy it again"
        ),
        Some(Promised::Whole(wanted)) if wanted > has => anyhow::anyhow!(
            "{name} is cut short: it has {has} of {wanted} bytes, {} are missing\nhint: fetch or copy it again",
            wanted - has
        ),
        Some(Promised::Whole(wanted)) if wanted < has => anyhow::anyhow!(
            "{name} has {has} bytes, and its header speaks of {wanted}\nhint: fetch or write the file again"
        ),
        _ => anyhow::anyhow!(
            "{name} is not a safetensors file: {error}\nhint: fetch or write the file again"
        ),
    }
}

/// How many bytes a safetensors file should have, as far as what there is of it says so.
enum Promised {
    /// Those of the header, with its length before it; it is cut, and says nothing of the rest.
    Header(u64),
    /// All.
    Whole(u64),
}

fn promised(bytes: &[u8]) -> Option<Promised> {
    let header_len = u64::from_le_bytes(*bytes.first_chunk()?);
    let data = 8u64.checked_add(header_len)?;
    let Some(header) = bytes.get(8..usize::try_from(data).ok()?) else {
        return Some(Promised::Header(data));
    };
    let header: Value = serde_json::from_slice(header).ok()?;
    let ends = header.as_object()?.values();
    let ends = ends.filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64());
    let whole = data.checked_add(ends.max().unwrap_or(0));
    whole.map(Promised::Whole)
}

/// The files that an index names, once each.
fn files_of(index: &Path) -> Result<BTreeSet<String>> {
    const HINT: &str = "hint: fetch the index again, from where the weights came";
    let value = read_json(index)?;
    let map = value["weight_map"].as_object();
    let map = map.with_context(|| format!("`{}` has no `weight_map`\n{HINT}", index.display()))?;
    let mut files = BTreeSet::new();
    for (tensor, file) in map {
        let name = file.as_str().filter(|name| is_plain(name));
        let Some(name) = name else {
            bail!(
                "`{}`: tensor `{tensor}` is said to be in {file}, which is no file of the folder\n{HINT}",
                index.display()
            );
        };
        files.insert(name.to_owned());
    }
    if files.is_empty() {
        bail!("`{}` names no file\n{HINT}", index.display());
    }
    Ok(files)
}

fn is_plain(name: &str) -> bool {
    let path = PathBuf::from(name);
    path.file_name().is_some_and(|file| file == name)
}

#[cfg(test)]
mod tests;
