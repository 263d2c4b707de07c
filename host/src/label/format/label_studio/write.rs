//! Labels as tasks of Label Studio.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::super::{Imported, Written, rows, time};
use super::push;
use crate::label::{Answer, Comparison, Label, Labeler, Source};

pub(in super::super) fn write(labels_in: &[Label]) -> Result<Written> {
    let (mut tasks, mut written) = rows(labels_in, task, |task| {
        let task = task.as_object().context("is no JSON object")?;
        let mut back = Imported::default();
        push(task, &mut back)?;
        back.labels.pop().context("has no annotations")
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
