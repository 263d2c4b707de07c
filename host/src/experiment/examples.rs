//! From labels, as people and plugins gave them, to examples, as a reward model learns from them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::experiment::inputs::{is_store, of_labels};
use crate::label::format::{self, Format};
use crate::label::store::Store;
use crate::label::{Answer as Said, Label, Passage};
use crate::model::config::ModelConfig;
use crate::model::reward::Passages;
use crate::rl::preference::Answer;
use crate::tokenizer::Tokenizer;
use crate::train::checkpoint::Input;
use crate::train::reward::Example;

/// All labels of a store or of a file.
pub(crate) fn labels(path: &Path) -> Result<Vec<Label>> {
    if !is_store(path) {
        let lines = Format::named("jsonl").context("label lines are a format")?;
        let read = format::read(path, lines);
        let read = read.context(
            "hint: docs/labels.md shows what a line is; `attune label import` reads other files",
        );
        return Ok(read?.labels);
    }
    let labels = Store::read(path)?.labels()?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}

/// What a label says that can be learned.
pub(crate) fn answer(label: &Label) -> Option<Answer> {
    let count = label.comparison.responses.len();
    Some(match &label.answer {
        Said::Best(place) => Answer::best(*place, count),
        Said::Tie(places) => {
            let rest = (0..count).filter(|place| !places.contains(place));
            Answer::Order(vec![places.clone(), rest.collect()])
        }
        Said::Ranking(groups) => Answer::Order(groups.clone()),
        Said::Difference(value) => Answer::Difference(*value),
        Said::Rating(value) => Answer::Rating(*value),
        Said::Abstain | Said::Skip => return None,
    })
}

/// Examples, and how many labels say nothing that could be learned.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) examples: Vec<Example>,
    pub(crate) silent: usize,
    /// What was read of each store.
    pub(crate) stores: Vec<Input>,
}

/// Turns labels into examples for a model.
pub(crate) struct Reader<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) model: &'a ModelConfig,
}

impl Reader<'_> {
    /// The first `most` labels of `paths`, or all for 0.
    pub(crate) fn read(&self, paths: &[impl AsRef<Path>], most: u64) -> Result<Read> {
        let mut read = Read::default();
        let enough = |read: &Read| most > 0 && read.examples.len() as u64 >= most;
        for path in paths.iter().map(AsRef::as_ref) {
            if enough(&read) {
                break;
            }
            let mut labels = labels(path)?;
            if labels.is_empty() {
                bail!(
                    "there is no label in `{}`\nhint: `attune label import` and `attune label simulate` add some",
                    path.display()
                );
            }
            for (number, label) in labels.iter().enumerate() {
                if enough(&read) {
                    labels.truncate(number);
                    break;
                }
                let about = || format!("label {} of `{}`", number + 1, path.display());
                match self.example(label).with_context(about)? {
                    Some(example) => read.examples.push(example),
                    None => read.silent += 1,
                }
            }
            if is_store(path) {
                let store = format!("`{}`", path.display());
                read.stores.push(of_labels(&store, &labels)?);
            }
        }
        let count = read.examples.len() as u64;
        if count < most {
            bail!(
                "there are {count} labels to learn from, fewer than the {most} asked for\nhint: lower \
                 reward.num_train, or collect more"
            );
        }
        Ok(read)
    }

    /// Adds the examples of labels that were read already.
    pub(crate) fn add(&self, labels: &[Label], read: &mut Read) -> Result<()> {
        for (number, label) in labels.iter().enumerate() {
            match self
                .example(label)
                .with_context(|| format!("label {number}"))?
            {
                Some(example) => read.examples.push(example),
                None => read.silent += 1,
            }
        }
        Ok(())
    }

    fn example(&self, label: &Label) -> Result<Option<Example>> {
        let query = self.tokens(&label.comparison.query, &[], "query")?;
        let responses = label.comparison.responses.iter();
        let responses = responses.map(|response| self.tokens(response, &query, "response"));
        let passages = Passages {
            responses: responses.collect::<Result<_>>()?,
            query,
        };
        let Some(answer) = answer(label) else {
            return Ok(None);
        };
        if passages.query.is_empty() && passages.responses.iter().any(Vec::is_empty) {
            bail!(
                "query and response are both empty\nhint: train on a file of `attune label export --format jsonl` \
                 without this line"
            );
        }
        let most = self.model.max_positions as usize;
        if passages.span() > most {
            bail!(
                "query and response make {} tokens, more than the model's {most} positions\nhint: \
                 shorten them, or use a model with more positions",
                passages.span()
            );
        }
        Ok(Some(Example { passages, answer }))
    }

    /// Token ids without the pads at their end; text is encoded where there are none, as what goes on after
    /// the tokens `before`.
    fn tokens(&self, passage: &Passage, before: &[u32], name: &str) -> Result<Vec<u32>> {
        let Some(tokens) = &passage.tokens else {
            let text = passage.text.as_deref().unwrap_or_default();
            return Ok(self.tokenizer.encode_after(before, text));
        };
        let vocab = self.model.vocab_size;
        let real = |token: &u32| i64::from(*token) < vocab;
        let end = tokens.iter().rposition(real).map_or(0, |last| last + 1);
        let kept = &tokens[..end];
        if let Some(token) = kept.iter().find(|token| !real(token)) {
            bail!(
                "its {name} has token id {token}, the model has {vocab}\nhint: train on labels that were \
                 made with the same vocabulary, or that have texts"
            );
        }
        Ok(kept.to_vec())
    }
}
