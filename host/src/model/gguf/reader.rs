//! Reads the container format GGUF, versions 2 and 3: metadata, tensor directory, tensor bytes.
//!
//! Trusts nothing in the file. Does not know what any key or tensor means.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use memmap2::Mmap;

use super::dequant::Kind;
use crate::outside;

mod refusals;

use self::refusals::check_version;

/// More entries than this in a directory or an array is a damaged file, not a model.
const MAX_COUNT: u64 = 1 << 24;
/// Arrays of arrays exist in the format, not in models; the bound keeps recursion finite.
const MAX_DEPTH: usize = 4;

/// One metadata value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Uint(u64),
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    List(Vec<Value>),
}

/// Where a tensor lies, checked against the file's length.
#[derive(Clone, Debug)]
pub(super) struct TensorInfo {
    /// Sizes in the format's order: the innermost (contiguous) dimension first.
    pub(super) dims: Vec<usize>,
    pub(super) kind: Kind,
    start: usize,
    len: usize,
}

/// An open GGUF file.
pub(super) struct GgufFile {
    map: Mmap,
    pub(super) meta: BTreeMap<String, Value>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

impl GgufFile {
    /// Maps the file and reads its directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file =
            File::open(path).context("cannot open it\nhint: name a GGUF file that is there")?;
        ensure!(
            file.metadata()?.is_file(),
            "it is no file\nhint: name a GGUF file; a folder with config.json and safetensors is used as it is"
        );
        let kind = outside::look(path).context("cannot read")?;
        if let Some(refusal) = kind.refusal(path) {
            bail!(refusal);
        }
        ensure!(
            kind == outside::Kind::Gguf,
            "it is no GGUF file: it is {}\nhint: {}",
            kind.what(),
            kind.remedy().unwrap_or(
                "name a GGUF file; a folder with config.json and safetensors is used as it is"
            )
        );
        // SAFETY: the map is read-only and private to this import; a file that is cut short by
        // another process while it is read is the one hazard, as with every memory map.
        let map = unsafe { Mmap::map(&file) }.context("cannot map")?;
        let (meta, tensors) = parse(&map)?;
        let file = Self { map, meta, tensors };
        file.expect_whole(path)?;
        Ok(file)
    }

    /// The stored bytes of a tensor.
    pub(super) fn bytes(&self, tensor: &TensorInfo) -> &[u8] {
        &self.map[tensor.start..tensor.start + tensor.len]
    }

    /// A non-negative integer, if the key is there.
    pub(super) fn uint(&self, key: &str) -> Result<Option<usize>> {
        let number = match self.meta.get(key) {
            None => return Ok(None),
            Some(Value::Uint(n)) => usize::try_from(*n).ok(),
            Some(Value::Int(n)) => usize::try_from(*n).ok(),
            Some(other) => bail!(
                "metadata {key}: expected an integer, found {}",
                other.type_name()
            ),
        };
        number
            .map(Some)
            .with_context(|| format!("metadata {key}: {:?} is out of range", self.meta[key]))
    }

    /// A float, if the key is there.
    pub(super) fn float(&self, key: &str) -> Result<Option<f64>> {
        match self.meta.get(key) {
            None => Ok(None),
            Some(Value::Float(x)) if x.is_finite() => Ok(Some(*x)),
            Some(other) => bail!("metadata {key}: expected a finite float, found {other:?}"),
        }
    }

    /// A boolean, if the key is there.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.meta.get(key) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(other) => bail!(
                "metadata {key}: expected a boolean, found {}",
                other.type_name()
            ),
        }
    }

    /// A string, if the key is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.meta.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => bail!(
                "metadata {key}: expected a string, found {}",
                other.type_name()
            ),
        }
    }

    /// A list, if the key is there.
    pub(super) fn list(&self, key: &str) -> Result<Option<&[Value]>> {
        match self.meta.get(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(other) => bail!(
                "metadata {key}: expected a list, found {}",
                other.type_name()
            ),
        }
    }
}

impl Value {
    /// The kind of value, for messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Uint(_) | Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Bool(_) => "a boolean",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
        }
    }
}

type Directory = (BTreeMap<String, Value>, BTreeMap<String, TensorInfo>);

fn parse(data: &[u8]) -> Result<Directory> {
    let mut cursor = Cursor { data, at: 0 };
    let magic = cursor.take(4, "the magic")?;
    ensure!(
        magic == b"GGUF",
        "not a GGUF file: it begins with {magic:02x?}, expected \"GGUF\""
    );
    let version = cursor.u32("the version")?;
    check_version(version)?;
    let tensor_count = cursor.count("the tensor count")?;
    let meta_count = cursor.count("the metadata count")?;
    let mut meta = BTreeMap::new();
    for _ in 0..meta_count {
        let key = cursor.string("a metadata key")?;
        let kind = cursor.u32("a metadata type")?;
        let value = cursor
            .value(kind, 0)
            .with_context(|| format!("metadata {key}"))?;
        ensure!(
            meta.insert(key.clone(), value).is_none(),
            "metadata {key} appears twice"
        );
    }
    let mut raw = Vec::new();
    for _ in 0..tensor_count {
        raw.push(RawTensor::read(&mut cursor)?);
    }
    let alignment = match meta.get("general.alignment") {
        None => 32,
        Some(Value::Uint(n)) if n.is_power_of_two() && *n <= 1 << 20 => *n as usize,
        Some(other) => {
            bail!("metadata general.alignment: {other:?} is not a power of two up to 1048576")
        }
    };
    let start = cursor.at.next_multiple_of(alignment);
    let mut tensors = BTreeMap::new();
    for tensor in raw {
        let name = tensor.name.clone();
        let info = tensor
            .locate(start, alignment)
            .with_context(|| format!("tensor {name}"))?;
        ensure!(
            tensors.insert(name.clone(), info).is_none(),
            "tensor {name} appears twice"
        );
    }
    let end = tensors.values().map(|info| info.start + info.len).max();
    let (has, needs) = (data.len(), end.unwrap_or(0));
    ensure!(
        needs <= has,
        "the file is cut short: it has {has} of {needs} bytes, {} are missing\nhint: fetch or copy it again",
        needs - has
    );
    Ok((meta, tensors))
}

