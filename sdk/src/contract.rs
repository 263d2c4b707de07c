//! The text of the contract, for `wit_bindgen`, which wants a literal: once for this crate, with
//! all interfaces, and once in the author's crate, for the world that the plugin is.
//!
//! It is `wit/0.1/plugin.wit`, and a world `every`.

/// Generates bindings for one world of the contract, whose records derive what is listed.
#[doc(hidden)]
#[macro_export]
macro_rules! contract {
    ($world:literal, $runtime:literal, $export:literal, $public:literal, [$($derive:path),*]) => {
        $crate::wit_bindgen::generate!({
            path: [],
            world: $world,
            runtime_path: $runtime,
            export_macro_name: $export,
            pub_export_macro: $public,
            additional_derives: [$($derive),*],
            inline: r#"
/// The contract between Attune and its plugins, version 0.1. Frozen once released: a change is a
/// new folder beside this one.
///
/// Every call is a batch, and pure: same settings, context and batch give the same bits, however
/// the batch is split. There is no clock, no file, no network and no ambient randomness.
package attune:plugin@0.1.0;

/// What all kinds share.
interface types {
    /// Packed little-endian `f32`s.
    type f32-buf = list<u8>;
    /// Packed little-endian `u32`s.
    type u32-buf = list<u8>;

    /// Texts of different lengths: text `i` is `data[ends[i-1]..ends[i]]`, with `ends[-1] = 0`; UTF-8.
    record text-column { data: list<u8>, ends: list<u32> }
    /// Token ids of rows of different lengths; `ends` count tokens, not bytes.
    record token-column { data: u32-buf, ends: list<u32> }

    /// Which part of the data a call is about.
    enum split { train, validation, test }

    /// Everything besides settings and batch that an answer may depend on.
    record call-context { seed: u64, update: u64, split: split }

    /// Columns that a plugin wants; one that it did not ask for comes empty.
    flags columns {
        query-text, query-tokens, response-text, response-tokens, reference-text,
        logprobs, ref-logprobs, values, score, metadata,
    }

    /// Responses to queries, one a row.
    record rollouts {
        /// Stable sample ids: seed by these, never by a row's place.
        ids: list<u64>,
        query-text: text-column,
        query-tokens: token-column,
        response-text: text-column,
        response-tokens: token-column,
        /// What a person wrote for the query; empty where nobody did.
        reference-text: text-column,
        /// Per response token, natural logarithm; the ends are those of `response-tokens`.
        logprobs: f32-buf,
        ref-logprobs: f32-buf,
        values: f32-buf,
        /// Score so far; not a number where there is none.
        score: list<f32>,
        /// One JSON object a row, from the task; may be empty.
        metadata: text-column,
    }

    /// What became of a row.
    enum status { value, not-applicable, invalid, error }
    /// Why a row is `invalid` or `error`; or why it is `not-applicable`, which need not be said.
    record row-message { row: u32, message: string }
    /// `status` is empty when every row has a value.
    record outcomes { status: list<status>, messages: list<row-message> }

    /// A setting or asset that cannot be used; `path` is a JSON pointer into the settings, or
    /// `assets/NAME`.
    record config-problem { path: string, message: string }
    /// Why a whole call failed.
    variant error {
        /// The person who wrote the config can mend it.
        config(list<config-problem>),
        /// This batch cannot be used.
        input(string),
        /// A bug in the plugin.
        internal(string),
    }
}

/// What every plugin exports.
interface plugin {
    use types.{columns, error};

    /// A number that the plugin reports for each row.
    record metric-description { name: string, help: string }
    record description {
        name: string,
        version: string,
        summary: string,
        /// Which SDK made it, with its version.
        sdk: string,
        columns: columns,
        /// JSON Schema 2020-12 of the settings, an object, with defaults.
        settings-schema: string,
        /// Names of the files that the plugin can be given, and what they are for.
        assets: list<asset-description>,
        metrics: list<metric-description>,
    }
    record asset-description { name: string, help: string, required: bool }
    /// A file from the config, as bytes.
    record asset { name: string, data: list<u8> }

    /// Must work before `configure`.
    describe: func() -> description;
    /// Once for each instance; the settings obey the schema and have every default filled in.
    configure: func(settings: string, assets: list<asset>) -> result<_, error>;
}

/// Makes queries and says what a finished response is.
interface task-plugin {
    use types.{call-context, text-column, token-column, rollouts, outcomes, error};

    /// The policy's context is `prefix ++ padded query ++ suffix`; the reward sees only the query.
    record task-layout { query-len: u32, response-len: u32, prefix: list<u32>, suffix: list<u32> }
    /// Columns are as long as the batch; a row that has no value has empty texts and tokens.
    record query-batch {
        tokens: token-column,
        reference-text: text-column,
        metadata: text-column,
        outcomes: outcomes,
    }
    /// How many tokens of each response the scorer sees, whether the response obeys the rules,
    /// and the score of one that does not.
    record endings { kept: list<u32>, valid: list<bool>, penalty: list<f32>, outcomes: outcomes }
    /// Row-major: for each row, one value for each metric of `describe`.
    record evaluation { metrics: list<f32>, outcomes: outcomes }
    record baseline { name: string, responses: text-column }

    layout: func() -> result<task-layout, error>;
    /// `rows` are JSON values, one a data row; `ids` are their numbers.
    queries: func(context: call-context, ids: list<u64>, rows: text-column) -> result<query-batch, error>;
    finish: func(context: call-context, batch: rollouts) -> result<endings, error>;
    evaluate: func(context: call-context, batch: rollouts) -> result<evaluation, error>;
    /// What simple procedures would have answered; responses in `batch` are empty.
    baselines: func(context: call-context, batch: rollouts) -> result<list<baseline>, error>;
}

/// Judges groups of responses to one query.
interface labeler-plugin {
    use types.{call-context, text-column, outcomes, error};

    /// Group `g` has the responses `group-ends[g-1]..group-ends[g]`.
    record groups {
        ids: list<u64>,
        query-text: text-column,
        reference-text: text-column,
        metadata: text-column,
        response-text: text-column,
        group-ends: list<u32>,
    }
    variant verdict {
        /// Index of the best response in its group.
        best(u32),
        /// Indices of the responses that are equally good and better than the rest.
        tie(list<u32>),
        abstain,
    }
    record judgements {
        /// One a group; a group that has no value has `abstain`.
        verdicts: list<verdict>,
        /// One a group, from 0 to 1; or empty.
        confidence: list<f32>,
        /// One a response, over all groups; or empty.
        scores: list<f32>,
        outcomes: outcomes,
    }
    /// Something that a person who labels should see: a byte span of one response and a remark.
    record hint { group: u32, response: u32, start: u32, end: u32, note: string }

    judge: func(context: call-context, batch: groups) -> result<judgements, error>;
    annotate: func(context: call-context, batch: groups) -> result<list<hint>, error>;
}

/// Turns rollouts into reward terms.
interface shaper-plugin {
    use types.{call-context, rollouts, outcomes, f32-buf, error};

    /// One value a row.
    record term { name: string, values: list<f32> }
    record shaped {
        terms: list<term>,
        /// A reward for each response token, in the order of `response-tokens`; or empty.
        per-token: f32-buf,
        /// Row-major: for each row, one value for each metric of `describe`; or empty.
        metrics: list<f32>,
        outcomes: outcomes,
    }
    shape: func(context: call-context, batch: rollouts) -> result<shaped, error>;
}

/// Text for the person who runs the training.
interface log {
    enum level { debug, info, warn, error }
    write: func(level: level, message: string);
}

/// Where the plugin is in its batch, so that a row that hangs or panics can be named.
interface progress {
    row: func(row: u32);
}

/// The policy's tokenizer.
interface tokenizer {
    use types.{text-column, token-column};
    encode: func(texts: text-column) -> token-column;
    /// Token ids outside the vocabulary decode to nothing.
    decode: func(tokens: token-column) -> text-column;
    vocab-size: func() -> u32;
}

world task {
    import log;
    import progress;
    import tokenizer;
    export plugin;
    export task-plugin;
}

world labeler {
    import log;
    import progress;
    import tokenizer;
    export plugin;
    export labeler-plugin;
}

world shaper {
    import log;
    import progress;
    import tokenizer;
    export plugin;
    export shaper-plugin;
}

/// What the SDK is generated from; no plugin is one.
world every {
    import log;
    import progress;
    import tokenizer;
    export plugin;
    export task-plugin;
    export labeler-plugin;
    export shaper-plugin;
}
"#,
        });
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_text_is_the_contract() {
        let contract = include_str!("../wit/0.1/plugin.wit");
        assert!(include_str!("contract.rs").contains(contract));
    }
}
