//! Times the shipped plugins: a call of each on a batch, in the sandbox and natively, and what it takes to
//! load it. It knows which plugins and what is wanted of them; how one is timed is `attune plugin bench`'s.

use std::process::Command;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use super::{Setting, word};
use crate::step::{capture, step};

/// Which part of the record is ours to write.
const SECTION: &str = "plugins-bench";
/// The batch, as `attune plugin bench` makes it.
const ROWS: &str = "512";
const TOKENS: &str = "24";

/// A plugin, and the folder in `plugins` whose golden cases have its settings and files.
struct Subject {
    name: &'static str,
    cases: &'static str,
    language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    Python,
}

const fn subject(name: &'static str, cases: &'static str, language: Language) -> Subject {
    Subject {
        name,
        cases,
        language,
    }
}

const SUBJECTS: [Subject; 10] = [
    subject("length", "length", Language::Rust),
    subject("repetition", "repetition", Language::Rust),
    subject("valence", "valence", Language::Rust),
    subject("overlap", "overlap", Language::Rust),
    subject("brevity-coverage", "brevity-coverage", Language::Rust),
    subject("descriptive", "descriptive", Language::Rust),
    subject("continuation", "continuation", Language::Rust),
    subject("length-py", "length", Language::Python),
    subject("valence-py", "valence", Language::Python),
    subject("continuation-py", "continuation", Language::Python),
];

/// What is wanted of a shaper, in milliseconds: a call, and a load from the cache.
fn wanted(language: Language) -> (f64, f64) {
    match language {
        Language::Rust => (2.0, 20.0),
        Language::Python => (60.0, 150.0),
    }
}
/// How much longer than natively a shaper's call may take.
const TIMES_NATIVE: f64 = 2.0;

/// What `attune plugin bench --json` says, in seconds and bytes.
#[derive(Deserialize, Clone)]
struct Costs {
    kind: String,
    function: String,
    compile_seconds: f64,
    load_seconds: f64,
    call_seconds: f64,
    row_seconds: f64,
    memory_bytes: f64,
    native_call_seconds: Option<f64>,
}

/// Times every plugin in turn, `rounds` times, and keeps the medians.
pub(super) fn run(setting: &Setting) -> Result<()> {
    let headline = format!("plugins: {} rounds of {}", setting.rounds, SUBJECTS.len());
    let rounds = step(&headline, || {
        let round = |_| SUBJECTS.iter().map(|one| time(setting, one)).collect();
        let rounds: Result<Vec<Vec<Costs>>> = (0..setting.rounds).map(round).collect();
        rounds
    })?;
    let of = |place: usize| rounds.iter().map(move |round| &round[place]);
    let costs: Vec<Costs> = (0..SUBJECTS.len()).map(|n| medians(of(n))).collect();
    let version = capture(Command::new(setting.layout.host_binary()).arg("--version"))?;
    setting.conclude(
        SECTION,
        &format!("--only plugins --rounds {}", setting.rounds),
        version.trim(),
        &render(&costs),
    )
}

fn time(setting: &Setting, subject: &Subject) -> Result<Costs> {
    let cases = setting.layout.root().join("plugins").join(subject.cases);
    let mut command = Command::new(setting.layout.host_binary());
    command
        .current_dir(setting.layout.root())
        .args(["plugin", "bench", subject.name, "--json"])
        .args(["--rows", ROWS, "--tokens", TOKENS])
        .args(["--cases", word(&cases.join("cases.jsonl"))?]);
    if subject.language == Language::Rust {
        command.arg("--native");
    }
    let said = capture(&mut command)?;
    serde_json::from_str(&said)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("cannot read what was timed of `{}`", subject.name))
}

fn medians<'a>(rounds: impl Iterator<Item = &'a Costs> + Clone) -> Costs {
    let median = |of: fn(&Costs) -> f64| {
        let mut values: Vec<f64> = rounds.clone().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let native = |costs: &Costs| costs.native_call_seconds.unwrap_or(f64::NAN);
    let first = rounds.clone().next().expect("a round was made");
    Costs {
        kind: first.kind.clone(),
        function: first.function.clone(),
        compile_seconds: median(|costs| costs.compile_seconds),
        load_seconds: median(|costs| costs.load_seconds),
        call_seconds: median(|costs| costs.call_seconds),
        row_seconds: median(|costs| costs.row_seconds),
        memory_bytes: median(|costs| costs.memory_bytes),
        native_call_seconds: first.native_call_seconds.map(|_| median(native)),
    }
}

fn render(costs: &[Costs]) -> String {
    let mut text = String::from("| | measured | target | met |\n| --- | --: | --: | --- |\n");
    for (subject, costs) in SUBJECTS.iter().zip(costs) {
        if costs.kind == "shaper" {
            judge(&mut text, subject, costs);
        }
    }
    text += &format!(
        "\nOne call on {ROWS} rows of {TOKENS} tokens (a labeler: as many responses, four a query), median of the \
         medians of all rounds; \"load\" is with the compiled code kept from before, settings checked and one \
         instance configured.\n\n\
         | plugin | call | ms | µs a row | natively, ms | ratio | load, ms | compile, s | memory, MiB |\n\
         | --- | --- | --: | --: | --: | --: | --: | --: | --: |\n"
    );
    for (subject, costs) in SUBJECTS.iter().zip(costs) {
        let (native, ratio) = match costs.native_call_seconds {
            Some(native) => (
                format!("{:.3}", native * 1e3),
                format!("{:.2}", costs.call_seconds / native),
            ),
            None => Default::default(),
        };
        text += &format!(
            "| `{}` | `{}` | {:.3} | {:.2} | {native} | {ratio} | {:.1} | {:.2} | {:.1} |\n",
            subject.name,
            costs.function,
            costs.call_seconds * 1e3,
            costs.row_seconds * 1e6,
            costs.load_seconds * 1e3,
            costs.compile_seconds,
            costs.memory_bytes / f64::from(1 << 20),
        );
    }
    text
}

/// Lines about what is wanted of a shaper.
fn judge(text: &mut String, subject: &Subject, costs: &Costs) {
    let (call, load) = wanted(subject.language);
    let mut line = |what: &str, measured: f64, most: f64, unit: &str| {
        let met = if measured <= most { "yes" } else { "no" };
        *text += &format!(
            "| `{}`: {what} | {measured:.2}{unit} | ≤ {most}{unit} | {met} |\n",
            subject.name
        );
    };
    line("a call", costs.call_seconds * 1e3, call, " ms");
    if let Some(native) = costs.native_call_seconds {
        let ratio = costs.call_seconds / native;
        line("a call, over its native build's", ratio, TIMES_NATIVE, "");
    }
    line("load from the cache", costs.load_seconds * 1e3, load, " ms");
}