struct RawTensor {
    name: String,
    dims: Vec<u64>,
    kind: u32,
    offset: u64,
}

impl RawTensor {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let name = cursor.string("a tensor name")?;
        let rank = cursor.u32("a tensor rank")?;
        ensure!(
            (1..=4).contains(&rank),
            "tensor {name}: rank {rank} is not between 1 and 4"
        );
        let dims = (0..rank)
            .map(|_| cursor.u64("a tensor size"))
            .collect::<Result<_>>()?;
        let kind = cursor.u32("a tensor type")?;
        let offset = cursor.u64("a tensor offset")?;
        Ok(Self {
            name,
            dims,
            kind,
            offset,
        })
    }

    fn locate(&self, base: usize, alignment: usize) -> Result<TensorInfo> {
        let kind = Kind::from_code(self.kind)?;
        let dims = self
            .dims
            .iter()
            .map(|&d| usize::try_from(d).ok().filter(|&d| d > 0))
            .collect::<Option<Vec<_>>>()
            .with_context(|| format!("sizes {:?} hold an empty or absurd one", self.dims))?;
        let (block, block_bytes) = kind.block();
        ensure!(
            dims[0].is_multiple_of(block),
            "rows of {} values do not divide into {kind:?} blocks of {block}",
            dims[0]
        );
        let len = dims
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .and_then(|n| (n / block).checked_mul(block_bytes))
            .with_context(|| format!("sizes {dims:?} overflow"))?;
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        ensure!(
            offset.is_multiple_of(alignment),
            "offset {offset} is not a multiple of {alignment}"
        );
        let start = base.checked_add(offset);
        let end = start.and_then(|s| s.checked_add(len));
        match (start, end) {
            (Some(start), Some(_)) => Ok(TensorInfo {
                dims,
                kind,
                start,
                len,
            }),
            _ => bail!("{len} bytes at offset {offset} of the data are past the end of any file"),
        }
    }
}

struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8]> {
        let slice = self.at.checked_add(n).and_then(|end| self.data.get(self.at..end)).with_context(|| {
            format!(
                "the file ends at byte {} while {what} needs {n} bytes at {}\nhint: the download may be incomplete; fetch the file again",
                self.data.len(),
                self.at
            )
        })?;
        self.at += n;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        Ok(self
            .take(N, what)?
            .try_into()
            .expect("take gives what was asked"))
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    fn count(&mut self, what: &str) -> Result<u64> {
        let count = self.u64(what)?;
        ensure!(
            count <= MAX_COUNT,
            "{what} is {count}, above the bound {MAX_COUNT}"
        );
        Ok(count)
    }

    fn string(&mut self, what: &str) -> Result<String> {
        let len = self.u64(what)?;
        let bytes = self.take(usize::try_from(len).unwrap_or(usize::MAX), what)?;
        let text = std::str::from_utf8(bytes).with_context(|| format!("{what} is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value> {
        let what = "a metadata value";
        Ok(match kind {
            0 => Value::Uint(self.array::<1>(what)?[0].into()),
            1 => Value::Int(i8::from_le_bytes(self.array(what)?).into()),
            2 => Value::Uint(u16::from_le_bytes(self.array(what)?).into()),
            3 => Value::Int(i16::from_le_bytes(self.array(what)?).into()),
            4 => Value::Uint(self.u32(what)?.into()),
            5 => Value::Int(i32::from_le_bytes(self.array(what)?).into()),
            // Through the shortest spelling, so that 1e-5 stays 1e-5 in config.json.
            6 => {
                let float = f32::from_le_bytes(self.array(what)?);
                Value::Float(float.to_string().parse().unwrap_or(f64::from(float)))
            }
            7 => match self.array::<1>(what)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => bail!("boolean {other} is neither 0 nor 1"),
            },
            8 => Value::Text(self.string("a metadata string")?),
            9 => {
                ensure!(depth < MAX_DEPTH, "lists nest deeper than {MAX_DEPTH}");
                let kind = self.u32("a list type")?;
                let count = self.count("a list length")?;
                let values = (0..count)
                    .map(|_| self.value(kind, depth + 1))
                    .collect::<Result<_>>()?;
                Value::List(values)
            }
            10 => Value::Uint(self.u64(what)?),
            11 => Value::Int(i64::from_le_bytes(self.array(what)?)),
            12 => Value::Float(f64::from_le_bytes(self.array(what)?)),
            other => bail!("value type {other} is unknown"),
        })
    }
}
