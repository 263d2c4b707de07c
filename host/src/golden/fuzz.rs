//! Entry for fuzzing: bytes as a file of golden cases, and a panic when something is not as it should
//! be. `fuzz/` hands it what libFuzzer makes up; the test below, what a few seconds of chance do.
//! Nothing here is a part of the program.

use super::{Tokens, differences, parse, prepare, to_lines};

/// Bytes are tokens.
struct Bytes;

impl Tokens for Bytes {
    fn encode(&self, text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    fn encode_after(&self, _: &[u32], text: &str) -> Vec<u32> {
        self.encode(text)
    }

    fn decode_after(&self, _: &[u32], ids: &[u32]) -> String {
        ids.iter().map(|id| char::from(*id as u8)).collect()
    }
}

/// What the target begins with.
pub fn seeds() -> Vec<Vec<u8>> {
    let shape = br#"{"name":"a","call":"shape","settings":{"free":2},"rows":[{"query":"How?",
"response":"like this","tokens":[1,2],"logprobs":-0.5,"values":[0.1,1e3],"score":1}],"expect":[{"terms":{"w":-1.5}}],
"tolerance":1e-6,"context":{"seed":7,"split":"test"}}"#;
    let judge =
        br#"{"name":"b","call":"judge","rows":[{"query":"q","responses":["x","y"],"metadata":{}}],
"expect":[{"best":1,"scores":[0.5,null]}]}
{"name":"c","call":"queries","rows":["text",{"a":1},""],"expect":["not-applicable",{"error":"e"},{"not-applicable":"w"}]}"#;
    let one_line = |bytes: &[u8]| {
        bytes
            .iter()
            .copied()
            .filter(|byte| *byte != b'\n')
            .collect()
    };
    vec![one_line(shape), one_line(judge), judge.to_vec()]
}

/// Bytes of a file of cases: they are refused, or they are the same when they were written and read.
pub fn cases(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(cases) = parse(&text) else { return };
    for case in &cases {
        // A case may ask what nobody can; that is said, not suffered.
        let _ = prepare(case, &Bytes);
        let none = differences(&case.expect, &case.expect, case.tolerance);
        assert!(none.is_empty(), "an answer differs from itself: {none:?}");
    }
    let again = parse(&to_lines(&cases)).expect("what was written can be read");
    assert_eq!(again, cases);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_of_chance() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) as usize
        };
        for seed in seeds() {
            cases(&seed);
            for _ in 0..5_000 {
                let mut bytes = seed.clone();
                for _ in 0..=next() % 3 {
                    let place = next() % bytes.len();
                    match next() % 3 {
                        0 => bytes[place] = b"{}[]\":,0-e1 \n\\"[next() % 14],
                        1 => bytes[place] ^= 1 << (next() % 8),
                        _ => drop(bytes.remove(place)),
                    }
                }
                cases(&bytes);
            }
        }
    }
}
