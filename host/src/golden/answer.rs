//! Asks a role, and writes down what it answers as JSON.
//! Does not know what was expected.

use serde_json::{Map, Value, json};

use super::{Call, Case, Role, Tokens, Unanswered, rows};
use crate::role::{
    Baseline, CallContext, Ending, Group, Hint, Judgement, Layout, MetricDescription, Outcome,
    Query, Sample, Shaped, Verdict,
};

/// A case's rows as a role takes them.
pub struct Question {
    call: Call,
    context: CallContext,
    samples: Vec<Sample>,
    queries: Vec<Query>,
    groups: Vec<Group>,
    data: Vec<(u64, String)>,
}

impl Question {
    pub(super) fn of(case: &Case, tokens: &dyn Tokens) -> Result<Self, Unanswered> {
        let mut question = Question {
            call: case.call,
            context: case.context.call(),
            samples: Vec::new(),
            queries: Vec::new(),
            groups: Vec::new(),
            data: Vec::new(),
        };
        match case.call {
            Call::Configure | Call::Layout => {}
            Call::Queries => question.data = rows::data(&case.rows, &case.numbers),
            Call::Judge | Call::Annotate => {
                question.groups = rows::groups(&case.rows, tokens).map_err(Unanswered::Case)?;
            }
            Call::Finish | Call::Evaluate | Call::Shape | Call::Baselines => {
                question.samples = rows::samples(&case.rows, tokens).map_err(Unanswered::Case)?;
            }
        }
        if case.call == Call::Baselines {
            let samples = std::mem::take(&mut question.samples);
            question.queries = samples.into_iter().map(|sample| sample.query).collect();
        }
        Ok(question)
    }

    /// The role's answers, one a row, as JSON.
    pub fn ask(&self, role: &Role) -> Result<Vec<Value>, Unanswered> {
        Ok(match (self.call, role) {
            (Call::Configure, _) => vec![json!("accepted")],
            (Call::Layout, Role::Task(task)) => vec![layout(task.layout())],
            (Call::Queries, Role::Task(task)) => {
                each(task.queries(self.context, &self.data)?, query)
            }
            (Call::Finish, Role::Task(task)) => {
                each(task.finish(self.context, &self.samples)?, ending)
            }
            (Call::Evaluate, Role::Task(task)) => {
                let outcomes = task.evaluate(self.context, &self.samples)?;
                each(
                    outcomes,
                    |values| json!({"metrics": metrics(task.metrics(), &values)}),
                )
            }
            (Call::Baselines, Role::Task(task)) => {
                let answers = task.baselines(self.context, &self.queries)?;
                baselines(&answers, self.queries.len())
            }
            (Call::Judge, Role::Labeler(labeler)) => {
                each(labeler.judge(self.context, &self.groups)?, judgement)
            }
            (Call::Annotate, Role::Labeler(labeler)) => {
                let outcomes = labeler.annotate(self.context, &self.groups)?;
                each(
                    outcomes,
                    |hints| json!({"hints": hints.iter().map(hint).collect::<Vec<_>>()}),
                )
            }
            (Call::Shape, Role::Shaper(shaper)) => {
                let outcomes = shaper.shape(self.context, &self.samples)?;
                each(outcomes, |value| shaped(shaper.metrics(), value))
            }
            (call, role) => return Err(unfit(call, role)),
        })
    }

    /// Puts the question and writes nothing down, for timing: the first row's error, if any.
    pub fn put(&self, role: &Role) -> Result<Option<String>, Unanswered> {
        Ok(match (self.call, role) {
            (Call::Finish, Role::Task(task)) => {
                first_error(task.finish(self.context, &self.samples)?)
            }
            (Call::Judge, Role::Labeler(labeler)) => {
                first_error(labeler.judge(self.context, &self.groups)?)
            }
            (Call::Shape, Role::Shaper(shaper)) => {
                first_error(shaper.shape(self.context, &self.samples)?)
            }
            (call, role) => return Err(unfit(call, role)),
        })
    }
}

fn unfit(call: Call, role: &Role) -> Unanswered {
    Unanswered::Case(format!(
        "`call`: a {} has no `{}`",
        role.kind(),
        call.name()
    ))
}

fn first_error<T>(outcomes: Vec<Outcome<T>>) -> Option<String> {
    outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Error(text) | Outcome::Invalid(text) => Some(text),
        Outcome::Value(_) | Outcome::NotApplicable(_) => None,
    })
}

fn each<T>(outcomes: Vec<Outcome<T>>, write: impl Fn(T) -> Value) -> Vec<Value> {
    let row = |outcome| match outcome {
        Outcome::Value(value) => write(value),
        Outcome::NotApplicable(None) => json!("not-applicable"),
        Outcome::NotApplicable(Some(text)) => json!({"not-applicable": text}),
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
