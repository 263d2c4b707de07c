//! The paper's task: continue a piece of text. It cuts queries and ends responses by the rules of
//! Ziegler et al. (2019), all of them settings; it does not know what a good continuation is.

use attune_sdk::prelude::*;

mod rules;
mod settings;

pub use settings::Settings;

/// The task: settings, and the token ids that they name.
#[derive(Debug)]
pub struct Continuation {
    settings: Settings,
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    start: Option<u32>,
    end: Option<u32>,
    truncate: Option<u32>,
}

impl Plugin for Continuation {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;
    const METRICS: &'static [MetricSpec] = &[
        MetricSpec {
            name: "kept_tokens",
            help: "tokens of the response that the scorer sees",
        },
        MetricSpec {
            name: "distinct_2",
            help: "share of the response's word pairs that are different",
        },
    ];

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        let mut problems = Problems::default()
            .require(settings.query_len > 0, "/query_len", "must be at least 1")
            .require(
                settings.response_len > 0,
                "/response_len",
                "must be at least 1",
            )
            .require(
                settings.truncate_after < settings.response_len.max(1),
                "/truncate_after",
                format!(
                    "{} is not below response_len {}",
                    settings.truncate_after, settings.response_len
                ),
            )
            .require(settings.penalty.is_finite(), "/penalty", "must be a number");
        let mut single = |path: &str, text: &Option<String>| {
            // TOML has no null, so an empty text means none as well.
            let tokens = tokenizer::encode(text.as_ref().filter(|text| !text.is_empty())?);
            let message = || format!("{text:?} is {} tokens, must be a single one", tokens.len());
            if tokens.len() != 1 {
                problems.0.push((path.to_owned(), message()));
            }
            tokens.first().copied()
        };
        let start = single("/start_text", &settings.start_text);
        let end = single("/end_text", &settings.end_text);
        let truncate = single("/truncate_token", &settings.truncate_token);
        problems.done()?;
        let [prefix, suffix] = [
            tokenizer::encode(&settings.prefix),
            tokenizer::encode(&settings.suffix),
        ];
        Ok(Self {
            settings,
            prefix,
            suffix,
            start,
            end,
            truncate,
        })
    }
}

impl Task for Continuation {
    fn layout(&self) -> Result<Layout, Problems> {
        let Settings {
            query_len,
            response_len,
            ..
        } = self.settings;
        Ok(Layout {
            query_len,
            response_len,
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
        })
    }

    fn query(&self, row: DataRow<'_>) -> RowResult<Query> {
        let (text, reference) = rules::texts(row, &self.settings)?;
        let tokens = tokenizer::encode(&text);
        let query = rules::cut(
            &tokens,
            self.settings.query_len as usize,
            self.start,
            self.end,
        );
        match query {
            Some(query) if query.len() >= self.settings.min_query_tokens as usize => Ok(Query {
                tokens: query.to_vec(),
                reference,
                metadata: String::new(),
            }),
            _ => Err(Row::NotApplicable),
        }
    }

    fn finish(&self, row: Rollout<'_>) -> RowResult<Ending> {
        let (kept, valid) = rules::ending(
            row.response_tokens(),
            self.truncate,
            self.settings.truncate_after as usize,
        );
        Ok(Ending {
            kept,
            valid,
            penalty: self.settings.penalty,
        })
    }

    fn evaluate(&self, row: Rollout<'_>) -> RowResult<Vec<f32>> {
        let kept = self.finish(row)?.kept;
        Ok(vec![
            kept as f32,
            rules::distinct_pairs(&tokenizer::decode(&row.response_tokens()[..kept])),
        ])
    }
}

attune_sdk::export!(task: Continuation, "Continue a piece of text, by the rules of Ziegler et al. 2019");

#[cfg(test)]
mod tests;
