//! Label Studio's JSON export: tasks with `data` and `annotations`, whose results are of a `Pairwise`,
//! a `Ranker`, a `Rating` or a `Number`. Which part of `data` is what, the project's configuration says
//! and the export does not; so it goes by their names.

use std::fs::File;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::guess::listed;
use super::stream::{for_rows, shown, wrong};
use super::{Imported, Tally, Written, count, fields, rows, time};
use crate::label::{Answer, Comparison, Label, Labeler, Source};
use crate::terminal::Line;

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    for_rows(file, "label-studio", |task: &Map<String, Value>| {
        for label in labels(task, &mut into.left)? {
            into.push(label)?;
        }
        Ok(())
    })
}

fn labels(task: &Map<String, Value>, left: &mut Tally) -> Result<Vec<Label>> {
    for what in ["predictions", "drafts"] {
        if let Some(Value::Array(others)) = task.get(what)
            && !others.is_empty()
        {
            count(left, format!("`{what}`"));
        }
    }
    let data = task.get("data").and_then(Value::as_object);
    let data = data.context("has no `data`\nhint: export as JSON, not as JSON-MIN")?;
    let annotations = task.get("annotations").and_then(Value::as_array);
    let annotations = annotations.context(
        "has no list `annotations`\nhint: export as JSON, with annotations; these may be tasks for an import",
    )?;
    if annotations.is_empty() {
        count(left, "tasks that nobody has judged");
        return Ok(Vec::new());
    }
    let (names, comparison) = comparison(data)?;
    let numbered = annotations.iter().enumerate();
    let read = numbered.map(|(at, annotation)| {
        let about = || format!("`annotations[{at}]`");
        let created = annotation.get("created_at").unwrap_or(&Value::Null);
        let label = Label {
            comparison: comparison.clone(),
            answer: answer(annotation, &names, left).with_context(about)?,
            labeler: labeler(annotation).with_context(about)?,
            time: match created.as_str() {
                None => None,
                Some(text) => Some(
                    time::parse(text)
                        .with_context(|| wrong("created_at", created, "a time", time::HINT))
                        .with_context(about)?,
                ),
            },
        };
        label.check().with_context(about)?;
        Ok(label)
    });
    read.collect()
}

/// What is compared, and how the results call each response.
fn comparison(data: &Map<String, Value>) -> Result<(Vec<String>, Comparison)> {
    let query = fields::query(data).context("`data`")?;
    let listed = data.iter().find_map(|(name, value)| {
        let items = value.as_array()?;
        let items = items
            .iter()
            .map(Value::as_object)
            .collect::<Option<Vec<_>>>()?;
        (!items.is_empty()).then_some((name, items))
    });
    let mut names = Vec::new();
    let mut responses = Vec::new();
    if let Some((list, items)) = listed {
        for (at, item) in items.into_iter().enumerate() {
            let about = |part: &str| format!("data.{list}[{at}].{part}");
            let id = item.get("id").unwrap_or(&Value::Null);
            let hint = "results name responses by the `id` of each";
            let name = id_text(id).with_context(|| wrong(&about("id"), id, "a name", hint))?;
            if names.contains(&name) {
                bail!(wrong(&about("id"), id, "another than those before", hint));
            }
            names.push(name);
            let body = item.get("body").or(item.get("text")).with_context(|| {
                format!(
                    "`{}` has no text\nhint: it stands in `body` or in `text`",
                    Line(format!("data.{list}[{at}]"))
                )
            })?;
            responses.push(fields::text(body, &about("body"))?);
        }
    } else {
        for name in fields::responses(data).context("`data`")? {
            responses.push(fields::text(&data[name], name)?);
            names.push(name.to_owned());
        }
    }
    let comparison = Comparison {
        query,
        responses,
        source: fields::source(data),
    };
    Ok((names, comparison))
}

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn labeler(annotation: &Value) -> Result<Labeler> {
    let by = annotation.get("completed_by").unwrap_or(&Value::Null);
    let who = match by {
        Value::Null => return Ok(Labeler::Unknown),
        Value::Object(person) => person.get("email").or(person.get("id")).and_then(id_text),
        other => id_text(other),
    };
    let who = who.with_context(|| {
        let wanted = "a number or a person with `email`";
        wrong(
            "completed_by",
            by,
            wanted,
            "leave it out where nobody knows",
        )
    })?;
    Ok(Labeler::Person(who))
}

fn answer(annotation: &Value, names: &[String], left: &mut Tally) -> Result<Answer> {
    if annotation.get("was_cancelled") == Some(&Value::Bool(true)) {
        return Ok(Answer::Skip);
    }
    let results = annotation.get("result").and_then(Value::as_array);
    let results = results.context(
        "has no list `result`\nhint: an annotation without an answer has \"result\": []",
    )?;
    let mut answers = Vec::new();
    for result in results {
        let none = Value::Null;
        let kind = result.get("type").unwrap_or(&none);
        let part = |name: &str| result.get("value").and_then(|value| value.get(name));
        match kind.as_str() {
            Some("pairwise") => answers.push(pairwise(part("selected").unwrap_or(&none), names)?),
            Some("ranker") => answers.push(ranker(part("ranker").unwrap_or(&none), names)?),
            Some(name @ ("rating" | "number")) => {
                let value = part(name).unwrap_or(&none);
                let number = value
                    .as_f64()
                    .with_context(|| wrong(name, value, "a number", "4 or 4.5, without quotes"))?;
                answers.push(Answer::Rating(number));
            }
            _ => count(left, format!("results of the type {}", shown(kind))),
        }
    }
    match answers.len() {
        // Handed in without an answer: the judge looked and would not say.
        0 if results.is_empty() => Ok(Answer::Abstain),
        0 => bail!(
            "`result` is none of `pairwise`, `ranker`, `rating` and `number`\nhint: responses are judged by these \
             tags; leave tasks with others alone out"
        ),
        1 => Ok(answers.remove(0)),
        several => bail!(
            "`result` has {several} answers, must have one\nhint: leave the result of one tag, and import the \
             others from a file of their own"
        ),
    }
}

