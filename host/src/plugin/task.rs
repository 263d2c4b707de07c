//! A task that is a plugin.
//!
//! Does not know how a policy is trained on it.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};

use super::bindings::{self as b, expect_len, finite, settle};
use super::call::clean;
use super::contract;
use super::pool::Pool;
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::task_plugin as wit;
use super::{Spec, TokenizerHost, load as file};
use crate::role::{
    Baseline, CallContext, CallError, Ending, Identity, Layout, MetricDescription, Outcome, Query,
    Sample, Task,
};

/// Lengths above this are a mistake: the memory that they ask for is the host's.
const MAX_TOKENS: u32 = 1 << 20;
/// More baselines than fit into a table are a mistake.
const MAX_BASELINES: usize = 32;

struct Plugin {
    pool: Pool<dyn contract::Task>,
    metrics: Vec<MetricDescription>,
    columns: Columns,
    layout: Layout,
}

/// Loads and configures the task, and asks for its layout.
pub(super) fn load(spec: &Spec, tokenizer: Arc<dyn TokenizerHost>) -> Result<impl Task + 'static> {
    let opened = file::open(&spec.path, spec.trust, &spec.limits, tokenizer.clone())?;
    let vocabulary = tokenizer.vocab_size();
    let pool = Pool::<dyn contract::Task>::new("task", &opened, spec, tokenizer)?;
    let answer = pool.whole("layout", &|guest, store| guest.layout(store));
    let layout = layout(answer.map_err(|error| anyhow!(error.message))?, vocabulary)?;
    Ok(Plugin {
        pool,
        columns: opened.columns,
        metrics: opened.description.metrics,
        layout,
    })
}

fn layout(given: wit::TaskLayout, vocabulary: u32) -> Result<Layout> {
    for (what, len) in [
        ("query-len", given.query_len),
        ("response-len", given.response_len),
    ] {
        if len == 0 || len > MAX_TOKENS {
            bail!("`layout`: returned the {what} {len}, not from 1 to {MAX_TOKENS}");
        }
    }
    if given.prefix.len() + given.suffix.len() > MAX_TOKENS as usize {
        bail!("`layout`: returned a prefix and suffix of more than {MAX_TOKENS} tokens");
    }
    if let Some(id) = given
        .prefix
        .iter()
        .chain(&given.suffix)
        .find(|id| **id >= vocabulary)
    {
        bail!("`layout`: returned the token id {id}, not below {vocabulary}");
    }
    Ok(Layout {
        query_len: given.query_len as usize,
        response_len: given.response_len as usize,
        prefix: given.prefix,
        suffix: given.suffix,
    })
}

impl Task for Plugin {
    fn identity(&self) -> &Identity {
        &self.pool.identity
    }

