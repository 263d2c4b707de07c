//! A shaper written by hand, word by word of the contract's ABI, into which any misdeed can be put.
//!
//! Its one term is `t`, the id of each row. It does not say at which row it is.

#![allow(
    clippy::unwrap_used,
    reason = "written by hand, for tests and fuzzing alone"
)]

use std::fmt::Write;

/// The parts of the guest; code is in the text format.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Version of the contract.
    pub(crate) contract: &'static str,
    /// What is changed in the contract's text.
    pub(crate) edits: Vec<(&'static str, &'static str)>,
    /// Strings of its description: name, version, summary, SDK, schema.
    pub(crate) texts: [Vec<u8>; 5],
    /// Columns that it asks for, by bits.
    pub(crate) columns: u16,
    /// Names of metrics.
    pub(crate) metrics: Vec<String>,
    /// Names of assets.
    pub(crate) assets: Vec<String>,
    /// Pages of its memory.
    pub(crate) pages: u32,
    /// Fields of its module.
    pub(crate) fields: String,
    /// Code that runs first in the start function and in each export.
    pub(crate) start: &'static str,
    pub(crate) realloc: &'static str,
    pub(crate) describe: &'static str,
    pub(crate) configure: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) post: &'static str,
    /// Code that runs for each row; its id is `$id`.
    pub(crate) row: &'static str,
    /// Code that changes the answer, whose record is at `$out`.
    pub(crate) answer: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        let text = |text: &str| text.as_bytes().to_vec();
        Guest {
            contract: "0.1.0",
            edits: Vec::new(),
            texts: [
                text("guest"),
                text("1.0"),
                text("a guest"),
                text("none"),
                text("{}"),
            ],
            columns: 0,
            metrics: Vec::new(),
            assets: Vec::new(),
            pages: 2,
            fields: String::new(),
            start: "",
            realloc: "",
            describe: "",
            configure: "",
            shape: "",
            post: "",
            row: "",
            answer: "",
        }
    }
}

/// Never ends.
#[cfg(test)]
pub(crate) const LOOP: &str = "(loop $ever (br $ever))";

impl Guest {
    /// The description's record, 64 bytes at 1024, and all that it points to from 2048 on.
    fn data(&self) -> Vec<u8> {
        let (mut record, mut rest) = (Vec::new(), Vec::new());
        let put = |rest: &mut Vec<u8>, bytes: &[u8]| {
            rest.resize(rest.len().next_multiple_of(4), 0);
            let place = 2048 + rest.len() as u32;
            rest.extend_from_slice(bytes);
            [place.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat()
        };
        for text in &self.texts[..4] {
            record.extend(put(&mut rest, text));
        }
        record.extend(u32::from(self.columns).to_le_bytes());
        record.extend(put(&mut rest, &self.texts[4]));
        let mut list = |names: &[String], tail: &[u8]| {
            let mut items = Vec::new();
            for name in names {
                let name = put(&mut rest, name.as_bytes());
                items.extend([name, put(&mut rest, b"help"), tail.to_vec()].concat());
            }
            let mut at = put(&mut rest, &items);
            at[4..].copy_from_slice(&(names.len() as u32).to_le_bytes());
            at
        };
        record.extend(list(&self.assets, &[0; 4]));
        record.extend(list(&self.metrics, &[]));
        record.resize(1024, 0);
        [record, rest].concat()
    }

    /// Its core module as text.
    fn text(&self) -> String {
        let mut escaped = String::new();
        for byte in self.data() {
            write!(escaped, "\\{byte:02x}").unwrap();
        }
        let Guest {
            contract,
            pages,
            fields,
            start,
            realloc,
            describe,
            ..
        } = self;
        let Guest {
            configure,
            shape,
            post,
            row,
            answer,
            ..
        } = self;
        // Allocations begin behind the description, and are given back after each call.
        let heap = (1024 + self.data().len()).next_multiple_of(16);
        format!(
            r#"(module
  (import "attune:plugin/log@{contract}" "write" (func $log (param i32 i32 i32)))
  {fields}
  (memory (export "memory") {pages})
  (data (i32.const 1024) "{escaped}")
  (global $top (mut i32) (i32.const {heap}))
  (func $start {start})
  (start $start)
  (func $alloc (param $align i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (block $fits (loop $more
      (br_if $fits (i32.le_u (i32.shr_u (global.get $top) (i32.const 16))
        (i32.sub (memory.size) (i32.const 1))))
      (if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))
      (br $more)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    {realloc} (call $alloc (local.get 2) (local.get 3)))
  (func (export "attune:plugin/plugin@{contract}#describe") (result i32)
    {describe} (i32.const 1024))
  (func (export "attune:plugin/plugin@{contract}#configure") (param i32 i32 i32 i32) (result i32)
    (local $out i32) (local.set $out (call $alloc (i32.const 8) (i32.const 64)))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 64))
    {configure} (local.get $out))
  (func (export "attune:plugin/shaper-plugin@{contract}#shape") (param $in i32) (result i32)
    (local $ids i32) (local $rows i32) (local $values i32) (local $term i32) (local $out i32)
    (local $i i32) (local $id i64) (local $value f32)
    {shape}
    (local.set $ids (i32.load offset=24 (local.get $in)))
    (local.set $rows (i32.load offset=28 (local.get $in)))
    (local.set $values (call $alloc (i32.const 4) (i32.mul (local.get $rows) (i32.const 4))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $rows)))
      (local.set $id (i64.load
        (i32.add (local.get $ids) (i32.mul (local.get $i) (i32.const 8)))))
      (local.set $value (f32.convert_i64_u (local.get $id)))
      {row}
      (f32.store (i32.add (local.get $values) (i32.mul (local.get $i) (i32.const 4)))
        (local.get $value))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.set $term (call $alloc (i32.const 4) (i32.const 16)))
    (i32.store8 (i32.const 16) (i32.const 116))
    (i32.store offset=0 (local.get $term) (i32.const 16))
    (i32.store offset=4 (local.get $term) (i32.const 1))
    (i32.store offset=8 (local.get $term) (local.get $values))
    (i32.store offset=12 (local.get $term) (local.get $rows))
    (local.set $out (call $alloc (i32.const 8) (i32.const 64)))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 64))
    (i32.store offset=4 (local.get $out) (local.get $term))
    (i32.store offset=8 (local.get $out) (i32.const 1))
    {answer} (local.get $out))
  (func (export "cabi_post_attune:plugin/shaper-plugin@{contract}#shape") (param i32)
    {post} (global.set $top (i32.const {heap})))
)"#
        )
    }

    /// Its component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let contract = match self.contract {
            "0.2.0" => include_str!("../tests/contract/0.2.wit"),
            _ => include_str!("../../../../sdk/wit/0.1/plugin.wit"),
        };
        let mut contract = contract.replace("@0.1.0", &format!("@{}", self.contract));
        for (from, to) in &self.edits {
            assert!(contract.contains(from), "{from}");
            contract = contract.replace(from, to);
        }
        component(&self.text(), &contract, "shaper")
    }
}

/// A component of a core module, for a world of a contract.
fn component(text: &str, contract: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("plugin.wit", contract).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    let encoder = wit_component::ComponentEncoder::default().validate(true);
    encoder.module(&module).unwrap().encode().unwrap()
}
