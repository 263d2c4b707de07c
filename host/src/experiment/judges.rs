//! Judges of the same comparisons, side by side: chance, labelers, people, reward models.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::config::Config;
use crate::eval::share::Share;
use crate::experiment::examples::{answer, labels};
use crate::experiment::parts;
use crate::label::{Answer as Said, Label, Passage};
use crate::rl::preference::{Answer, Form};
use crate::role::{CallContext, Group, Labeler, Outcome, Query, Split, Verdict};
use crate::seed;
use crate::train::observer::Table;
use crate::train::reward::report::Report;

/// A table of all judges on the test labels.
pub(super) fn compare(config: &Config, models: &[(u64, PathBuf)]) -> Result<Table> {
    let test = test(config)?;
    if test.is_empty() {
        return Ok(Table {
            caption: "No labels were held out, so judges are not compared.".to_owned(),
            ..Table::new("judges", &[])
        });
    }
    let mut table = Table::new(
        "judges",
        &[
            "judge",
            "best of N",
            "95 % interval",
            "pairs",
            "95 % interval",
            "loss",
            "calibration error",
        ],
    );
    row(&mut table, "chance", &chance(&test), None);
    if config.labeler.is_some() {
        let (labeler, _) = parts::load_judge(config)?;
        let rewards = asked(labeler.as_ref(), &test, config.run.seed)?;
        row(
            &mut table,
            &labeler.identity().name,
            &of(&rewards, &test),
            None,
        );
    }
    for (name, path) in config.study.iter().flat_map(|study| &study.judges) {
        let rewards = answered(path, &test)?;
        row(&mut table, name, &of(&rewards, &test), None);
    }
    for (size, folder) in models {
        let name = match size {
            0 => "reward model, all labels".to_owned(),
            size => format!("reward model, {size} labels"),
        };
        let report = read_report(folder)?;
        row(
            &mut table,
            &name,
            &report,
            (report.labels > 0).then_some((report.loss, report.expected_calibration_error)),
        );
    }
    table.caption = format!("{} comparisons, each for itself.", test.len());
    Ok(table)
}

/// Refuses judges who did not answer the test, before anything is trained.
pub(super) fn check(config: &Config) -> Result<()> {
    let judges = config.study.iter().flat_map(|study| &study.judges);
    let test = test(config)?;
    for (name, path) in judges {
        answered(path, &test).with_context(|| format!("in [study.judges], `{name}`"))?;
    }
    Ok(())
}

/// The labels that judges are compared by.
fn test(config: &Config) -> Result<Vec<Label>> {
    let reward = config.reward()?;
    let paths = if reward.test.is_empty() {
        &reward.validation
    } else {
        &reward.test
    };
    let mut test = Vec::new();
    for path in paths {
        test.extend(labels(path)?);
    }
    Ok(test)
}

fn row(table: &mut Table, name: &str, report: &Report, loss: Option<(f64, Option<f64>)>) {
    let share = |share: &Option<Share>| {
        let Some(share) = share else {
            return ["–".to_owned(), "–".to_owned()];
        };
        let [value, low, high] = [share.value, share.low, share.high].map(|part| 100.0 * part);
        [format!("{value:.1} %"), format!("{low:.1}–{high:.1}")]
    };
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let mut cells = vec![name.to_owned()];
    cells.extend(share(&report.accuracy));
    cells.extend(share(&report.pairwise));
    cells.push(number(loss.map(|(loss, _)| loss)));
    cells.push(number(loss.and_then(|(_, error)| error)));
    table.rows.push(cells);
}

pub(super) fn read_report(folder: &Path) -> Result<Report> {
    let path = folder.join("report.json");
    let about = || format!("cannot read `{}`", path.display());
    let value: Value = serde_json::from_slice(&std::fs::read(&path).with_context(about)?)?;
    match value.get("held_out") {
        Some(report) => Report::deserialize(report).with_context(about),
        None => Ok(Report::default()),
    }
}

