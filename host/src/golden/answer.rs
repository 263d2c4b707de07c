//! Asks a role, and writes down what it answers as JSON.
//! Does not know what was expected.

use serde_json::{Map, Value, json};

use super::{Call, Case, Role, Tokens, Unanswered, rows};
use crate::role::{
    Baseline, Ending, Hint, Judgement, Layout, MetricDescription, Outcome, Query, Shaped, Verdict,
};

/// One answer a row.
pub(super) fn of(case: &Case, role: &Role, tokens: &dyn Tokens) -> Result<Vec<Value>, Unanswered> {
    let context = case.context.call();
    let samples = || rows::samples(&case.rows, tokens).map_err(Unanswered::Case);
    let groups = || rows::groups(&case.rows, tokens).map_err(Unanswered::Case);
    Ok(match (case.call, role) {
        (Call::Configure, _) => vec![json!("accepted")],
        (Call::Layout, Role::Task(task)) => vec![layout(task.layout())],
        (Call::Queries, Role::Task(task)) => {
            let outcomes = task.queries(context, &rows::data(&case.rows, &case.numbers))?;
            each(outcomes, query)
        }
        (Call::Finish, Role::Task(task)) => each(task.finish(context, &samples()?)?, ending),
        (Call::Evaluate, Role::Task(task)) => {
            let outcomes = task.evaluate(context, &samples()?)?;
            each(
                outcomes,
                |values| json!({"metrics": metrics(task.metrics(), &values)}),
            )
        }
        (Call::Baselines, Role::Task(task)) => {
            let queries: Vec<Query> = samples()?.into_iter().map(|sample| sample.query).collect();
            baselines(&task.baselines(context, &queries)?, queries.len())
        }
        (Call::Judge, Role::Labeler(labeler)) => {
            each(labeler.judge(context, &groups()?)?, judgement)
        }
        (Call::Annotate, Role::Labeler(labeler)) => {
            let outcomes = labeler.annotate(context, &groups()?)?;
            each(
                outcomes,
                |hints| json!({"hints": hints.iter().map(hint).collect::<Vec<_>>()}),
            )
        }
        (Call::Shape, Role::Shaper(shaper)) => {
            let outcomes = shaper.shape(context, &samples()?)?;
            each(outcomes, |value| shaped(shaper.metrics(), value))
        }
        (call, role) => {
            return Err(Unanswered::Case(format!(
                "`call`: a {} has no `{}`",
                role.kind(),
                call.name()
            )));
        }
    })
}

fn each<T>(outcomes: Vec<Outcome<T>>, write: impl Fn(T) -> Value) -> Vec<Value> {
    let row = |outcome| match outcome {
        Outcome::Value(value) => write(value),
        Outcome::NotApplicable => json!("not-applicable"),
        Outcome::Invalid(text) => json!({"invalid": text}),
        Outcome::Error(text) => json!({"error": text}),
    };
    outcomes.into_iter().map(row).collect()
}

/// The shortest decimal that is this number and no other of its type.
fn number(value: f32) -> Value {
    value
        .to_string()
        .parse::<f64>()
        .map_or(Value::Null, |value| json!(value))
}

fn numbers(values: &[f32]) -> Value {
    values.iter().map(|value| number(*value)).collect()
}

fn metrics(described: &[MetricDescription], values: &[f32]) -> Value {
    let named = described.iter().zip(values);
    let named = named.map(|(metric, value)| (metric.name.clone(), number(*value)));
    Value::Object(named.collect())
}

fn layout(layout: &Layout) -> Value {
    json!({
        "query_len": layout.query_len,
        "response_len": layout.response_len,
        "prefix": layout.prefix,
        "suffix": layout.suffix,
    })
}

fn query(query: Query) -> Value {
    let metadata = serde_json::from_str(&query.metadata).unwrap_or(Value::String(query.metadata));
    json!({
        "text": query.text,
        "tokens": query.tokens,
        "reference": query.reference,
        "metadata": metadata,
    })
}

fn ending(ending: Ending) -> Value {
    json!({"kept": ending.kept, "valid": ending.valid, "penalty": number(ending.penalty)})
}

fn baselines(baselines: &[Baseline], rows: usize) -> Vec<Value> {
    let row = |row: usize| {
        let named = baselines
            .iter()
            .map(|baseline| (baseline.name.clone(), json!(baseline.responses.get(row))));
        json!({"baselines": Value::Object(named.collect())})
    };
    (0..rows).map(row).collect()
}

fn judgement(judgement: Judgement) -> Value {
    let mut answer = Map::new();
    match judgement.verdict {
        Verdict::Best(best) => answer.insert("best".into(), json!(best)),
        Verdict::Tie(tied) => answer.insert("tie".into(), json!(tied)),
        Verdict::Abstain => answer.insert("abstain".into(), json!(true)),
    };
    if let Some(confidence) = judgement.confidence {
        answer.insert("confidence".into(), number(confidence));
    }
    if !judgement.scores.is_empty() {
        answer.insert("scores".into(), numbers(&judgement.scores));
    }
    Value::Object(answer)
}

fn hint(hint: &Hint) -> Value {
    json!({"response": hint.response, "start": hint.start, "end": hint.end, "note": hint.note})
}

fn shaped(described: &[MetricDescription], shaped: Shaped) -> Value {
    let terms = shaped
        .terms
        .into_iter()
        .map(|(name, value)| (name, number(value)));
    let mut answer = json!({"terms": Value::Object(terms.collect())});
    if !shaped.per_token.is_empty() {
        answer["per_token"] = numbers(&shaped.per_token);
    }
    if !shaped.metrics.is_empty() {
        answer["metrics"] = metrics(described, &shaped.metrics);
    }
    answer
}
