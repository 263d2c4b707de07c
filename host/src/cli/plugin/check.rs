//! `attune plugin check`: what is wrong with a plugin, and how to mend it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::search;
use crate::kit::findings::{Finding, Grade, findings};
use crate::kit::subject::{Subject, tokenizer};

#[derive(Args)]
pub(in crate::cli) struct CheckArgs {
    /// A project's folder, a `.wasm` file, or a plugin's name
    #[arg(default_value = ".")]
    plugin: String,
    /// The golden cases; `cases.jsonl` in the project's folder or beside the file when left out
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// A model folder whose tokenizer makes tokens of texts; bytes are tokens when left out
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Where the compiler keeps its work
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let search = search(args.cases.as_deref(), args.target_dir.as_deref());
    let subject = Subject::find(&args.plugin, search)?;
    let tokenizer = tokenizer(args.model.as_deref())?;
    let about = &subject.about;
    println!(
        "{} {}, a {}: {}",
        about.name,
        about.version,
        about.kind,
        subject.file.display()
    );
    conclude(&findings(&subject, &tokenizer)?)
}

fn conclude(findings: &[Finding]) -> Result<()> {
    for finding in findings {
        let word = match finding.grade {
            Grade::Good => "ok    ",
            Grade::Advice => "advice",
            Grade::Bad => "FAIL  ",
        };
        println!(
            "{word} {:<9} {}",
            finding.what,
            finding.text.replace('\n', "\n                 ")
        );
        if let Some(fix) = &finding.fix {
            println!("                 to mend it: {fix}");
        }
    }
    let failed = findings
        .iter()
        .filter(|finding| finding.grade == Grade::Bad)
        .count();
    if failed > 0 {
        bail!(
            "{failed} of {} checks failed\nhint: each says above how to mend it",
            findings.len()
        );
    }
    Ok(())
}