/// Everybody is as good as everybody else.
fn chance(test: &[Label]) -> Report {
    let level = |label: &Label| vec![0.0; label.comparison.responses.len()];
    of(&test.iter().map(level).collect::<Vec<_>>(), test)
}

fn of(rewards: &[Vec<f64>], test: &[Label]) -> Report {
    let answers: Vec<(usize, Answer)> = test
        .iter()
        .enumerate()
        .filter_map(|(at, label)| Some((at, answer(label)?)))
        .collect();
    let rewards: Vec<Vec<f64>> = answers.iter().map(|(at, _)| rewards[*at].clone()).collect();
    let answers: Vec<&Answer> = answers.iter().map(|(_, answer)| answer).collect();
    Report::of_rewards(&rewards, &answers, Form::Softmax)
}

/// A labeler's scores of the test's responses or, where it gives none, its verdicts.
fn asked(labeler: &dyn Labeler, test: &[Label], root: u64) -> Result<Vec<Vec<f64>>> {
    let text = |passage: &Passage| {
        let text = passage.text.clone();
        text.context(
            "it has token ids and no text\nhint: labelers read texts; use labels with texts",
        )
    };
    let mut groups = Vec::new();
    for (id, label) in test.iter().enumerate() {
        let about = || format!("test label {}", id + 1);
        let responses = label.comparison.responses.iter().map(text);
        groups.push(Group {
            id: id as u64,
            query: Query {
                text: text(&label.comparison.query).with_context(about)?,
                ..Query::default()
            },
            responses: responses.collect::<Result<_>>().with_context(about)?,
        });
    }
    let context = CallContext {
        seed: seed::derive(root, "judge", 0),
        update: 0,
        split: Split::Test,
    };
    let judged = labeler.judge(context, &groups)?;
    let rows = judged.into_iter().zip(&groups).map(|(outcome, group)| {
        let level = vec![0.0; group.responses.len()];
        match outcome {
            Outcome::Value(judgement) if !judgement.scores.is_empty() => Ok(judgement
                .scores
                .iter()
                .map(|&score| f64::from(score))
                .collect()),
            Outcome::Value(judgement) => Ok(match judgement.verdict {
                Verdict::Best(place) => marked(level, &[place]),
                Verdict::Tie(places) => marked(level, &places),
                Verdict::Abstain => level,
            }),
            Outcome::NotApplicable(_) => Ok(level),
            Outcome::Invalid(text) | Outcome::Error(text) => bail!(
                "labeler `{}` failed on test label {}: {text}",
                labeler.identity().name,
                group.id + 1
            ),
        }
    });
    rows.collect()
}

fn marked(mut level: Vec<f64>, places: &[usize]) -> Vec<f64> {
    places.iter().for_each(|&place| level[place] = 1.0);
    level
}

/// What somebody else answered to the same comparisons.
fn answered(path: &Path, test: &[Label]) -> Result<Vec<Vec<f64>>> {
    let theirs = labels(path)?;
    if theirs.len() != test.len() {
        bail!(
            "`{}` has {} labels, the test {}\nhint: a judge answers the test's comparisons, in their \
             order",
            path.display(),
            theirs.len(),
            test.len()
        );
    }
    let one = |(number, (label, test)): (usize, (&Label, &Label))| {
        if label.comparison != test.comparison {
            bail!(
                "`{}`: label {} is of another comparison than the test's\nhint: a judge answers the \
                 test's comparisons, in their order",
                path.display(),
                number + 1
            );
        }
        let level = vec![0.0; label.comparison.responses.len()];
        Ok(match &label.answer {
            Said::Best(place) => marked(level, &[*place]),
            Said::Tie(places) => marked(level, places),
            Said::Ranking(groups) => {
                let mut level = level;
                for (behind, group) in groups.iter().enumerate() {
                    group
                        .iter()
                        .for_each(|&place| level[place] = -(behind as f64));
                }
                level
            }
            Said::Difference(value) => vec![0.0, *value],
            Said::Rating(value) => vec![*value],
            Said::Abstain | Said::Skip => level,
        })
    };
    theirs.iter().zip(test).enumerate().map(one).collect()
}
