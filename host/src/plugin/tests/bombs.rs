//! Files that are made to keep the host busy: before it compiles them, while it does, and when it
//! reads what they carry besides.

use std::fmt::Write as _;

use super::guest::*;
use super::*;

/// Refused before it is compiled, which would take long.
fn refused_at_once(text: &str, part: &str) {
    refused_in_time(wat::parse_str(text).unwrap(), part);
}

fn refused_in_time(bytes: Vec<u8>, part: &str) {
    let begun = Instant::now();
    let refused = open(bytes, &limits(), crate::plugin::contract::SPOKEN)
        .err()
        .expect("it is refused");
    assert!(
        begun.elapsed() < BUSY * limits().deadline + SLACK,
        "{:?}",
        begun.elapsed()
    );
    let refused = format!("{refused:#}");
    assert!(
        refused.contains(part) && refused.contains("\nhint: "),
        "{refused}"
    );
}

#[test]
fn components_of_too_many_parts_are_not_compiled() {
    let module = |fields: &str| format!("(component (core module {fields}))");
    refused_at_once(&module(&"(func)".repeat(100_001)), "100001 functions");
    let code = format!("(func {})", "nop ".repeat((1 << 20) + 10));
    refused_at_once(
        &module(&code),
        "bytes of code in a function, more than 1048576",
    );
    let code = format!(
        "(func (local {}) {})",
        "i32 ".repeat(30_000),
        "nop ".repeat(40_000)
    );
    refused_at_once(&module(&code), "bytes times variables in a function");
    let code = format!("(func {}{})", "block ".repeat(5001), "end ".repeat(5001));
    refused_at_once(&module(&code), "5001 blocks within each other");
    // Each of a thousand variables has a value of its own in each of a thousand loops.
    let (set, locals) = ("(local.set 0 (local.get 1))", "i32 ".repeat(1000));
    let loops = format!("{}{set}{}", "loop ".repeat(1000), "end ".repeat(1000));
    let code = format!("(func (local {locals}) {loops})");
    refused_at_once(
        &module(&code),
        "1000000 blocks within each other times variables",
    );
    let code = format!("(type (func (param {})))", "i32 ".repeat(101));
    refused_at_once(&module(&code), "101 parameters or results");
    let modules = "(core module)".repeat(1001);
    refused_at_once(
        &format!("(component {modules})"),
        "1001 modules and instances",
    );
    let instances = "(core instance (instantiate 0))".repeat(1001);
    refused_at_once(
        &format!("(component (core module) {instances})"),
        "modules and instances",
    );
    let mut nested = wat::parse_str("(component)").unwrap();
    for _ in 0..1001 {
        // A component whose one section is the component so far, whose length takes three bytes.
        let len = nested.len();
        let len = [
            0x80 | (len & 0x7f) as u8,
            0x80 | (len >> 7 & 0x7f) as u8,
            (len >> 14) as u8,
        ];
        nested = [b"\0asm\x0d\0\x01\0\x04", &len[..], &nested].concat();
    }
    refused_in_time(nested, "1001 modules and instances");
}

#[test]
fn types_within_types_are_refused() {
    let mut text = String::from("(component (type $t0 u8)");
    for level in 1..=200 {
        write!(text, "(type $t{level} (list $t{}))", level - 1).unwrap();
    }
    refused_at_once(&format!("{text})"), "type nesting is too deep");
    // Each twice as large as the one before.
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for level in 1..=60 {
        write!(text, "(type $t{level} (tuple $t{0} $t{0}))", level - 1).unwrap();
    }
    refused_at_once(&format!("{text})"), "type size");
}

/// Functions that a compiler needs a while for.
fn much_code(functions: usize) -> String {
    let mut body = String::new();
    for place in 0..2000 {
        let (from, to) = (place * 7 % 40, place * 13 % 40);
        write!(
            body,
            "(local.set {to} (i32.add (i32.mul (local.get {from}) (i32.const {place})) (local.get {to})))
             (if (local.get {to}) (then (local.set {from} (i32.load (local.get {to})))))"
        )
        .unwrap();
    }
    let locals = "i32 ".repeat(40);
    format!("(func (local {locals}) {body})").repeat(functions)
}

#[test]
fn compiling_has_an_end() {
    let limits = Limits {
        compile: Duration::from_millis(50),
        ..limits()
    };
    // Never the same, for it may be compiled and kept once nobody waits for it any more.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let guest = Guest {
        fields: format!(
            "{} (@custom \"now\" \"{}\")",
            much_code(30),
            now.unwrap().as_nanos()
        ),
        ..Guest::default()
    };
    let bytes = guest.build();
    let begun = Instant::now();
    let refused = open(bytes, &limits, crate::plugin::contract::SPOKEN)
        .err()
        .expect("it takes too long");
    assert!(
        begun.elapsed() < BUSY * (limits.compile + SLACK),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        refused
            .to_string()
            .contains("not compiled within 0.05 s\nhint: "),
        "{refused}"
    );
    assert_other_lives();
}

#[test]
fn compiled_code_is_never_loaded_as_a_plugin() {
    let engine = crate::plugin::engine::engine().unwrap();
    let code = engine
        .precompile_component(&Guest::default().build())
        .unwrap();
    let text = super::refusal(&code);
    assert!(text.contains("this is machine code"), "{text}");
}

/// The guest, whose row 5 traps, with a section of debug information that was made up.
fn with_debug(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let row = "(if (i64.eq (local.get $id) (i64.const 5)) (then unreachable))";
    let mut fields = String::new();
    for (name, data) in sections {
        let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
        write!(fields, "(@custom \"{name}\" \"{data}\")").unwrap();
    }
    let guest = Guest {
        row,
        fields,
        ..Guest::default()
    };
    guest.build()
}

#[test]
fn debug_information_that_is_read_for_ever_is_not_waited_for() {
    // Units of nothing: 16 MiB of headers, each of which is read.
    let unit = [7, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4];
    let units = unit.repeat((16 << 20) / unit.len());
    let nonsense: Vec<u8> = (0..1 << 20)
        .map(|byte: u32| (byte.wrapping_mul(2654435761) >> 13) as u8)
        .collect();
    let damaged = [
        ".debug_info",
        ".debug_abbrev",
        ".debug_line",
        ".debug_str",
        ".debug_ranges",
    ];
    let damaged: Vec<(&str, Vec<u8>)> = damaged
        .into_iter()
        .map(|name| (name, nonsense.clone()))
        .collect();
    for bytes in [
        with_debug(&[(".debug_info", units), (".debug_abbrev", vec![0; 16])]),
        with_debug(&damaged),
    ] {
        let opened = open(bytes, &limits(), crate::plugin::contract::SPOKEN).unwrap();
        let shaper = configured(opened, json!({}), &limits()).unwrap();
        for _ in 0..3 {
            let outcomes = in_time(shaper.as_ref(), &samples(9), &limits()).unwrap();
            assert!(error(&outcomes[5]).contains("unreachable"));
            assert_eq!(
                outcomes.iter().filter(|row| row.value().is_some()).count(),
                8
            );
        }
    }
}
