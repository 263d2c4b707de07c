//! What plugins may call: the log, their progress, and the policy's tokenizer.
//!
//! A plugin waits for no longer than its call may take: the tokenizer, which nobody can interrupt,
//! is left behind when it takes too long.

use wasmtime::{Trap, bail};

use super::call::{Stop, clean};
use super::effort;
use super::engine::State;
use super::patience::{self, Impatience};
use super::wit::attune::plugin::{log, progress, tokenizer, types};

/// More text than this, or as many bytes of token ids, in one request is a mistake.
const MAX_REQUEST: usize = 16 << 20;
/// Less than this takes the tokenizer no longer than a tick.
const QUICK: usize = 16 << 10;

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let line = clean(&message);
        let name = match level {
            log::Level::Debug => return,
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        self.call.log(name, &line);
        if matches!(level, log::Level::Error) {
            self.last_error = Some(line);
        }
    }
}

impl progress::Host for State {
    fn row(&mut self, row: u32) {
        self.begin_row(row);
    }
}

impl tokenizer::Host for State {
    fn encode(&mut self, texts: types::TextColumn) -> wasmtime::Result<types::TokenColumn> {
        expect_size("text", texts.data.len())?;
        let mut column = types::TokenColumn {
            data: Vec::new(),
            ends: Vec::with_capacity(texts.ends.len()),
        };
        let mut start = 0;
        for end in texts.ends {
            let bytes = texts.data.get(start..end as usize).unwrap_or_default();
            let text = String::from_utf8_lossy(bytes).into_owned();
            let tokenizer = self.tokenizer.clone();
            for id in self.wait_for(bytes.len(), move || tokenizer.encode(&text))? {
                column.data.extend(id.to_le_bytes());
            }
            column.ends.push((column.data.len() / 4) as u32);
            start = end as usize;
        }
        Ok(column)
    }

    fn decode(&mut self, tokens: types::TokenColumn) -> wasmtime::Result<types::TextColumn> {
        expect_size("token ids", tokens.data.len())?;
        let ids = tokens.data.as_chunks::<4>().0;
        let mut column = types::TextColumn {
            data: Vec::new(),
            ends: Vec::with_capacity(tokens.ends.len()),
        };
        let mut start = 0;
        let size = self.tokenizer.vocab_size();
        for end in tokens.ends {
            let row = ids.get(start..end as usize).unwrap_or_default();
            let known = row.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let known: Vec<u32> = known.filter(|id| *id < size).collect();
            let tokenizer = self.tokenizer.clone();
            let text = self.wait_for(4 * known.len(), move || tokenizer.decode(&known))?;
            column.data.extend(text.into_bytes());
            column.ends.push(column.data.len() as u32);
            start = end as usize;
        }
        Ok(column)
    }

    fn vocab_size(&mut self) -> wasmtime::Result<u32> {
        Ok(self.tokenizer.vocab_size())
    }
}

impl State {
    /// The answer of `job`, which works on `size` bytes, unless the plugin is to be stopped first.
    fn wait_for<T: Send + 'static>(
        &mut self,
        size: usize,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> wasmtime::Result<T> {
        if self.look().is_none() {
            if size <= QUICK {
                return Ok(job());
            }
            let (answer, worked) = patience::computing(self.patience(), "tokenizer", job);
            effort::waited(worked);
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Impatience::Late) => {
                    self.stop = self.look().or(Some(Stop::Late));
                }
                Err(other) => bail!("the tokenizer failed: {other}"),
            }
        }
        Err(Trap::Interrupt.into())
    }
}

fn expect_size(what: &str, size: usize) -> wasmtime::Result<()> {
    if size > MAX_REQUEST {
        let most = MAX_REQUEST >> 20;
        bail!("handed the tokenizer {size} bytes of {what} at once, more than {most} MiB");
    }
    Ok(())
}
