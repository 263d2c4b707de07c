//! `attune plugin replay`: what another plugin would have said of a run's responses.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::subject::Subject;
use crate::cli::parts;
use crate::config::Config;
use crate::golden::Role;
use crate::plugin::{self, Limits, Spec, TokenizerHost};
use crate::role::{CallContext, Group, Outcome, Sample, Trust};
use crate::run_dir::RunDir;
use crate::train::policy::Recorded;

/// Characters of a response that are shown.
const WIDTH: usize = 60;

#[derive(Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The run directory
    run: PathBuf,
    /// The other plugin: a project's folder, a `.wasm` file, or a name
    #[arg(long)]
    plugin: String,
    /// Whose answers it is compared with, by its name in the run; the one of the same kind when there
    /// is but one
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// Settings of the other plugin, such as `scale=5`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Files of the other plugin, such as `lexicon=words.txt`; may be repeated
    #[arg(long = "asset", value_name = "NAME=FILE")]
    assets: Vec<String>,
    /// How many of the largest changes are shown
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// Print one JSON object a response
    #[arg(long)]
    json: bool,
}

/// A response with what was said of it then and what is said now.
struct Replayed<'a> {
    recorded: &'a Recorded,
    before: Option<f32>,
    now: Outcome<f32>,
}

impl Replayed<'_> {
    fn change(&self) -> f64 {
        let (before, now) = (
            self.before.unwrap_or(0.0),
            self.now.value().copied().unwrap_or(0.0),
        );
        f64::from(now) - f64::from(before)
    }

    fn said(&self) -> String {
        match &self.now {
            Outcome::Value(value) => format!("{value:.3}"),
            Outcome::NotApplicable => "nothing".into(),
            Outcome::Invalid(text) | Outcome::Error(text) => {
                text.lines().next().unwrap_or_default().into()
            }
        }
    }
}

pub(super) fn run(args: &ReplayArgs) -> Result<()> {
    let run_dir = RunDir::open(&args.run)?;
    let recorded = read(&run_dir)?;
    let config = Config::load(&run_dir.config(), &[])?;
    let subject = Subject::find(&args.plugin, None, None)?;
    let role = load(args, &config, &subject)?;
    let name = against(args, &config, &subject, &recorded)?;
    let mut replayed = Vec::new();
    // A call is about one update, as it was in the run.
    for update in recorded.chunk_by(|a, b| a.update == b.update) {
        let now = ask(&role, update[0].context, update)?;
        replayed.extend(update.iter().zip(now).map(|(recorded, now)| Replayed {
            before: of(recorded, &name),
            recorded,
            now,
        }));
    }
    if args.json {
        for row in &replayed {
            println!("{}", as_json(row, &name, &subject));
        }
        return Ok(());
    }
    print(&replayed, &name, &subject, args.show);
    Ok(())
}

fn read(run_dir: &RunDir) -> Result<Vec<Recorded>> {
    let path = run_dir.rollouts();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "`{}` has no recorded responses\nhint: a run keeps some where [run] record_rollouts is above 0",
            run_dir.root().display()
        )
    })?;
    let mut recorded = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let row: Recorded = serde_json::from_str(line)
            .with_context(|| format!("`{}` line {} cannot be read", path.display(), number + 1))?;
        recorded.push(row);
    }
    if recorded.is_empty() {
        bail!(
            "`{}` is empty\nhint: let the run make an update first",
            path.display()
        );
    }
    Ok(recorded)
}

