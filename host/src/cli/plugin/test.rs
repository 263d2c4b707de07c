//! `attune plugin test`: golden cases, and where the answers differ from them, in the sandbox and
//! natively.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use attune_build::{Language, Project};
use clap::Args;
use serde_json::Value;

use super::search;
use crate::cli::sandboxed_only;
use crate::golden::Case;
use crate::kit::cases::{CaseResult, in_python, is_older, test, unlimited, update};
use crate::kit::subject::{Subject, read_cases, tokenizer};
use crate::tokenizer::Tokenizer;

/// Differences of a case that are shown.
const SHOWN: usize = 10;
/// Characters of a value that are shown.
const WIDTH: usize = 200;

#[derive(Args)]
pub(in crate::cli) struct TestArgs {
    /// A project's folder, a `.wasm` file, or a plugin's name
    #[arg(default_value = ".")]
    plugin: String,
    /// The golden cases; `cases.jsonl` in the project's folder, or beside the file, when left out
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Write what the plugin answers into the cases, in place of what they expect
    #[arg(long)]
    update: bool,
    /// A model folder whose tokenizer makes tokens of texts; bytes are tokens when left out
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Where the compiler keeps its work
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Where to put the cases; a project is tested in both when left out, a file in WebAssembly
    #[arg(long = "in", value_name = "WHERE")]
    place: Option<Place>,
}

/// Where a plugin is run.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Place {
    /// In the sandbox
    Wasm,
    /// As a shared library, or under your Python: in no sandbox
    Native,
    /// In both
    Both,
}

pub(super) fn run(args: &TestArgs) -> Result<()> {
    let search = search(args.cases.as_deref(), args.target_dir.as_deref());
    let subject = Subject::find(&args.plugin, search)?;
    let cases = read_cases(&subject.cases)?;
    let tokenizer = tokenizer(args.model.as_deref())?;
    println!(
        "{} {}, a {}",
        subject.about.name, subject.about.version, subject.about.kind
    );
    if args.update {
        return write(&subject, &cases, &tokenizer);
    }
    let place = args.place.unwrap_or(match subject.folder {
        Some(_) => Place::Both,
        None => Place::Wasm,
    });
    if place != Place::Native {
        let report = test(&subject, &cases, &tokenizer)?;
        conclude(&report, "in WebAssembly", args, "")?;
    }
    if place == Place::Wasm {
        return Ok(());
    }
    natively(args, &subject, &cases, &tokenizer)
}

/// Puts the cases to the plugin outside the sandbox, where its language can.
fn natively(
    args: &TestArgs,
    subject: &Subject,
    cases: &[Case],
    tokenizer: &Arc<Tokenizer>,
) -> Result<()> {
    match subject.project()? {
        Some(Project {
            language: Language::Python,
            folder,
        }) => {
            // The stand-in there makes tokens of bytes.
            if args.model.is_some() || sandboxed_only() {
                return match args.place {
                    Some(_) => Err(anyhow!(ELSEWHERE)),
                    None => Ok(()),
                };
            }
            let cases = without_stopped(cases);
            return conclude(&in_python(subject, &folder, &cases)?, "natively", args, "");
        }
        Some(project) if project.language == Language::JavaScript => {
            if args.place.is_some() {
                bail!("{}\nhint: leave out --in", NOWHERE);
            }
            println!("not tested natively: {NOWHERE}");
            return Ok(());
        }
        _ => {}
    }
    let cases = without_stopped(cases);
    match subject.native(args.target_dir.as_deref())? {
        Some(native) => {
            let report = test(&native, &cases, tokenizer)?;
            conclude(
                &report,
                "natively",
                args,
                older(&native.file, &subject.file),
            )
        }
        None if args.place.is_none() => Ok(()),
        None => Err(subject.not_native("--in")),
    }
}

const ELSEWHERE: &str = "a plugin in Python is tested natively with bytes for tokens, and not where only the sandbox \
     may run it\nhint: leave out --in, or --model and --sandboxed-only";

const NOWHERE: &str = "a plugin in JavaScript runs in WebAssembly alone";

/// The cases without those that only a sandbox stops.
fn without_stopped(cases: &[Case]) -> Vec<Case> {
    let (stopped, cases) = unlimited(cases);
    for name in stopped {
        println!("     {name}: left out, since it needs the sandbox's limits");
    }
    cases
}

/// What is said of a library that is older than the component beside it.
fn older(library: &Path, component: &Path) -> &'static str {
    match is_older(library, component) {
        true => {
            "build it again by `attune plugin build --native`, since it is older than the component; "
        }
        false => "",
    }
}

/// Prints what came of the cases; an error, with a `first` hint, if one failed.
fn conclude(report: &[CaseResult<'_>], place: &str, args: &TestArgs, first: &str) -> Result<()> {
    for result in report {
        print(result);
    }
    let failed = report.iter().filter(|result| !result.passed()).count();
    println!("{} passed, {failed} failed, {place}", report.len() - failed);
    if failed == 0 {
        return Ok(());
    }
    let wrong = |result: &CaseResult<'_>| !result.differences.is_empty();
    let hint = if report.iter().any(wrong) {
        let cases = args.cases.as_deref();
        let cases = cases.map_or(String::new(), |file| format!(" --cases {}", file.display()));
        format!(
            "{first}mend the plugin; or, where its answers are right, write them down by `attune plugin \
             test {}{cases} --update`",
            args.plugin
        )
    } else {
        "mend the cases: what is wrong with each is said above".into()
    };
    bail!(
        "{failed} of {} golden cases failed {place}\nhint: {hint}",
        report.len()
    )
}

fn print(result: &CaseResult<'_>) {
    let word = if result.passed() { "ok  " } else { "FAIL" };
    println!("{word} {}", result.case.name);
    if let Some(text) = &result.refused {
        println!("     {}", text.replace('\n', "\n     "));
    }
    for difference in result.differences.iter().take(SHOWN) {
        let place = if difference.place.is_empty() {
            "answer"
        } else {
            &difference.place
        };
        println!("     row {}, {place}", difference.row);
        println!("       - expected {}", shown(Some(&difference.expected)));
        let instead = match difference.instead.as_slice() {
            [] => String::new(),
            names => format!(", but `{}`", names.join("`, `")),
        };
        let got = match &difference.got {
            // Its end is where the author's line is.
            Some(reason) if difference.is_reason() => reason.to_string(),
            got => shown(got.as_ref()),
        };
        println!("       + got      {got}{instead}");
    }
    let more = result.differences.len().saturating_sub(SHOWN);
    if more > 0 {
        println!("     and {more} more");
    }
}

/// A value on a line.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".into();
    };
    let text = value.to_string();
    match text.char_indices().nth(WIDTH) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Writes the plugin's answers into the file of the cases, where they are others than it expects.
fn write(subject: &Subject, cases: &[Case], tokenizer: &Arc<Tokenizer>) -> Result<()> {
    let changed = update(subject, cases, tokenizer, |name| println!("now  {name}"))?;
    println!(
        "{changed} of {} cases changed: `{}`",
        cases.len(),
        subject.cases.display()
    );
    Ok(())
}
