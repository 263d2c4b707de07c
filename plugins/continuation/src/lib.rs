//! The paper's task: continue a piece of text. It cuts queries and ends responses by the rules of
//! Ziegler et al. (2019), all of them settings; it does not know what a good continuation is.

use attune_sdk::cleaning::Cleaning;
use attune_sdk::prelude::*;
use attune_sdk::rules::{distinct, end_response, query_or_reason};

/// Settings of `continuation`; the defaults are those of the paper's style tasks.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Field of a data row that holds the text; a row that is a string is the text.
    pub field: String,
    /// Field that holds what a person wrote for the query; none by default.
    pub reference_field: Option<String>,
    /// How texts are cleaned first: as the original's news (`cnndm`) or posts (`tldr`), or `none`.
    pub cleaning: Cleaning,
    /// Tokens of a query at most.
    #[schemars(range(min = 1))]
    pub query_len: u32,
    /// Tokens of every response.
    #[schemars(range(min = 1))]
    pub response_len: u32,
    /// A query starts after the first of these; must be a single token; null: at the text's start.
    pub start_text: Option<String>,
    /// A query ends with the last of these; must be a single token; null: where it is full.
    pub end_text: Option<String>,
    /// What the policy sees before the query.
    pub prefix: String,
    /// What the policy sees after the query.
    pub suffix: String,
    /// A response ends with the first of these; must be a single token; null: nothing is cut.
    pub truncate_token: Option<String>,
    /// The first place, from 0, where a response may end.
    pub truncate_after: u32,
    /// The score of a response that does not end as it should.
    pub penalty: f32,
    /// Shorter queries are dropped.
    pub min_query_tokens: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let stop = || Some(".".to_owned());
        Self {
            field: "text".to_owned(),
            reference_field: None,
            cleaning: Cleaning::None,
            query_len: 64,
            response_len: 24,
            start_text: stop(),
            end_text: stop(),
            prefix: String::new(),
            suffix: String::new(),
            truncate_token: stop(),
            truncate_after: 16,
            penalty: -1.0,
            min_query_tokens: 1,
        }
    }
}

/// The task: settings, and the token ids that they name.
#[derive(Debug)]
pub struct Continuation {
    settings: Settings,
    start: Option<u32>,
    end: Option<u32>,
    stop: Option<u32>,
}

impl Plugin for Continuation {
    type Settings = Settings;
    const COLUMNS: Columns = Columns::RESPONSE_TOKENS;
    const METRICS: &'static [MetricSpec] = &[
        MetricSpec::new("kept_tokens", "tokens of the response that the scorer sees"),
        MetricSpec::new(
            "distinct_2",
            "share of the response's word pairs that are different",
        ),
    ];

    fn configure(settings: Settings, _: &Assets) -> Result<Self, Problems> {
        let s = &settings;
        let (after, len) = (s.truncate_after, s.response_len);
        let late = format!("{after} is not below response_len {len}");
        let mut problems = Problems::default()
            .require(after < len, "/truncate_after", late)
            .require(s.penalty.is_finite(), "/penalty", "must be a number");
        let mut single =
            |path, text: &Option<String>| tokenizer::single(text.as_deref(), path, &mut problems);
        let start = single("/start_text", &s.start_text);
        let end = single("/end_text", &s.end_text);
        let stop = single("/truncate_token", &s.truncate_token);
        problems.done()?;
        Ok(Self {
            settings,
            start,
            end,
            stop,
        })
    }
}

impl Task for Continuation {
    fn layout(&self) -> Result<Layout, Problems> {
        Ok(Layout {
            query_len: self.settings.query_len,
            response_len: self.settings.response_len,
            prefix: tokenizer::encode(&self.settings.prefix),
            suffix: tokenizer::encode_next(&self.settings.suffix),
        })
    }

    fn query(&self, row: DataRow<'_>) -> RowResult<Query> {
        let s = &self.settings;
        let reference = match &s.reference_field {
            Some(field) => s.cleaning.reference(&row.reference(field)?),
            None => String::new(),
        };
        let tokens = tokenizer::encode(&s.cleaning.text(&row.text(&s.field)?));
        let lengths = [s.min_query_tokens, s.query_len].map(|len| len as usize);
        let (start, end) = ((self.start, &s.start_text), (self.end, &s.end_text));
        let query = query_or_reason(&s.field, &tokens, lengths, start, end).map_err(Row::Skip)?;
        Ok(Query {
            tokens: query.to_vec(),
            reference,
            metadata: String::new(),
        })
    }

    fn finish(&self, row: Rollout<'_>) -> RowResult<Ending> {
        let (after, penalty) = (self.settings.truncate_after, self.settings.penalty);
        let (kept, valid) = end_response(row.response_tokens(), self.stop, after as usize);
        Ok(Ending {
            kept,
            valid,
            penalty,
        })
    }

    fn evaluate(&self, row: Rollout<'_>) -> RowResult<Vec<f32>> {
        let kept = self.finish(row)?.kept;
        let text = tokenizer::decode(&row.response_tokens()[..kept]);
        Ok(vec![kept as f32, distinct(&text, 2)])
    }
}

attune_sdk::export!(task: Continuation, "Continue a piece of text, by the rules of Ziegler et al. 2019");
