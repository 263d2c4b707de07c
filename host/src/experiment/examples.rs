//! From labels, as people and plugins gave them, to examples, as a reward model learns from them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Error, Result, bail};

use crate::experiment::inputs::of_labels;
use crate::experiment::scorable::in_words;
use crate::label::format::{self, Format};
use crate::label::store::{Store, is_store};
use crate::label::{Answer as Said, Label, Labeler, Passage};
use crate::model::config::ModelConfig;
use crate::model::reward::Passages;
use crate::rl::preference::Answer;
use crate::rows::opened::Opened;
use crate::tokenizer::Tokenizer;
use crate::train::checkpoint::Input;
use crate::train::reward::Example;

/// All labels of a store or of a file.
pub(crate) fn labels(path: &Path) -> Result<Vec<Label>> {
    if !is_store(path) {
        let lines = Format::named("jsonl").context("label lines are a format")?;
        let is_told = Opened::at(path).is_ok_and(|file| file.kind.remedy().is_some());
        let hint = match is_told {
            // What it is, and what to do about that, comes first.
            true => "",
            false => "\nhint: `attune label import` reads other files into a store",
        };
        let read = format::read(path, lines).with_context(|| {
            format!(
                "labels are learned from stores and from files of `attune label export --format jsonl`{hint}"
            )
        });
        return Ok(read?.labels);
    }
    let labels = Store::read(path)?.labels()?;
    Ok(labels.into_iter().map(|(_, label)| label).collect())
}

/// The same; of a file, what is wrong with rows that are no labels, where others are.
fn good_labels(path: &Path) -> Result<(Vec<Label>, Vec<Error>)> {
    let wrong = match labels(path) {
        Ok(all) => return Ok((all, Vec::new())),
        Err(wrong) => wrong,
    };
    match format::read_good(path) {
        Ok((read, bad)) if !read.labels.is_empty() && !is_store(path) => Ok((read.labels, bad)),
        _ => Err(wrong),
    }
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

/// Examples, and what else the labels were.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) examples: Vec<Example>,
    /// How many labels say nothing that could be learned.
    pub(crate) silent: usize,
    /// How many labels cannot be read, by a model of this kind or at all.
    pub(crate) bad: usize,
    /// What is wrong with the first of those.
    first_bad: Option<Error>,
    /// What was read of each store.
    pub(crate) stores: Vec<Input>,
    /// How many labels are of each person whose word has a weight.
    pub(crate) weighed: BTreeMap<String, usize>,
}

impl Read {
    fn take(&mut self, example: Result<Option<Example>>, about: impl Fn() -> String) {
        match example {
            Ok(Some(example)) => self.examples.push(example),
            Ok(None) => self.silent += 1,
            Err(error) => self.refuse(error.context(about())),
        }
    }

    fn refuse(&mut self, error: Error) {
        self.bad += 1;
        self.first_bad.get_or_insert(error);
    }

    /// What to say of labels that were left out, if some were.
    pub(crate) fn left_out(&self) -> Option<String> {
        let (said, _) = in_words(self.first_bad.as_ref()?);
        Some(format!(
            "{} labels that cannot be read were left out; the first: {said}",
            self.bad
        ))
    }

    /// How many examples have two responses that are the same.
    pub(crate) fn twins(&self) -> usize {
        let twins = |example: &&Example| {
            let mut responses: Vec<_> = example.passages.responses.iter().collect();
            responses.sort_unstable();
            responses.windows(2).any(|pair| pair[0] == pair[1])
        };
        self.examples.iter().filter(twins).count()
    }
}

/// Turns labels into examples for a model.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) model: &'a ModelConfig,
    /// How to leave out labels that the model cannot read, for a message; none where they are left out.
    pub(crate) refuses_bad: Option<&'static str>,
    /// How much people's words count, by name, where they do not count the same.
    pub(crate) weights: Option<&'a BTreeMap<String, f64>>,
}

