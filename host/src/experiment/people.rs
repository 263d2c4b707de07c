//! People in place of a labeler: the rules by which they judge, from a config and its files; hints for what is asked
//! of everybody; and what a reward model learns where somebody was excluded.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::{Collect, Config, People};
use crate::experiment::collect::judged::annotate;
use crate::experiment::parts;
use crate::label::Label;
use crate::label::room::{
    Beside, Choice, Gold, Hints, Mode, Rules, choice, chosen, gold_key, keep_hints, read_gold,
};
use crate::label::store::Store;
use crate::role::{Group, Labeler, Query};
use crate::run_dir::{RunDir, replace};
use crate::seed;

/// Beside a reward model: who was left out when it was begun.
const KEPT: &str = "people.json";

/// The rules by which people judge what a config's run asks.
///
/// # Errors
/// Something in `[people]` cannot work, or the instructions or the gold cannot be read.
pub fn rules(config: &Config) -> Result<Rules> {
    let people = config.people()?;
    let mut rules = of_section(&people)?;
    if let Some(path) = &people.gold {
        rules.gold = read_gold(path, &rules).context("in [people] gold")?;
        check_gold(&people, &rules)?;
    }
    Ok(rules)
}

/// All but the gold.
fn of_section(people: &People) -> Result<Rules> {
    let People {
        title,
        instructions,
        instructions_text,
        mode,
        ties,
        naive,
        confidence,
        strength,
        notes,
        hints,
        gold: _,
        gold_every,
        training,
        repeat_every,
        attention_every,
        attention_text,
        overlap,
        people_per_comparison,
        lease_seconds,
        characters_per_second,
        scale,
        abstain_reasons,
    } = people.clone();
    Ok(Rules {
        title,
        instructions: told(instructions.as_deref(), instructions_text)?,
        mode: match mode.as_str() {
            "pair" => Mode::Pair,
            "ranking" => Mode::Ranking,
            "rating" => Mode::Rating,
            _ => Mode::Best,
        },
        ties,
        naive,
        confidence,
        strength,
        notes,
        hints: match hints.as_str() {
            "after" => Hints::After,
            "before" => Hints::Before,
            _ => Hints::Off,
        },
        gold: Vec::new(),
        gold_every,
        repeat_every,
        attention_every,
        attention_text,
        training,
        overlap,
        people_per_comparison,
        lease_seconds,
        characters_per_second,
        scale: (scale[0], scale[1]),
        abstain_reasons,
    })
}

/// What people are told to do.
fn told(file: Option<&Path>, text: Option<String>) -> Result<String> {
    let Some(path) = file else {
        return Ok(text.unwrap_or_default());
    };
    std::fs::read_to_string(path).with_context(|| {
        format!(
            "[people] instructions `{}` cannot be read\nhint: name a Markdown file, or write people.instructions_text",
            path.display()
        )
    })
}

/// Refuses gold of which nothing is left to measure by.
fn check_gold(people: &People, rules: &Rules) -> Result<()> {
    let (gold, training) = (rules.gold.len(), people.training);
    if training > gold || (training == gold && people.gold_every > 0) {
        bail!(
            "[people] training is {training}, and people.gold has {gold} comparisons: none is left that nobody is told \
             of\nhint: use people.training = {} or less, or people.gold_every = 0",
            gold.saturating_sub(1)
        );
    }
    Ok(())
}

/// Whose hints people are shown, where any are; those for gold are kept.
pub(super) fn annotator(
    config: &Config,
    collect: &Collect,
    store: &mut Store,
) -> Result<Option<Box<dyn Labeler>>> {
    let people = config.people.as_ref().filter(|_| collect.by == "people");
    if !people.is_some_and(People::shows_hints) {
        return Ok(None);
    }
    let (labeler, _) = parts::load_judge(config)?;
    let gold = rules(config)?.gold;
    annotate_gold(store, labeler.as_ref(), &gold, config.run.seed)?;
    Ok(Some(labeler))
}

/// Keeps the labeler's hints for gold, so that gold looks like all else.
fn annotate_gold(store: &mut Store, labeler: &dyn Labeler, gold: &[Gold], root: u64) -> Result<()> {
    let group = |(id, gold): (u64, &Gold)| {
        let text = |passage: &crate::label::Passage| passage.text.clone().unwrap_or_default();
        Group {
            id,
            query: Query {
                id,
                text: text(&gold.comparison.query),
                ..Query::default()
            },
            responses: gold.comparison.responses.iter().map(text).collect(),
        }
    };
    let groups: Vec<Group> = (0..).zip(gold).map(group).collect();
    let hints = annotate(labeler, seed::derive(root, "annotate-gold", 0), 0, &groups)
        .context("in [people] gold")?;
    let beside = gold.iter().zip(hints).map(|(gold, hints)| {
        let beside = Beside { hints, doubt: None };
        (gold_key(&gold.comparison), beside)
    });
    keep_hints(store, &beside.collect::<Vec<_>>())
}

/// What a reward model learns of a run's own labels, and what to say of those that it does not. What was left out when
/// its training was begun is kept beside it, and a training that goes on leaves out the same. Whose word has no weight
/// is excluded.
pub(super) fn learned(
    store: &Path,
    run_dir: &RunDir,
    labels: Vec<(String, Label)>,
    weights: &BTreeMap<String, f64>,
) -> Result<(Vec<Label>, Option<String>)> {
    let store = Store::read(store)?;
    let place = run_dir.root().join(KEPT);
    let choice: Choice = match std::fs::read(&place) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "`{}` is damaged\nhint: remove the directory of this training, to begin it anew",
                place.display()
            )
        })?,
        Err(_) => {
            let without = weights.iter().filter(|(_, weight)| **weight == 0.0);
            let without: Vec<&str> = without.map(|(name, _)| name.as_str()).collect();
            let choice = choice(&store, &labels, &without)?;
            replace(&place, &serde_json::to_vec_pretty(&choice)?)?;
            choice
        }
    };
    let learned = chosen(&store, labels, &choice)?;
    Ok((learned, said(&choice)))
}

/// What is to be said of labels that are not learned from.
fn said(choice: &Choice) -> Option<String> {
    if choice.excluded.is_empty() && choice.instead.is_empty() {
        return None;
    }
    let (others, none): (Vec<_>, Vec<_>) = choice.instead.values().partition(|key| key.is_some());
    let excluded = match choice.excluded.as_slice() {
        [] => "nobody".to_owned(),
        names => names.join(", "),
    };
    Some(format!(
        "excluded: {excluded}; in place of {} labels another person's word or a decision is learned, and {} are left out",
        others.len(),
        none.len()
    ))
}
