//! What `bindgen!` makes of the contract, as one world that holds the exports of all three kinds,
//! so that they share one set of types.
//!
//! The text is that of `sdk/wit/0.1/plugin.wit` with two record types renamed (`context-layout`,
//! `query-columns`), because a type may not have the name of a function beside it. Names of types
//! are not part of what is linked; names of functions and fields are, and those are the contract's.

#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    inline: "
            package attune:plugin@0.1.0;
            interface types {
                type f32-buf = list<u8>;
                type u32-buf = list<u8>;
                record text-column { data: list<u8>, ends: list<u32> }
                record token-column { data: u32-buf, ends: list<u32> }
                enum split { train, validation, test }
                record call-context { seed: u64, update: u64, split: split }
                flags columns {
                    query-text, query-tokens, response-text, response-tokens, reference-text,
                    logprobs, ref-logprobs, values, score, metadata,
                }
                record rollouts {
                    ids: list<u64>,
                    query-text: text-column,
                    query-tokens: token-column,
                    response-text: text-column,
                    response-tokens: token-column,
                    reference-text: text-column,
                    logprobs: f32-buf,
                    ref-logprobs: f32-buf,
                    values: f32-buf,
                    score: list<f32>,
                    metadata: text-column,
                }
                enum status { value, not-applicable, invalid, error }
                record row-message { row: u32, message: string }
                record outcomes { status: list<status>, messages: list<row-message> }
                record config-problem { path: string, message: string }
                variant error {
                    config(list<config-problem>),
                    input(string),
                    internal(string),
                }
            }
            interface plugin {
                use types.{columns, error};
                record metric-description { name: string, help: string }
                record description {
                    name: string,
                    version: string,
                    summary: string,
                    sdk: string,
                    columns: columns,
                    settings-schema: string,
                    assets: list<asset-description>,
                    metrics: list<metric-description>,
                }
                record asset-description { name: string, help: string, required: bool }
                record asset { name: string, data: list<u8> }
                describe: func() -> description;
                configure: func(settings: string, assets: list<asset>) -> result<_, error>;
            }
            interface task-plugin {
                use types.{call-context, text-column, token-column, rollouts, outcomes, error};
                record context-layout { query-len: u32, response-len: u32, prefix: list<u32>, suffix: list<u32> }
                record query-columns {
                    tokens: token-column,
                    reference-text: text-column,
                    metadata: text-column,
                    outcomes: outcomes,
                }
                record endings { kept: list<u32>, valid: list<bool>, penalty: list<f32>, outcomes: outcomes }
                record evaluation { metrics: list<f32>, outcomes: outcomes }
                record baseline { name: string, responses: text-column }
                layout: func() -> result<context-layout, error>;
                queries: func(context: call-context, ids: list<u64>, rows: text-column) -> result<query-columns, error>;
                finish: func(context: call-context, batch: rollouts) -> result<endings, error>;
                evaluate: func(context: call-context, batch: rollouts) -> result<evaluation, error>;
                baselines: func(context: call-context, batch: rollouts) -> result<list<baseline>, error>;
            }
            interface labeler-plugin {
                use types.{call-context, text-column, outcomes, error};
                record groups {
                    ids: list<u64>,
                    query-text: text-column,
                    reference-text: text-column,
                    metadata: text-column,
                    response-text: text-column,
                    group-ends: list<u32>,
                }
                variant verdict {
                    best(u32),
                    tie(list<u32>),
                    abstain,
                }
                record judgements {
                    verdicts: list<verdict>,
                    confidence: list<f32>,
                    scores: list<f32>,
                    outcomes: outcomes,
                }
                record hint { group: u32, response: u32, start: u32, end: u32, note: string }
                judge: func(context: call-context, batch: groups) -> result<judgements, error>;
                annotate: func(context: call-context, batch: groups) -> result<list<hint>, error>;
            }
            interface shaper-plugin {
                use types.{call-context, rollouts, outcomes, f32-buf, error};
                record term { name: string, values: list<f32> }
                record shaped {
                    terms: list<term>,
                    per-token: f32-buf,
                    metrics: list<f32>,
                    outcomes: outcomes,
                }
                shape: func(context: call-context, batch: rollouts) -> result<shaped, error>;
            }
            interface log {
                enum level { debug, info, warn, error }
                write: func(level: level, message: string);
            }
            interface progress {
                row: func(row: u32);
            }
            interface tokenizer {
                use types.{text-column, token-column};
                encode: func(texts: text-column) -> token-column;
                decode: func(tokens: token-column) -> text-column;
                vocab-size: func() -> u32;
            }
            world every-kind {
                import log;
                import progress;
                import tokenizer;
                export plugin;
                export task-plugin;
                export labeler-plugin;
                export shaper-plugin;
            }
    ",
    world: "every-kind",
});