impl Reader<'_> {
    /// The first `most` labels of `paths` that can be learned from, or all for 0.
    pub(crate) fn read(&self, paths: &[impl AsRef<Path>], most: u64) -> Result<Read> {
        let mut read = Read::default();
        let enough = |read: &Read| most > 0 && read.examples.len() as u64 >= most;
        for path in paths.iter().map(AsRef::as_ref) {
            if enough(&read) {
                break;
            }
            let (mut labels, bad) = match self.refuses_bad {
                Some(_) => (labels(path)?, Vec::new()),
                None => good_labels(path)?,
            };
            for error in bad {
                read.refuse(error);
            }
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
                self.take(label, &mut read, about);
            }
            if is_store(path) {
                let store = format!("`{}`", path.display());
                read.stores.push(of_labels(&store, &labels)?);
            }
        }
        self.check(&mut read)?;
        if let (true, Some(error)) = (read.examples.is_empty(), &read.first_bad) {
            let (said, advice) = in_words(error);
            bail!(
                "none of {} labels can be read; the first: {said}\nhint: no label is left; mend them, or name others{advice}",
                read.bad
            );
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
            self.take(label, read, || format!("label {}", number + 1));
        }
        self.check(read)
    }

    /// Adds the example of a label with its weight; nothing of a label that does not count.
    fn take(&self, label: &Label, read: &mut Read, about: impl Fn() -> String) {
        let weight = self.weight(label);
        if let Some((name, weight)) = weight {
            *read.weighed.entry(name.to_owned()).or_default() += 1;
            if weight == 0.0 {
                return;
            }
        }
        let weight = weight.map_or(1.0, |(_, weight)| weight);
        let example = self.example(label);
        let weighed = |example: Example| Example { weight, ..example };
        read.take(example.map(|example| example.map(weighed)), about);
    }

    /// Who said it, and how much that counts, where it is told.
    fn weight<'a>(&self, label: &'a Label) -> Option<(&'a str, f64)> {
        match &label.labeler {
            Labeler::Person(name) => Some((name.as_str(), *self.weights?.get(name)?)),
            Labeler::Plugin { .. } | Labeler::Unknown => None,
        }
    }

    /// Refuses labels that the model cannot read, unless they are left out.
    fn check(&self, read: &mut Read) -> Result<()> {
        let Some(otherwise) = self.refuses_bad else {
            return Ok(());
        };
        let Some(error) = read.first_bad.take() else {
            return Ok(());
        };
        let others = match read.bad - 1 {
            0 => return Err(error.context(format!("hint: {otherwise}"))),
            1 => "1 other label".to_owned(),
            others => format!("{others} other labels"),
        };
        let (said, advice) = in_words(&error);
        bail!("{said}; {others} cannot be read by the model either\nhint: {otherwise}{advice}")
    }

    fn example(&self, label: &Label) -> Result<Option<Example>> {
        let Some(answer) = answer(label) else {
            return Ok(None);
        };
        let query = self.tokens(&label.comparison.query, &[], "query")?;
        let responses = label.comparison.responses.iter();
        let responses = responses.map(|response| self.tokens(response, &query, "response"));
        let passages = Passages {
            responses: responses.collect::<Result<_>>()?,
            query,
        };
        if passages.query.is_empty() && passages.responses.iter().any(Vec::is_empty) {
            bail!("query and response are both empty");
        }
        let most = self.model.max_positions as usize;
        if passages.span() > most {
            bail!(
                "query and response make {} tokens, more than the model's {most} positions\nhint: \
                 shorten them, or use a model with more positions",
                passages.span()
            );
        }
        Ok(Some(Example {
            passages,
            answer,
            weight: 1.0,
        }))
    }

    /// Token ids without the pads at their end, which are one id beyond the vocabulary; text is encoded where there are none, as what goes on after
    /// the tokens `before`.
    fn tokens(&self, passage: &Passage, before: &[u32], name: &str) -> Result<Vec<u32>> {
        let Some(tokens) = &passage.tokens else {
            let text = passage.text.as_deref().unwrap_or_default();
            return Ok(self.tokenizer.encode_after(before, text));
        };
        let (vocab, pad) = (self.model.vocab_size, self.model.pad_id);
        let no_pad = |token: &u32| i64::from(*token) != pad;
        let end = tokens.iter().rposition(no_pad);
        let kept = &tokens[..end.map_or(0, |last| last + 1)];
        if let Some(token) = kept.iter().find(|token| i64::from(**token) >= vocab) {
            bail!(
                "its {name} has token id {token}, the model has {vocab} (and {pad} for padding)\nhint: train on \
                 labels that were made with the same vocabulary, or that have texts"
            );
        }
        Ok(kept.to_vec())
    }
}