    fn metrics(&self) -> &[MetricDescription] {
        &self.metrics
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn queries(
        &self,
        context: CallContext,
        rows: &[(u64, String)],
    ) -> Result<Vec<Outcome<Query>>, CallError> {
        let context = b::context(context);
        self.pool.rows(
            "queries",
            rows.len(),
            |guest, store, picked| {
                let ids: Vec<u64> = picked.iter().map(|row| rows[*row].0).collect();
                let data = b::texts(picked.iter().map(|row| rows[*row].1.as_str()));
                guest.queries(store, context, &ids, &data)
            },
            |returned, picked| {
                let ids: Vec<u64> = picked.iter().map(|row| rows[*row].0).collect();
                let (most, tokenizer) = (self.layout.query_len, self.pool.tokenizer.as_ref());
                read_queries(returned, &ids, most, tokenizer)
            },
        )
    }

    fn needs_models(&self) -> bool {
        let of_models =
            Columns::LOGPROBS | Columns::REF_LOGPROBS | Columns::VALUES | Columns::SCORE;
        (self.columns & of_models) != Columns::empty()
    }

    fn finish(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Ending>>, CallError> {
        let context = b::context(context);
        let pick = |rows: &[usize]| rows.iter().map(|row| &samples[*row]).collect::<Vec<_>>();
        self.pool.rows(
            "finish",
            samples.len(),
            |guest, store, rows| {
                guest.finish(store, context, &b::rollouts(self.columns, &pick(rows)))
            },
            |returned, rows| endings(returned, &pick(rows)),
        )
    }

    fn evaluate(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Vec<f32>>>, CallError> {
        let context = b::context(context);
        let pick = |rows: &[usize]| rows.iter().map(|row| &samples[*row]).collect::<Vec<_>>();
        self.pool.rows(
            "evaluate",
            samples.len(),
            |guest, store, rows| {
                guest.evaluate(store, context, &b::rollouts(self.columns, &pick(rows)))
            },
            |returned, rows| evaluation(returned, rows.len(), self.metrics.len()),
        )
    }

    fn baselines(
        &self,
        context: CallContext,
        queries: &[Query],
    ) -> Result<Vec<Baseline>, CallError> {
        let context = b::context(context);
        let batch = b::without_responses(self.columns, queries);
        let returned = self.pool.whole("baselines", &|guest, store| {
            guest.baselines(store, context, &batch)
        })?;
        baselines(returned, queries.len()).map_err(|text| self.pool.error("baselines", text))
    }
}

/// Queries of at most `most` tokens that the tokenizer knows.
pub(super) fn read_queries(
    given: wit::QueryBatch,
    ids: &[u64],
    most: usize,
    tokenizer: &dyn TokenizerHost,
) -> Result<Vec<Outcome<Query>>, String> {
    let count = ids.len();
    let tokens = b::read_tokens("query tokens", &given.tokens, count)?;
    let references = b::read_texts("reference texts", given.reference_text, count)?;
    let metadata = b::read_texts("metadata", given.metadata, count)?;
    let outcomes = b::read_outcomes(given.outcomes, count)?;
    let rows = outcomes
        .into_iter()
        .zip(ids)
        .zip(tokens)
        .zip(references)
        .zip(metadata);
    let query = |id, tokens: Vec<u32>, reference, metadata: String| {
        expect_query(&tokens, &metadata, most, tokenizer.vocab_size())?;
        Ok(Query {
            id,
            text: tokenizer.decode(&tokens),
            tokens,
            reference,
            metadata,
        })
    };
    Ok(rows
        .map(|((((outcome, id), tokens), reference), metadata)| {
            settle(outcome, || query(*id, tokens, reference?, metadata?))
        })
        .collect())
}

/// Refuses a query that no policy can be given.
fn expect_query(
    tokens: &[u32],
    metadata: &str,
    most: usize,
    vocabulary: u32,
) -> Result<(), String> {
    if tokens.is_empty() || tokens.len() > most {
        return Err(format!(
            "returned a query of {} tokens, not 1 to {most}",
            tokens.len()
        ));
    }
    if let Some(token) = tokens.iter().find(|token| **token >= vocabulary) {
        return Err(format!(
            "returned the token id {token}, not below {vocabulary}"
        ));
    }
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>;
    if !metadata.is_empty() && object(metadata).is_err() {
        return Err("returned metadata that is no JSON object".into());
    }
    Ok(())
}

pub(super) fn endings(
    given: wit::Endings,
    samples: &[&Sample],
) -> Result<Vec<Outcome<Ending>>, String> {
    let count = samples.len();
    expect_len("numbers of kept tokens", given.kept.len(), count)?;
    expect_len("validities", given.valid.len(), count)?;
    expect_len("penalties", given.penalty.len(), count)?;
    let outcomes = b::read_outcomes(given.outcomes, count)?;
    let ending = |row: usize| {
        let (kept, len) = (given.kept[row] as usize, samples[row].tokens.len());
        if kept > len {
            return Err(format!("keeps {kept} tokens of a response of {len}"));
        }
        Ok(Ending {
            kept,
            valid: given.valid[row],
            penalty: finite("a penalty", given.penalty[row])?,
        })
    };
    Ok(outcomes
        .into_iter()
        .enumerate()
        .map(|(row, outcome)| settle(outcome, || ending(row)))
        .collect())
}

pub(super) fn evaluation(
    given: wit::Evaluation,
    rows: usize,
    metrics: usize,
) -> Result<Vec<Outcome<Vec<f32>>>, String> {
    expect_len("metrics", given.metrics.len(), rows * metrics)?;
    let outcomes = b::read_outcomes(given.outcomes, rows)?;
    let values = |row: usize| {
        let values = &given.metrics[row * metrics..(row + 1) * metrics];
        values
            .iter()
            .map(|value| finite("a metric", *value))
            .collect()
    };
    Ok(outcomes
        .into_iter()
        .enumerate()
        .map(|(row, outcome)| settle(outcome, || values(row)))
        .collect())
}

fn baselines(given: Vec<wit::Baseline>, rows: usize) -> Result<Vec<Baseline>, String> {
    if given.len() > MAX_BASELINES {
        return Err(format!(
            "returned {} baselines, more than {MAX_BASELINES}",
            given.len()
        ));
    }
    let baselines: Vec<Baseline> = given
        .into_iter()
        .map(|given| baseline(given, rows))
        .collect::<Result<_, _>>()?;
    for (place, one) in baselines.iter().enumerate() {
        if baselines[..place]
            .iter()
            .any(|other| other.name == one.name)
        {
            return Err(format!("returned the baseline `{}` twice", one.name));
        }
    }
    Ok(baselines)
}

pub(super) fn baseline(given: wit::Baseline, rows: usize) -> Result<Baseline, String> {
    let name = clean(&given.name);
    if name.is_empty() || name.len() > 100 {
        return Err(format!(
            "returned a baseline whose name has {} bytes, not 1 to 100",
            name.len()
        ));
    }
    let responses = b::read_texts("baseline responses", given.responses, rows)?;
    Ok(Baseline {
        name,
        responses: responses.into_iter().collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::wit::attune::plugin::types::Outcomes;
    use super::*;

    #[test]
    fn no_more_tokens_are_kept_than_there_are() {
        let sample = Sample {
            tokens: vec![1, 2],
            ..Sample::default()
        };
        let given = wit::Endings {
            kept: vec![2, 3, 1],
            valid: vec![true; 3],
            penalty: vec![0.0, 0.0, f32::NAN],
            outcomes: Outcomes {
                status: Vec::new(),
                messages: Vec::new(),
            },
        };
        let rows = endings(given, &[&sample; 3]).unwrap();
        assert!(matches!(rows[0], Outcome::Value(Ending { kept: 2, .. })));
        assert!(matches!(rows[1], Outcome::Error(_)));
        assert!(matches!(rows[2], Outcome::Error(_)));
    }

    #[test]
    fn a_layout_has_lengths_and_known_tokens() {
        let given = |query_len, prefix| wit::TaskLayout {
            query_len,
            response_len: 4,
            prefix,
            suffix: Vec::new(),
        };
        assert!(layout(given(8, vec![3]), 10).is_ok());
        assert!(layout(given(0, vec![3]), 10).is_err());
        assert!(layout(given(8, vec![10]), 10).is_err());
    }
}
