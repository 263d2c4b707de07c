//! What is wrong with a plugin, and how to mend it: its contract, size, settings, explanations, golden cases, purity and
//! time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::cases::test;
use super::subject::{Subject, read_cases};
use crate::golden::{self, Case};
use crate::plugin::{CONTRACT, Limits};
use crate::terminal::Word;
use crate::tokenizer::Tokenizer;

/// Components above this are slow to compile, and usually carry something that they need not.
const LARGE_RUST: u64 = 8 << 20;
const LARGE: u64 = 48 << 20;
/// Rows of the batch that is timed.
const TIMED_ROWS: usize = 512;

/// What was looked at, and what was found.
pub(crate) struct Finding {
    /// Whether all is well.
    pub(crate) grade: Grade,
    /// What was looked at, in a word.
    pub(crate) what: &'static str,
    /// What was found.
    pub(crate) text: String,
    /// How to mend it.
    pub(crate) fix: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Grade {
    /// All is well.
    Good,
    /// It works, and could be better.
    Advice,
    /// It must be mended.
    Bad,
}

fn good(what: &'static str, text: impl Into<String>) -> Finding {
    Finding {
        grade: Grade::Good,
        what,
        text: text.into(),
        fix: None,
    }
}

fn bad(what: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        grade: Grade::Bad,
        what,
        text: text.into(),
        fix: Some(fix.into()),
    }
}

fn advice(what: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding {
        grade: Grade::Advice,
        what,
        text: text.into(),
        fix: Some(fix.into()),
    }
}

/// All that is looked at.
pub(crate) fn findings(subject: &Subject, tokenizer: &Arc<Tokenizer>) -> Result<Vec<Finding>> {
    let about = &subject.about;
    // A component that is not of the contract was refused when it was described.
    let mut findings = vec![good(
        "contract",
        format!("{CONTRACT}, a {}, made by {}", about.kind, about.sdk),
    )];
    findings.push(size(subject)?);
    findings.extend(settings(subject));
    findings.extend(descriptions(subject));
    findings.extend(behaviour(subject, tokenizer)?);
    Ok(findings)
}

fn size(subject: &Subject) -> Result<Finding> {
    let len = std::fs::metadata(&subject.file)?.len();
    let text = format!("{} KB", len.div_ceil(1000));
    let most = if subject.about.sdk.contains("rust") {
        LARGE_RUST
    } else {
        LARGE
    };
    Ok(if len <= most {
        good("size", text)
    } else {
        advice(
            "size",
            format!(
                "{text}, more than {} KB: it is slow to compile when it is first loaded",
                most / 1000
            ),
            "leave out dependencies that are not needed, and hand large data over as an asset",
        )
    })
}

/// Settings that a person could not know how to set.
fn settings(subject: &Subject) -> Vec<Finding> {
    let schema = &subject.about.schema;
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut found = Vec::new();
    for (name, property) in properties.into_iter().flatten() {
        let described = ["description", "$ref", "allOf", "anyOf"]
            .iter()
            .any(|key| property.get(key).is_some());
        if !described {
            found.push(advice(
                "settings",
                format!("`{name}` is not explained"),
                "explain it where it is declared; users read that",
            ));
        }
        if property.get("default").is_none() {
            found.push(advice(
                "settings",
                format!("`{name}` has no default"),
                "give it one, so that the plugin works with nothing set",
            ));
        }
    }
    if found.is_empty() {
        let count = properties.map_or(0, serde_json::Map::len);
        found.push(good(
            "settings",
            format!("{count}, each with an explanation and a default"),
        ));
    }
    found
}

fn descriptions(subject: &Subject) -> Vec<Finding> {
    let about = &subject.about;
    let mut found = Vec::new();
    if about.summary.trim().is_empty() {
        found.push(advice(
            "describe",
            "there is no summary",
            "say in a line what the plugin does",
        ));
    }
    for metric in about
        .metrics
        .iter()
        .filter(|metric| metric.help.trim().is_empty())
    {
        found.push(advice(
            "describe",
            format!("metric `{}` is not explained", metric.name),
            "give it a help text",
        ));
    }
    for asset in about
        .assets
        .iter()
        .filter(|asset| asset.help.trim().is_empty())
    {
        found.push(advice(
            "describe",
            format!("asset `{}` is not explained", asset.name),
            "give it a help text",
        ));
    }
    found
}

/// What needs cases: that they pass, that the plugin is pure, and that it is quick enough.
fn behaviour(subject: &Subject, tokenizer: &Arc<Tokenizer>) -> Result<Vec<Finding>> {
    let cases = match read_cases(&subject.cases) {
        Ok(cases) => cases,
        Err(error) => {
            let fix = "write golden cases: purity and time are checked on their rows";
            return Ok(vec![bad("cases", format!("{error:#}"), fix)]);
        }
    };
    let mut found = vec![cases_pass(subject, &cases, tokenizer)?];
    let about_rows: Vec<&Case> = cases
        .iter()
        .filter(|case| case.call.is_about_rows())
        .collect();
    let mut pure = 0;
    let mut slowest = Duration::ZERO;
    for case in &about_rows {
        let (Ok(role), Ok(other)) = (subject.load(case, tokenizer), subject.load(case, tokenizer))
        else {
            continue; // That it cannot be loaded is said among the cases.
        };
        let changed = golden::impurities(case, &role, &other, tokenizer.as_ref());
        match changed.as_deref() {
            Ok([]) => pure += case.rows.len(),
            Ok(changed) => found.extend(changed.iter().map(|impurity| impure(case, impurity))),
            Err(_) => continue,
        }
        let many = case.repeated(TIMED_ROWS);
        let begun = Instant::now();
        if golden::ask(&many, &role, tokenizer.as_ref()).is_ok() {
            slowest = slowest.max(begun.elapsed());
        }
    }
    if !found.iter().any(|finding| finding.what == "purity") {
        found.push(good(
            "purity",
            format!("{pure} rows, the same bits again, reversed, in parts and in another instance"),
        ));
    }
    found.push(time(slowest));
    Ok(found)
}

fn cases_pass(subject: &Subject, cases: &[Case], tokenizer: &Arc<Tokenizer>) -> Result<Finding> {
    let report = test(subject, cases, tokenizer)?;
    let failed = report.iter().filter(|result| !result.passed()).count();
    Ok(if failed == 0 {
        good("cases", format!("{} golden cases pass", report.len()))
    } else {
        bad(
            "cases",
            format!("{failed} of {} golden cases fail", report.len()),
            format!(
                "`attune plugin test {}` shows where",
                Word(subject.folder.as_ref().unwrap_or(&subject.file).display())
            ),
        )
    })
}

fn impure(case: &Case, impurity: &golden::Impurity) -> Finding {
    bad(
        "purity",
        format!(
            "{}, row {} of case `{}` changed from {} to {}",
            impurity.when, impurity.row, case.name, impurity.before, impurity.after
        ),
        "let an answer depend on settings and row alone: keep nothing between rows, and take randomness \
         from the row's `rng()`",
    )
}

fn time(slowest: Duration) -> Finding {
    let deadline = Limits::default().deadline;
    let text = format!(
        "{TIMED_ROWS} rows take up to {:.1} ms (a call may take {} ms)",
        slowest.as_secs_f64() * 1e3,
        deadline.as_millis()
    );
    if slowest * 4 > deadline {
        return advice(
            "time",
            text,
            "do once in `configure` what every row needs; `attune plugin bench` measures",
        );
    }
    good("time", text)
}
