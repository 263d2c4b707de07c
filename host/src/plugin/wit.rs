//! What `bindgen!` makes of the contract, as one world that holds the exports of all three kinds,
//! so that they share one set of types.

#![allow(missing_docs, unreachable_pub, clippy::all)]

wasmtime::component::bindgen!({
    path: "../sdk/wit/0.1",
    inline: "
            package attune:host;
            world every-kind {
                import attune:plugin/log@0.1.0;
                import attune:plugin/progress@0.1.0;
                import attune:plugin/tokenizer@0.1.0;
                export attune:plugin/plugin@0.1.0;
                export attune:plugin/task-plugin@0.1.0;
                export attune:plugin/labeler-plugin@0.1.0;
                export attune:plugin/shaper-plugin@0.1.0;
            }
    ",
    world: "attune:host/every-kind",
    imports: { "attune:plugin/tokenizer": trappable },
    // Native plugins get them as bytes.
    additional_derives: [serde::Serialize, serde::Deserialize],
});
