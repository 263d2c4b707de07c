//! Streams the planned tensors into one safetensors file.
//!
//! Knows the layouts and the output format, not which model it writes. Holds a few rows at a
//! time; one whole tensor only where it must be transposed.

use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use half::f16;
use serde_json::json;

use super::StoredAs;
use super::arch::{Layout, Planned};
use super::dequant::dequantize;
use super::reader::{GgufFile, TensorInfo};
use crate::disk::unwritten;

/// Values converted at a time.
const CHUNK: usize = 1 << 18;

/// Totals of what was written.
pub(super) struct Written {
    pub(super) parameters: u64,
    pub(super) bytes: u64,
}

/// Writes all tensors to `path`, flushed to disk.
pub(super) fn write(
    file: &GgufFile,
    tensors: &[Planned],
    stored: StoredAs,
    path: &Path,
) -> Result<Written> {
    let (header, parameters) = header(file, tensors, stored)?;
    let out = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let width = if stored == StoredAs::F16 { 2 } else { 4 };
    let mut sink = Sink {
        out: BufWriter::with_capacity(1 << 20, out),
        stored,
        bytes: 0,
        path,
        size: 8 + header.len() as u64 + parameters * width,
    };
    sink.raw(&(header.len() as u64).to_le_bytes())?;
    sink.raw(&header)?;
    for planned in tensors {
        write_tensor(
            file.bytes(info(file, planned)),
            info(file, planned),
            planned.layout,
            &mut sink,
        )
        .with_context(|| format!("tensor {}", planned.source))?;
    }
    let out = sink.out.into_inner().map_err(IntoInnerError::into_error);
    let synced = out.and_then(|out| out.sync_all());
    synced.map_err(|error| unwritten(path, sink.size, error.into()))?;
    Ok(Written {
        parameters,
        bytes: sink.bytes,
    })
}

fn info<'a>(file: &'a GgufFile, planned: &Planned) -> &'a TensorInfo {
    file.tensors
        .get(&planned.source)
        .expect("planned tensors were found in the file")
}

/// The JSON header, padded so that data begin at a multiple of 8; and the number of values.
fn header(file: &GgufFile, tensors: &[Planned], stored: StoredAs) -> Result<(Vec<u8>, u64)> {
    let (dtype, width) = match stored {
        StoredAs::F32 => ("F32", 4),
        StoredAs::F16 => ("F16", 2),
    };
    let mut map = serde_json::Map::new();
    map.insert("__metadata__".into(), json!({"format": "pt"}));
    let (mut offset, mut parameters) = (0u64, 0u64);
    for planned in tensors {
        let dims = &info(file, planned).dims;
        // Row-major shapes name the outermost dimension first; a transposed matrix swaps again.
        let shape: Vec<usize> = match planned.layout {
            Layout::Transposed => dims.clone(),
            _ => dims.iter().rev().copied().collect(),
        };
        let count = dims.iter().product::<usize>() as u64;
        let end = offset + count * width;
        map.insert(
            planned.target.clone(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}),
        );
        (offset, parameters) = (end, parameters + count);
    }
    let mut header = serde_json::to_vec(&map)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok((header, parameters))
}

fn write_tensor(
    bytes: &[u8],
    info: &TensorInfo,
    layout: Layout,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let columns = info.dims[0];
    let rows = info.dims[1..].iter().product::<usize>();
    let row_bytes = bytes.len() / rows;
    let row = |at: usize| &bytes[at * row_bytes..(at + 1) * row_bytes];
    let mut values = Vec::new();
    match layout {
        Layout::Plain | Layout::RopeRows { .. } => {
            for at in 0..rows {
                dequantize(info.kind, row(source_row(at, rows, layout)), &mut values);
                if values.len() >= CHUNK || at + 1 == rows {
                    sink.values(&values)?;
                    values.clear();
                }
            }
        }
        Layout::Transposed => {
            dequantize(info.kind, bytes, &mut values);
            for column in 0..columns {
                let turned: Vec<f32> = values
                    .iter()
                    .skip(column)
                    .step_by(columns)
                    .copied()
                    .collect();
                sink.values(&turned)?;
            }
        }
    }
    Ok(())
}

/// Which stored row becomes row `at`. In each head, rows `j` and `j + half` of the rotate-half
/// layout are stored side by side.
fn source_row(at: usize, rows: usize, layout: Layout) -> usize {
    match layout {
        Layout::RopeRows { heads } => {
            let size = rows / heads;
            let (head, within) = (at / size, at % size);
            let (side, pair) = (within / (size / 2), within % (size / 2));
            head * size + 2 * pair + side
        }
        _ => at,
    }
}

struct Sink<'a> {
    out: BufWriter<File>,
    stored: StoredAs,
    bytes: u64,
    path: &'a Path,
    /// Bytes of the whole file.
    size: u64,
}

impl Sink<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.out.write_all(bytes);
        written.map_err(|error| unwritten(self.path, self.size, error.into()))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn values(&mut self, values: &[f32]) -> Result<()> {
        let mut bytes = Vec::with_capacity(values.len() * 4);
        for &value in values {
            ensure!(
                value.is_finite(),
                "holds {value}, every weight must be finite"
            );
            match self.stored {
                StoredAs::F32 => bytes.extend_from_slice(&value.to_le_bytes()),
                StoredAs::F16 => {
                    let rounded = f16::from_f32(value);
                    ensure!(
                        rounded.is_finite(),
                        "holds {value}, beyond 16-bit floats\nhint: store it as f32"
                    );
                    bytes.extend_from_slice(&rounded.to_le_bytes());
                }
            }
        }
        self.raw(&bytes)
    }
}
