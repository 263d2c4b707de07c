//! What a config can say of the task. It knows no rule.

use attune_sdk::prelude::*;

/// Settings of `continuation`; the defaults are those of the paper's style tasks.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Field of a data row that holds the text; a row that is a string is the text.
    pub field: String,
    /// Field that holds what a person wrote for the query; none by default.
    pub reference_field: Option<String>,
    /// Tokens of a query at most.
    pub query_len: u32,
    /// Tokens of every response.
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