fn pairwise(selected: &Value, names: &[String]) -> Result<Answer> {
    if names.len() != 2 {
        bail!(
            "`pairwise` is about two responses, but there are {}\nhint: several are judged by the tag `Ranker`, \
             one by `Rating`",
            names.len()
        );
    }
    Ok(match selected.as_str() {
        Some("left") => Answer::Best(0),
        Some("right") => Answer::Best(1),
        Some("none") => Answer::Abstain,
        _ => bail!(wrong(
            "selected",
            selected,
            "left, right or none",
            "left is the response with the lower number"
        )),
    })
}

/// One list of all is an order. Several are buckets: `best` before all others, or numbered from the
/// best to the worst.
fn ranker(value: &Value, names: &[String]) -> Result<Answer> {
    let places = |ids: &Value| -> Result<Vec<usize>> {
        let ids = ids.as_array().with_context(|| {
            let hint = "{\"rank\": [\"b\", \"a\"]}, with the ids of all responses from the best on";
            wrong("ranker", ids, "a list of ids", hint)
        })?;
        let place = |id: &Value| {
            let place = id_text(id).and_then(|id| names.iter().position(|name| *name == id));
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let known = || format!("one of {}", listed(&known));
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
                    Line(&names[twice]),
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

pub(super) fn write(labels_in: &[Label]) -> Result<Written> {
    let (mut tasks, mut written) = rows(labels_in, task, |task| {
        let task = task.as_object().context("is no JSON object")?;
        let mut back = labels(task, &mut Tally::new())?;
        back.pop().context("has no annotations")
    })?;
    for (number, task) in tasks.iter_mut().enumerate() {
        task["id"] = (number + 1).into();
    }
    written.bytes = serde_json::to_vec(&tasks)?;
    Ok(written)
}

fn task(label: &Label) -> Result<Value, &'static str> {
    let Comparison {
        query,
        responses,
        source,
    } = &label.comparison;
    if !label.comparison.has_texts() {
        return Err("there are no texts");
    }
    let mut data = Map::new();
    data.insert("prompt".to_owned(), query.text.clone().into());
    // The tags for two texts and for one name each of them, those for several a list.
    let named = match label.answer {
        Answer::Best(_) | Answer::Abstain | Answer::Skip => responses.len() <= 2,
        Answer::Rating(_) => true,
        Answer::Tie(_) | Answer::Ranking(_) | Answer::Difference(_) => false,
    };
    if named {
        for (number, response) in (1..).zip(responses) {
            data.insert(format!("response{number}"), response.text.clone().into());
        }
    } else {
        let items = responses.iter().enumerate();
        let items = items.map(|(place, r)| json!({"id": place.to_string(), "body": r.text}));
        data.insert("items".to_owned(), items.collect());
    }
    if let Some(Source { checkpoint, config }) = source {
        data.insert("checkpoint".to_owned(), checkpoint.clone().into());
        data.insert("config".to_owned(), config.clone().into());
    }
    let result = result(&label.answer, responses.len())?;
    let mut annotation = json!({
        "result": result.map_or(json!([]), |result| json!([result])),
        "was_cancelled": label.answer == Answer::Skip,
    });
    if let Labeler::Person(name) = &label.labeler {
        annotation["completed_by"] = match name.parse::<u32>() {
            Ok(id) if id.to_string() == *name => id.into(),
            _ => json!({"email": name}),
        };
    }
    if let Some(created) = label.time.and_then(time::text) {
        annotation["created_at"] = created.into();
    }
    Ok(json!({"id": 0, "data": data, "annotations": [annotation]}))
}

fn result(answer: &Answer, count: usize) -> Result<Option<Value>, &'static str> {
    let of = |from: &str, to: &str, kind: &str, value: Value| {
        Some(json!({"from_name": from, "to_name": to, "type": kind, "value": value}))
    };
    let ranker = |groups: Value| of("ranker", "items", "ranker", json!({"ranker": groups}));
    let ids = |places: &[usize]| places.iter().map(usize::to_string).collect::<Vec<_>>();
    let best = |best: &[usize]| {
        let rest: Vec<usize> = (0..count).filter(|place| !best.contains(place)).collect();
        ranker(json!({"best": ids(best), "rest": ids(&rest)}))
    };
    Ok(match answer {
        Answer::Best(place) if count == 2 => {
            let selected = ["left", "right"][*place];
            let value = json!({"selected": selected});
            of("pairwise", "response1,response2", "pairwise", value)
        }
        Answer::Best(place) => best(&[*place]),
        Answer::Tie(places) => best(places),
        Answer::Ranking(groups) if groups.iter().all(|group| group.len() == 1) => {
            ranker(json!({"rank": ids(&groups.concat())}))
        }
        Answer::Ranking(groups) => {
            let numbered = (1..).zip(groups);
            let named =
                numbered.map(|(rank, group): (u32, _)| (rank.to_string(), ids(group).into()));
            ranker(Value::Object(named.collect()))
        }
        Answer::Rating(value) => of("number", "response1", "number", json!({"number": value})),
        Answer::Difference(_) => return Err("a difference"),
        Answer::Abstain | Answer::Skip => None,
    })
}
