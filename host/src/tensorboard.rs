//! Scalars as TensorBoard event files.
//!
//! A file is a chain of TFRecords: length, its masked CRC-32C, payload, its masked CRC-32C; each
//! payload a protobuf `Event`, of which only the fields below are ever written. A resumed run
//! starts a new file whose first step purges what the killed run logged from there on. Does not
//! know the metrics.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::disk::append;

/// Writes one event file.
#[derive(Debug)]
pub(crate) struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// A new event file in `folder`, beside those that are there.
    ///
    /// `first_step` is given on resume: TensorBoard then forgets earlier files' steps from it on.
    pub(crate) fn create(folder: &Path, first_step: Option<u64>) -> Result<EventWriter> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not create `{}`", folder.display()))?;
        let seconds = now() as u64;
        // TensorBoard reads files in the order of their names, so two of one second are numbered.
        let (file, path) = (0..1000)
            .find_map(|number| {
                let name = format!("events.out.tfevents.{seconds:010}.attune.{number:03}");
                let path = folder.join(name);
                let opened = OpenOptions::new().append(true).create_new(true).open(&path);
                Some((opened.ok()?, path))
            })
            .with_context(|| format!("could not create an event file in `{}`", folder.display()))?;
        let mut writer = EventWriter { file, path };
        writer.write(0, |event| bytes_field(event, 3, b"brain.Event:2"))?;
        if let Some(step) = first_step {
            // SessionLog { status: START }.
            writer.write(step, |event| bytes_field(event, 7, &[0x08, 1]))?;
        }
        Ok(writer)
    }

    /// Adds the scalars of one step, as one event.
    pub(crate) fn scalars<'a>(
        &mut self,
        step: u64,
        scalars: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in scalars {
            let mut entry = Vec::new();
            bytes_field(&mut entry, 1, tag.as_bytes());
            entry.push(2 << 3 | 5);
            entry.extend((value as f32).to_le_bytes());
            bytes_field(&mut summary, 1, &entry);
        }
        self.write(step, |event| bytes_field(event, 5, &summary))
    }

    fn write(&mut self, step: u64, what: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut event = vec![1 << 3 | 1];
        event.extend(now().to_le_bytes());
        event.push(2 << 3);
        varint(&mut event, step);
        what(&mut event);
        // One call a record: a kill tears at most the last, which readers skip.
        append(&mut self.file, &self.path, &frame(&event))
    }
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes_field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(payload);
    record.extend(masked(crc32c(payload)).to_le_bytes());
    record
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: a few kilobytes an update need no table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payloads of a file, with both checksums of each held against it.
    fn payloads(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            assert_eq!(bytes[8..12], masked(crc32c(&bytes[..8])).to_le_bytes());
            let (payload, rest) = bytes[12..].split_at(length);
            assert_eq!(rest[..4], masked(crc32c(payload)).to_le_bytes());
            payloads.push(payload.to_vec());
            bytes = &rest[4..];
        }
        payloads
    }

    #[test]
    fn checksum_known_answer() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn files_decode_and_a_resume_starts_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path(), None).unwrap();
        writer.scalars(300, [("a", 1.5), ("b", -2.0)]).unwrap();
        EventWriter::create(folder.path(), Some(200)).unwrap();
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let read = |idx: usize| payloads(&std::fs::read(&files[idx]).unwrap());
        let (first, second) = (read(0), read(1));
        assert!(first[0].ends_with(b"brain.Event:2"));
        // Step 300, then a summary of two values: tag, then the float's bytes.
        let want = [
            &[0x10, 0xac, 0x02, 0x2a, 20, 0x0a, 8, 0x0a, 1, b'a', 0x15][..],
            &1.5f32.to_le_bytes(),
            &[0x0a, 8, 0x0a, 1, b'b', 0x15],
            &(-2.0f32).to_le_bytes(),
        ];
        assert_eq!(first[1][9..], want.concat());
        assert_eq!(second[1][9..], [0x10, 0xc8, 0x01, 0x3a, 2, 0x08, 1]);
    }
}