fn load(args: &ReplayArgs, config: &Config, subject: &Subject) -> Result<Role> {
    let (_, tokenizer) = parts::model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer;
    let mut settings = toml::Table::new();
    for one in &args.settings {
        let (key, value) = pair(one)?;
        let value = format!("value = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut table| table.remove("value"));
        let text = || {
            toml::Value::String(
                pair(one).map_or_else(|_| String::new(), |(_, text)| text.to_owned()),
            )
        };
        settings.insert(key.to_owned(), value.unwrap_or_else(text));
    }
    let assets = args
        .assets
        .iter()
        .map(|one| pair(one).map(|(name, path)| (name.to_owned(), path.into())));
    let spec = Spec {
        path: subject.file.clone(),
        trust: Trust::Sandboxed,
        settings: serde_json::to_value(settings)?,
        assets: assets.collect::<Result<_>>()?,
        limits: Limits::default(),
    };
    Ok(match subject.about.kind.as_str() {
        "labeler" => Role::Labeler(plugin::load_labeler(&spec, host)?),
        "shaper" => Role::Shaper(plugin::load_shaper(&spec, host)?),
        kind => bail!(
            "`{}` is a {kind}, and replay is about scores\nhint: name a labeler or a shaper",
            subject.about.name
        ),
    })
}

fn pair(text: &str) -> Result<(&str, &str)> {
    text.split_once('=')
        .with_context(|| format!("`{text}` is not NAME=VALUE\nhint: write, for one, `scale=5`"))
}

/// The name under which the run recorded what is compared with.
fn against(
    args: &ReplayArgs,
    config: &Config,
    subject: &Subject,
    recorded: &[Recorded],
) -> Result<String> {
    let known: Vec<&str> = recorded[0]
        .parts
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    if let Some(name) = &args.against {
        if !known.contains(&name.as_str()) {
            bail!(
                "the run has no scores of `{name}`\nhint: it has those of {}",
                known.join(", ")
            );
        }
        return Ok(name.clone());
    }
    if known.contains(&subject.about.name.as_str()) {
        return Ok(subject.about.name.clone());
    }
    // Sources come first, then shapers, in the order of the config.
    let shapers = config.shaper.len();
    let (sources, shapers) = known.split_at(known.len().saturating_sub(shapers));
    let alike = if subject.about.kind == "shaper" {
        shapers
    } else {
        sources
    };
    match alike {
        [one] => Ok((*one).to_owned()),
        _ => bail!(
            "the run has scores of {}\nhint: say by --against with which to compare",
            if known.is_empty() {
                "nobody".into()
            } else {
                known.join(", ")
            }
        ),
    }
}

fn of(recorded: &Recorded, name: &str) -> Option<f32> {
    recorded
        .parts
        .iter()
        .find(|(known, _)| known == name)
        .and_then(|(_, value)| *value)
}

/// What the role says of one update's responses: a labeler's score, the sum of a shaper's terms.
fn ask(role: &Role, context: CallContext, rows: &[Recorded]) -> Result<Vec<Outcome<f32>>> {
    let samples: Vec<Sample> = rows.iter().map(|row| row.sample.clone()).collect();
    Ok(match role {
        Role::Shaper(shaper) => {
            let outcomes = shaper.shape(context, &samples)?;
            outcomes
                .into_iter()
                .map(|outcome| outcome.map(|shaped| shaped.sum()))
                .collect()
        }
        Role::Labeler(labeler) => {
            let group = |sample: &Sample| Group {
                id: sample.id,
                query: sample.query.clone(),
                responses: vec![sample.text.clone()],
            };
            let groups: Vec<Group> = samples.iter().map(group).collect();
            let score = |outcome: Outcome<crate::role::Judgement>| match outcome {
                Outcome::Value(judgement) => judgement.scores.first().map_or_else(
                    || Outcome::Error("gives no scores".into()),
                    |score| Outcome::Value(*score),
                ),
                Outcome::NotApplicable => Outcome::NotApplicable,
                Outcome::Invalid(text) => Outcome::Invalid(text),
                Outcome::Error(text) => Outcome::Error(text),
            };
            labeler
                .judge(context, &groups)?
                .into_iter()
                .map(score)
                .collect()
        }
        Role::Task(_) => bail!("a task gives no scores"),
    })
}

fn as_json(row: &Replayed<'_>, name: &str, subject: &Subject) -> serde_json::Value {
    json!({
        "update": row.recorded.update,
        "id": row.recorded.sample.id,
        "query": row.recorded.sample.query.text,
        "response": row.recorded.sample.text,
        "against": name,
        "before": row.before,
        "plugin": subject.about.name,
        "now": row.now.value(),
        "said": row.said(),
    })
}

fn print(replayed: &[Replayed<'_>], name: &str, subject: &Subject, show: usize) {
    let changed = replayed.iter().filter(|row| row.change() != 0.0).count();
    let failed = replayed
        .iter()
        .filter(|row| matches!(row.now, Outcome::Error(_) | Outcome::Invalid(_)))
        .count();
    let before = mean(replayed.iter().filter_map(|row| row.before));
    let now = mean(replayed.iter().filter_map(|row| row.now.value().copied()));
    println!(
        "{} responses of {} updates",
        replayed.len(),
        updates(replayed)
    );
    println!("before  {name}: mean {before:.3}");
    println!(
        "now     {} {}: mean {now:.3}",
        subject.about.name, subject.about.version
    );
    println!(
        "changed {changed}, failed {failed}; order of pairs within an update kept: {}",
        order(replayed)
    );
    let mut largest: Vec<&Replayed> = replayed.iter().filter(|row| row.change() != 0.0).collect();
    largest.sort_by(|a, b| b.change().abs().total_cmp(&a.change().abs()));
    if largest.is_empty() || show == 0 {
        return;
    }
    println!(
        "\n{:>7} {:>9} {:>9} {:>9}  response",
        "update", "before", "now", "change"
    );
    for row in largest.iter().take(show) {
        let before = row
            .before
            .map_or("nothing".into(), |value| format!("{value:.3}"));
        println!(
            "{:>7} {before:>9} {:>9} {:>+9.3}  {}",
            row.recorded.update,
            row.said(),
            row.change(),
            shortened(&row.recorded.sample.text)
        );
    }
}

fn updates(replayed: &[Replayed<'_>]) -> usize {
    replayed
        .chunk_by(|a, b| a.recorded.update == b.recorded.update)
        .count()
}

/// The share of pairs of an update's responses that both put in the same order: what a policy would
/// learn to prefer.
fn order(replayed: &[Replayed<'_>]) -> String {
    let (mut kept, mut all) = (0_u64, 0_u64);
    for update in replayed.chunk_by(|a, b| a.recorded.update == b.recorded.update) {
        for (place, one) in update.iter().enumerate() {
            for other in &update[place + 1..] {
                let both = [
                    (one.before, other.before),
                    (one.now.value().copied(), other.now.value().copied()),
                ];
                let [Some(before), Some(now)] = both.map(|(a, b)| Some(a?.partial_cmp(&b?))) else {
                    continue;
                };
                all += 1;
                kept += u64::from(before == now);
            }
        }
    }
    match all {
        0 => "no pairs".into(),
        _ => format!("{:.1} % of {all}", 100.0 * kept as f64 / all as f64),
    }
}

fn mean(values: impl Iterator<Item = f32>) -> f64 {
    let values: Vec<f64> = values.map(f64::from).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// A response on one line.
fn shortened(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(WIDTH) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
