//! New answers into a file of cases, which stays as its author wrote it in everything else.
//! Does not know who answered.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a line says of the case, as it is written there.
#[derive(Deserialize)]
struct Line<'a> {
    name: String,
    #[serde(borrow, default)]
    expect: Option<&'a RawValue>,
}

/// The text of a file of cases in which those that `answers` names expect these answers.
pub fn with_answers(text: &str, answers: &BTreeMap<String, Vec<Value>>) -> Result<String> {
    const MARK: char = '\u{feff}';
    let mut written = String::with_capacity(text.len());
    let text = match text.strip_prefix(MARK) {
        Some(rest) => {
            written.push(MARK);
            rest
        }
        None => text,
    };
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            written.push_str(line);
            continue;
        }
        let case: Line = serde_json::from_str(line).context("a line is no case")?;
        match answers.get(&case.name) {
            Some(answer) => written.push_str(&expecting(line, case.expect, answer)?),
            None => written.push_str(line),
        }
    }
    Ok(written)
}

/// The line with another `expect`, which is its last key where it had none.
fn expecting(line: &str, expect: Option<&RawValue>, answers: &[Value]) -> Result<String> {
    let answers = serde_json::to_string(answers)?;
    if let Some(expect) = expect {
        let begin = expect.get().as_ptr() as usize - line.as_ptr() as usize;
        let end = begin + expect.get().len();
        return Ok(format!("{}{answers}{}", &line[..begin], &line[end..]));
    }
    let end = line.rfind('}').context("a line is no object")?;
    let (head, tail) = line.split_at(end);
    Ok(format!("{}, \"expect\": {answers}{tail}", head.trim_end()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_else_stays_as_it_was() {
        let text = "\u{feff}{\"name\":\"a\", \"rows\": [12345678901234567890123] , \"expect\" : [ 1.50 ],\"call\":\"shape\"}\r\n\n\
                    {\"call\": \"judge\", \"name\": \"b\", \"rows\": [\"}\"] }";
        let new = BTreeMap::from([("a".to_owned(), vec![json!({"x": 2})])]);
        let expected = text.replace("[ 1.50 ]", "[{\"x\":2}]");
        assert_eq!(with_answers(text, &new).unwrap(), expected);
        let new = BTreeMap::from([("b".to_owned(), vec![json!(null)])]);
        let expected = text.replace("[\"}\"] }", "[\"}\"], \"expect\": [null]}");
        assert_eq!(with_answers(text, &new).unwrap(), expected);
        assert_eq!(with_answers(text, &BTreeMap::new()).unwrap(), text);
    }
}
