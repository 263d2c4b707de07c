//! Golden cases put to a plugin, in the sandbox, as a library or under this machine's Python, and its answers put in
//! the place of what the cases expect.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use attune_build::python;
use serde_json::Value;

use super::subject::Subject;
use crate::golden::{self, Call, Case, Difference};
use crate::run_dir::replace;
use crate::tokenizer::Tokenizer;

/// What is said of a call that the sandbox stopped.
const STOPPED: [&str; 2] = ["(limit ", "call stack exhausted"];

const NOTHING: &str =
    "it expects nothing; `attune plugin test --update` writes down what it answers";

/// What came of a case.
pub(crate) struct CaseResult<'a> {
    /// The case.
    pub(crate) case: &'a Case,
    /// Where the answer is another than it expects.
    pub(crate) differences: Vec<Difference>,
    /// Why it was not put to the plugin.
    pub(crate) refused: Option<String>,
}

impl<'a> CaseResult<'a> {
    fn of(case: &'a Case, answer: Result<Vec<Value>>) -> Self {
        let (differences, refused) = match answer {
            Ok(_) if case.expect.is_empty() => (Vec::new(), Some(NOTHING.to_owned())),
            Ok(got) => (
                golden::differences(&case.expect, &got, case.tolerance),
                None,
            ),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        CaseResult {
            case,
            differences,
            refused,
        }
    }

    /// Whether the answer is what the case expects.
    pub(crate) fn passed(&self) -> bool {
        self.differences.is_empty() && self.refused.is_none()
    }
}

/// Puts every case to the plugin.
pub(crate) fn test<'a>(
    subject: &Subject,
    cases: &'a [Case],
    tokenizer: &Arc<Tokenizer>,
) -> Result<Vec<CaseResult<'a>>> {
    let one = |case| CaseResult::of(case, subject.answer(case, tokenizer));
    Ok(cases.iter().map(one).collect())
}

/// What the plugin answers under this machine's Python.
pub(crate) fn in_python<'a>(
    subject: &Subject,
    folder: &Path,
    cases: &'a [Case],
) -> Result<Vec<CaseResult<'a>>> {
    let assets = subject.cases.parent().unwrap_or(Path::new("."));
    let answers = python::answers(folder, &golden::to_lines(cases), assets)?;
    let result = |(case, got)| CaseResult::of(case, Ok(got));
    Ok(cases.iter().zip(answers).map(result).collect())
}

/// The names of the cases that only a sandbox stops, and the other cases.
pub(crate) fn unlimited(cases: &[Case]) -> (Vec<&str>, Vec<Case>) {
    let stopped = |row: &Value| {
        let text = row.to_string();
        STOPPED.iter().any(|part| text.contains(part))
    };
    let (stopped, cases): (Vec<&Case>, Vec<&Case>) = cases
        .iter()
        .partition(|case| case.expect.iter().any(stopped));
    let names = stopped.into_iter().map(|case| case.name.as_str());
    (names.collect(), cases.into_iter().cloned().collect())
}

/// Whether a library is older than the component beside it.
pub(crate) fn is_older(library: &Path, component: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    time(library) < time(component)
}

/// Writes the plugin's answers into the file of the cases, where they are others than it expects, and says of how many;
/// `changing` hears the name of each as it is found.
pub(crate) fn update(
    subject: &Subject,
    cases: &[Case],
    tokenizer: &Arc<Tokenizer>,
    mut changing: impl FnMut(&str),
) -> Result<usize> {
    let mut changed = BTreeMap::new();
    for case in cases {
        let answers = subject
            .answer(case, tokenizer)
            .with_context(|| format!("case `{}`", case.name))?;
        let stays = !case.expect.is_empty()
            && golden::differences(&case.expect, &answers, case.tolerance).is_empty();
        if !stays {
            expected_to_fail(case, &answers)?;
            let answers = answers.into_iter().map(first_line).collect();
            changing(&case.name);
            changed.insert(case.name.clone(), answers);
        }
    }
    let path = &subject.cases;
    if !changed.is_empty() {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read `{}`", path.display()))?;
        let text = golden::with_answers(&text, &changed)?;
        replace(path, text.as_bytes())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(changed.len())
}

/// Refuses errors that nobody has written down: they are a plugin's bugs far more often than its answers.
fn expected_to_fail(case: &Case, answers: &[Value]) -> Result<()> {
    if case.call == Call::Configure {
        return Ok(());
    }
    let nothing = Value::Null;
    let expected = |row: usize| case.expect.get(row).unwrap_or(&nothing);
    let mut answers = answers.iter().enumerate();
    let failed = answers.find_map(|(row, got)| {
        let error = golden::unexpected(expected(row), got)?;
        Some((row, error.get("error")?.as_str()?.to_owned()))
    });
    let Some((row, error)) = failed else {
        return Ok(());
    };
    bail!(
        "case `{}`: row {row} answers with an error: {error}\nhint: mend the plugin; nothing was written. Where the \
         row is to fail, let it expect {{\"error\": \"part of the message\"}}",
        case.name
    )
}

/// An error's first line: where in the plugin's source it came from is no part of the answer.
fn first_line(mut answer: Value) -> Value {
    for key in ["error", "invalid"] {
        if let Some(Value::String(text)) = answer.get_mut(key) {
            let end = text.find('\n').unwrap_or(text.len());
            text.truncate(end);
        }
    }
    answer
}
