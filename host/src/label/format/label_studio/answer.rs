//! What the results of an annotation say, and of which responses: each names in `to_name` what it is about.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::super::guess::listed;
use super::super::stream::{shown, wrong};
use super::super::talk::is_nothing;
use super::super::{Imported, count, fields};
use super::Task;
use super::about::{pair, rated};
use crate::label::Answer;
use crate::terminal::Line;

const NONE: &Value = &Value::Null;
/// What the program writes of a result.
const OF_RESULTS: [&str; 11] = [
    "id",
    "from_name",
    "to_name",
    "type",
    "value",
    "origin",
    "readonly",
    "hidden",
    "original_width",
    "original_height",
    "image_rotation",
];

/// Where the part of a text, a sound or an image is that a result is about.
const OF_PARTS: [&str; 8] = [
    "start",
    "end",
    "startOffset",
    "endOffset",
    "x",
    "y",
    "points",
    "rle",
];

/// An answer, and the places of the responses that it is about, in the order in which the judge saw them.
pub(super) type Said = (Answer, Vec<usize>);

/// The ids that rankings name.
pub(super) fn ranked(results: &[&Value]) -> Vec<String> {
    fn ids(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Array(list) => into.extend(list.iter().filter_map(super::id_text)),
            Value::Object(buckets) => buckets.values().for_each(|bucket| ids(bucket, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for value in results
        .iter()
        .filter_map(|result| result.pointer("/value/ranker"))
    {
        ids(value, &mut found);
    }
    found
}

/// All answers of an annotation, each about other responses.
pub(super) fn answers(
    annotation: &Map<String, Value>,
    task: &Task<'_>,
    into: &mut Imported,
) -> Result<Vec<Said>> {
    let all: Vec<usize> = (0..task.names.len()).collect();
    if annotation.get("was_cancelled") == Some(&Value::Bool(true)) {
        return Ok(vec![(Answer::Skip, all)]);
    }
    let results = annotation.get("result").and_then(Value::as_array);
    let results = results.context(
        "has no list `result`\nhint: an annotation without an answer has \"result\": []",
    )?;
    if results.is_empty() {
        // Handed in without an answer: the judge looked and would not say.
        return Ok(vec![(Answer::Abstain, all)]);
    }
    let mut found: Vec<Said> = Vec::new();
    for result in results {
        let Some((answer, about)) = one(result, task, results, into)? else {
            let kind = result.get("type").unwrap_or(NONE);
            let of_part = match is_of_part(result) {
                true => ", about a part of a response",
                false => "",
            };
            count(
                &mut into.left,
                format!("results of the type {}{of_part}", shown(kind)),
            );
            continue;
        };
        let same = |other: &Said| {
            let mut both = [about.clone(), other.1.clone()];
            both.iter_mut().for_each(|places| places.sort_unstable());
            both[0] == both[1]
        };
        let several = found.iter().filter(|other| same(other)).count() + 1;
        if several > 1 {
            let names: Vec<&str> = about
                .iter()
                .map(|place| task.names[*place].as_str())
                .collect();
            bail!(
                "`result` has {several} answers about {}, must have one\nhint: leave the result of one tag, and import \
                 the others from a file of their own",
                listed(&names)
            );
        }
        found.push((answer, about));
    }
    if found.is_empty() {
        bail!(
            "`result` is none of `pairwise`, `ranker`, `rating` and `number` of a response, nor `choices` of one that names \
             it\nhint: responses are judged by these tags; leave tasks with others alone out"
        );
    }
    Ok(found)
}

/// Whether a result is about a part of a response, of which nothing follows for the response.
fn is_of_part(result: &Value) -> bool {
    let value = result.get("value");
    let has = |name: &&str| {
        value
            .and_then(|value| value.get(*name))
            .is_some_and(|part| !part.is_null())
    };
    OF_PARTS.iter().any(has)
}

/// What one of an annotation's results says; none where it is nothing that a label holds.
fn one(
    result: &Value,
    task: &Task<'_>,
    results: &[Value],
    into: &mut Imported,
) -> Result<Option<Said>> {
    let all: Vec<usize> = (0..task.names.len()).collect();
    let kind = result.get("type").and_then(Value::as_str);
    let value = result.get("value").and_then(Value::as_object);
    let part = |name: &str| value.and_then(|value| value.get(name)).unwrap_or(NONE);
    if is_of_part(result) {
        return Ok(None);
    }
    let (read, said) = match kind {
        Some("pairwise") => {
            let about = pair(result, task, into)?;
            ("selected", (pairwise(part("selected"))?, about))
        }
        Some("ranker") => ("ranker", (ranker(part("ranker"), &task.names())?, all)),
        Some(name @ ("rating" | "number")) => {
            let Some(place) = rated(result, name, task, results)? else {
                return Ok(None);
            };
            let value = part(name);
            let number = value
                .as_f64()
                .with_context(|| wrong(name, value, "a number", "4 or 4.5, without quotes"))?;
            (name, (Answer::Rating(number), vec![place]))
        }
        Some("choices") => match chosen(part("choices"), &task.names()) {
            Some(place) if all.len() > 1 => ("choices", (Answer::Best(place), all)),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let name = result.get("from_name").and_then(Value::as_str);
    if let (Some(name), false) = (name, matches!(said.0, Answer::Rating(_)))
        && let Some(word) = fields::opposite(name)
    {
        bail!("`from_name`: {}", fields::not_the_best(name, word));
    }
    if let (Some(name), Some("choices" | "pairwise" | "ranker")) = (name, kind)
        && !fields::asks_for_best(name)
    {
        count(&mut into.noted, fields::taken_for_best(name));
    }
    let of_value = value.into_iter().flatten();
    let of_value = of_value.filter(|(name, _)| *name != read);
    let of_result = result.as_object().into_iter().flatten();
    let of_result = of_result.filter(|(name, _)| !OF_RESULTS.contains(&name.as_str()));
    for (name, _) in of_value
        .chain(of_result)
        .filter(|(_, value)| !is_nothing(value))
    {
        count(&mut into.left, format!("`{name}` of results"));
    }
    Ok(Some(said))
}

fn pairwise(selected: &Value) -> Result<Answer> {
    Ok(match selected.as_str() {
        Some("left") => Answer::Best(0),
        Some("right") => Answer::Best(1),
        Some("none") => Answer::Abstain,
        _ => bail!(wrong(
            "selected",
            selected,
            "left, right or none",
            "left is the response that `to_name` names first"
        )),
    })
}

/// The response that is the one choice, where the choices are the responses' names.
fn chosen(choices: &Value, names: &[&str]) -> Option<usize> {
    let [choice] = choices.as_array()?.as_slice() else {
        return None;
    };
    // A number alone may be a grade.
    let name = choice
        .as_str()
        .filter(|name| name.parse::<u32>().is_err())?;
    fields::place(name, names)
}

/// One list of all is an order. Several are buckets: `best` before all others, or numbered from the
/// best to the worst.
fn ranker(value: &Value, names: &[&str]) -> Result<Answer> {
    let places = |ids: &Value| -> Result<Vec<usize>> {
        let ids = ids.as_array().with_context(|| {
            let hint = "{\"rank\": [\"b\", \"a\"]}, with the ids of all responses from the best on";
            wrong("ranker", ids, "a list of ids", hint)
        })?;
        let place = |id: &Value| {
            let place = super::id_text(id).and_then(|id| names.iter().position(|name| *name == id));
            let known = || format!("one of {}", listed(names));
            let hint = "a ranking names responses as `data` does";
            place.with_context(|| wrong("ranker", id, &known(), hint))
        };
        ids.iter().map(place).collect()
    };
    let order = |places: Vec<usize>| {
        let groups = places.into_iter().map(|place| vec![place]).collect();
        Answer::ranked(groups, names.len())
    };
    let buckets = match value {
        Value::Object(buckets) => buckets,
        list => return Ok(order(places(list)?)),
    };
    if let (1, Some(list)) = (buckets.len(), buckets.values().next()) {
        let list = places(list)?;
        if list.len() == names.len() || !buckets.contains_key("best") {
            return Ok(order(list));
        }
    }
    if let Some(best) = buckets.get("best") {
        let best = places(best)?;
        // The rest is not ranked, but must be of this comparison.
        for (name, ids) in buckets.iter().filter(|(name, _)| *name != "best") {
            if let Some(twice) = places(ids)?.into_iter().find(|place| best.contains(place)) {
                bail!(
                    "`ranker` has `{}` both in `best` and in `{}`\nhint: each response stands in one bucket",
                    Line(names[twice]),
                    Line(name)
                );
            }
        }
        return Ok(match best.as_slice() {
            [] => Answer::Abstain,
            [place] => Answer::Best(*place),
            several => Answer::Tie(several.to_vec()),
        });
    }
    let mut groups = Vec::new();
    for (name, ids) in buckets {
        let ids = places(ids)?;
        match name.parse::<u32>() {
            Ok(rank) => groups.push((rank, ids)),
            Err(_) if ids.is_empty() => {}
            Err(_) => bail!(
                "`ranker` has a bucket `{}`\n\
                 hint: buckets must be called `best` and anything else, or 1, 2 and so on",
                Line(name)
            ),
        }
    }
    groups.sort_by_key(|(rank, _)| *rank);
    let groups = groups.into_iter().map(|(_, ids)| ids);
    let groups = groups.filter(|ids| !ids.is_empty()).collect();
    Ok(Answer::ranked(groups, names.len()))
}
