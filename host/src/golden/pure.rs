//! Whether a role is pure: the same rows must give the same bits, asked again, in another order,
//! in parts, and of another instance.
//! Does not know what is asked.

use serde_json::Value;

use super::{Case, Role, Tokens, Unanswered, ask};

/// A way in which an answer changed that may not.
#[derive(Debug, Clone, PartialEq)]
pub struct Impurity {
    /// What was done, such as `asked again`.
    pub when: &'static str,
    /// The row, from 0, whose answer changed.
    pub row: usize,
    /// What it was.
    pub before: Value,
    /// What it became.
    pub after: Value,
}

/// The first change of each kind. `other` is another instance, configured alike.
pub fn impurities(
    case: &Case,
    role: &Role,
    other: &Role,
    tokens: &dyn Tokens,
) -> Result<Vec<Impurity>, Unanswered> {
    let case = numbered(case);
    let first = ask(&case, role, tokens)?;
    let mut found = Vec::new();
    let mut look = |when, rows: &[usize], role: &Role| -> Result<(), Unanswered> {
        let again = ask(&part(&case, rows), role, tokens)?;
        let changed = rows
            .iter()
            .zip(again)
            .find(|(row, after)| !same(&first[**row], after));
        found.extend(changed.map(|(row, after)| Impurity {
            when,
            row: *row,
            before: first[*row].clone(),
            after,
        }));
        Ok(())
    };
    let all: Vec<usize> = (0..case.rows.len()).collect();
    let reversed: Vec<usize> = all.iter().rev().copied().collect();
    look("asked again", &all, role)?;
    look("asked in another order", &reversed, role)?;
    let (head, tail) = all.split_at(all.len() / 2);
    for half in [head, tail].into_iter().filter(|half| !half.is_empty()) {
        look("asked in halves", half, role)?;
    }
    for row in &all {
        look("asked one by one", &[*row], role)?;
    }
    look("asked of another instance", &all, other)?;
    found.dedup_by_key(|impurity| impurity.when);
    Ok(found)
}

/// Whether it is the same answer. An error is: where it came from and when may be said otherwise.
fn same(before: &Value, after: &Value) -> bool {
    let failed = |answer: &Value| answer.get("error").is_some();
    // As text, in which 0 and -0 are two.
    let text = Value::to_string;
    text(before) == text(after) || (failed(before) && failed(after))
}

/// The case with ids that stay with their rows, whatever their place.
fn numbered(case: &Case) -> Case {
    let mut case = case.clone();
    for (place, row) in case.rows.iter_mut().enumerate() {
        // A task's data rows are the task's own; theirs are numbered by `ask`.
        if let (Value::Object(row), true) = (row, case.call.has_ids()) {
            row.entry("id").or_insert_with(|| place.into());
        }
    }
    case
}

fn part(case: &Case, rows: &[usize]) -> Case {
    Case {
        rows: rows.iter().map(|row| case.rows[*row].clone()).collect(),
        numbers: rows.iter().map(|row| *row as u64).collect(),
        ..case.clone()
    }
}
