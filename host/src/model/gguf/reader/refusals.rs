//! Files of the format that are not read: of other versions, and parts of models.

use std::path::Path;

use anyhow::{Result, bail};

use super::GgufFile;

impl GgufFile {
    /// Refuses one of several files that a model was split into.
    pub(super) fn expect_whole(&self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let by_name = part_of(&name);
        let count = self.uint("split.count")?.filter(|count| *count > 1);
        let number = self.uint("split.no")?.map(|number| number + 1);
        if let Some(count) = count.or(by_name.map(|(_, count)| count)) {
            let number = number.or(by_name.map(|(number, _)| number)).unwrap_or(1);
            // The tool finds the other parts by the name of the first, which must be as it wrote it.
            let (renamed, first) = match by_name == Some((number, count)) {
                true => {
                    let own = format!("-{number:05}-of-");
                    (String::new(), name.replace(&own, "-00001-of-"))
                }
                false => (
                    format!(
                        "give the parts the names back that they were written with, this one \
                         `NAME-{number:05}-of-{count:05}.gguf`; then "
                    ),
                    format!("NAME-00001-of-{count:05}.gguf"),
                ),
            };
            bail!(
                "it is part {number} of {count} of a model that was split\nhint: {renamed}join the parts, which llama.cpp's \
                 tool does by `llama-gguf-split --merge {first} whole.gguf`, and import that"
            );
        }
        Ok(())
    }
}

/// Refuses versions of the format that are not read.
pub(super) fn check_version(version: u32) -> Result<()> {
    const READ: &str = "versions 2 and 3 are read, for little-endian machines";
    // Written by a machine that has the bytes of a number the other way round.
    let turned = version.swap_bytes();
    match (version, turned) {
        (2 | 3, _) => Ok(()),
        (_, 1..=0xff) => bail!(
            "it is GGUF version {turned} for big-endian machines; {READ}\nhint: fetch the file for little-endian \
             machines, or turn this one, which Python's package gguf does by `gguf-convert-endian FILE little`"
        ),
        (0..2, _) => bail!(
            "it is GGUF version {version}; {READ}\nhint: it is older than llama.cpp of autumn 2023; fetch the model's \
             file of a later day"
        ),
        _ => bail!(
            "it is GGUF version {version}; {READ}\nhint: fetch the model as GGUF of version 3, or as safetensors"
        ),
    }
}

/// Number and count that llama.cpp puts into the names of the parts of a model, `…-00001-of-00003.gguf`.
fn part_of(name: &str) -> Option<(usize, usize)> {
    let (rest, count) = name.strip_suffix(".gguf")?.rsplit_once("-of-")?;
    let (_, number) = rest.rsplit_once('-')?;
    let read = |digits: &str| digits.parse::<usize>().ok().filter(|_| digits.len() == 5);
    Some((read(number)?, read(count).filter(|count| *count > 1)?))
}
