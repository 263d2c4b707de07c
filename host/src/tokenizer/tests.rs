//! Tokenizers of every kind read texts and their continuations back as they were, and are known again.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn golden_gpt2() {
    // GPT-2's tokens and merges, as far as any of these texts can touch them.
    let json = include_bytes!("../../../tests/golden/gpt2_cut.json");
    let tokenizer = Tokenizer::from_json(json).unwrap();
    let cases: [(&str, &[u32]); 13] = [
        (".", &[13]),
        ("\n", &[198]),
        ("x\n\n", &[87, 628]),
        ("\n\nx", &[198, 198, 87]),
        ("...", &[986]),
        ("?", &[30]),
        ("!", &[0]),
        (".\"", &[526]),
        (" .", &[764]),
        ("Article:\n\n", &[14906, 25, 628]),
        ("\n\nTL;DR:", &[198, 198, 14990, 26, 7707, 25]),
        ("usually, he would", &[23073, 11, 339, 561]),
        ("she thought about it", &[7091, 1807, 546, 340]),
    ];
    for (text, want) in cases {
        assert_eq!(tokenizer.encode(text), want, "{text:?}");
        assert_eq!(tokenizer.decode(want), text);
    }
}

proptest! {
    #[test]
    fn bytes_round_trip(text in any::<String>()) {
        let tokenizer = Tokenizer::bytes();
        let ids = tokenizer.encode(&text);
        prop_assert_eq!(ids.clone(), text.bytes().map(u32::from).collect::<Vec<_>>());
        prop_assert_eq!(tokenizer.decode(&ids), text);
    }
}

#[test]
fn padding_decodes_to_nothing() {
    let tokenizer = Tokenizer::bytes();
    assert_eq!(tokenizer.id_bound(), 256);
    assert_eq!(tokenizer.decode(&[104, 105, 256, u32::MAX]), "hi");
    assert_eq!(tokenizer.decode(&[]), "");
    assert_eq!(tokenizer.token("a"), Some(97));
    assert_eq!(tokenizer.token("ab"), None);
}

#[test]
fn saves_and_loads() {
    let dir = tempfile::tempdir().unwrap();
    Tokenizer::bytes().save(dir.path()).unwrap();
    let loaded = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(loaded.encode("né"), vec![110, 195, 169]);
}

#[test]
fn bad_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = format!("{:#}", Tokenizer::load(dir.path()).unwrap_err());
    assert!(missing.contains("tokenizer.json"), "{missing}");
    std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    let invalid = format!("{:#}", Tokenizer::load(dir.path()).unwrap_err());
    assert!(invalid.contains("not a valid tokenizer.json"), "{invalid}");
    let words = r#"{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"?"}}"#;
    let error = format!("{:#}", Tokenizer::from_json(words.as_bytes()).unwrap_err());
    assert!(error.contains("WordLevel"), "{error}");
}

/// A byte-pair tokenizer as they are made of SentencePiece's models, with bytes for what it does not know, and a
/// few words.
fn sentencepiece(edit: impl Fn(&mut Value)) -> Tokenizer {
    Tokenizer::from_json(sentencepiece_json(edit).to_string().as_bytes()).unwrap()
}

fn sentencepiece_json(edit: impl Fn(&mut Value)) -> Value {
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).into();
    tokens.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    tokens.extend(
        "▁abcdefghijklmnopqrstuvwxyzHTW.,!é"
            .chars()
            .map(String::from),
    );
    let merges = [
        ("▁", "w"),
        ("▁w", "a"),
        ("▁wa", "s"),
        ("a", "s"),
        ("▁", "▁"),
        ("▁", "H"),
        ("s", "."),
    ];
    tokens.extend(merges.iter().map(|(left, right)| format!("{left}{right}")));
    let vocab: serde_json::Map<_, _> = (0..)
        .zip(tokens)
        .map(|(id, token)| (token, json!(id)))
        .collect();
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let mut json = json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        ]},
        "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}
        ]},
        "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "vocab": vocab,
            "merges": merges.map(|(left, right)| json!([left, right]))}
    });
    edit(&mut json);
    json
}

fn metaspace(scheme: &str) -> Tokenizer {
    let part =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    sentencepiece(|json| {
        json["normalizer"] = Value::Null;
        json["pre_tokenizer"] = part.clone();
        json["decoder"] = json!({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, part]});
    })
}

/// The 256 bytes with other parts around.
fn bytes_with(edit: impl Fn(&mut Value)) -> Tokenizer {
    let mut json: Value = serde_json::from_slice(&Tokenizer::bytes().source).unwrap();
    edit(&mut json);
    Tokenizer::from_json(json.to_string().as_bytes()).unwrap()
}

#[test]
fn a_continuation_is_read_after_what_it_follows() {
    let spellings = |tokenizer: &Tokenizer, ids: &[u32]| {
        let spell = |id: &u32| tokenizer.spelling(*id).unwrap();
        ids.iter().map(spell).collect::<Vec<_>>()
    };
    for tokenizer in [
        sentencepiece(|_| ()),
        metaspace("first"),
        metaspace("always"),
    ] {
        let query = tokenizer.encode("He");
        assert_eq!(spellings(&tokenizer, &query), ["▁H", "e"]);
        // As a model would have written it: one space, and none where there is none.
        let response = tokenizer.encode_after(&query, " was");
        assert_eq!(spellings(&tokenizer, &response), ["▁was"]);
        assert_eq!(tokenizer.decode_after(&query, &response), " was");
        let glued = tokenizer.encode_after(&query, "as");
        assert_eq!(spellings(&tokenizer, &glued), ["as"]);
        assert_eq!(tokenizer.decode_after(&query, &glued), "as");
        // At the begin of a text it is as ever.
        assert_eq!(tokenizer.decode(&response), "was");
        assert_eq!(tokenizer.encode_after(&[], "was"), response);
        assert_eq!(tokenizer.decode_after(&[], &response), "was");
    }
}

#[test]
fn two_parts_read_as_the_whole() {
    let exact = [
        sentencepiece(|_| ()),
        metaspace("first"),
        metaspace("always"),
        metaspace("never"),
        Tokenizer::bytes(),
    ];
    let parts = [
        ("He", " was."),
        ("He", "  was"),
        ("He", "was"),
        ("He ", "was"),
        ("He", "\n\nwas"),
        ("He", " é 語!"),
        ("He", "▁was"),
        ("", "was"),
        ("He", ""),
        ("He</s>", " was"),
        ("He", " was</s> a"),
    ];
    for (number, tokenizer) in exact.iter().enumerate() {
        let known = |text: &str| number < 4 || !text.contains('▁');
        let mut all = parts.iter().filter(|(_, next)| known(next));
        let wrong = all.find(|(text, next)| {
            let read = tokenizer.read_back(text, next);
            // Tokenizers of SentencePiece's have no other sign for a space.
            read != format!("{text}{next}").replace('▁', if number < 4 { " " } else { "▁" })
        });
        assert_eq!(wrong, None, "{number}");
    }
}

#[test]
fn what_cannot_be_read_back_is_seen() {
    let byte_level = |space: bool| json!({"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": false, "use_regex": false});
    let spaced = bytes_with(|json| json["pre_tokenizer"] = byte_level(true));
    // The first part gains its space, the second none.
    assert_eq!(spaced.read_back("He", " was"), " He was");
    assert_eq!(spaced.read_back(" He", "was"), " Hewas");
    let lower = bytes_with(|json| json["normalizer"] = json!({"type": "Lowercase"}));
    assert_eq!(lower.read_back("He", " Was"), "he was");
    let composed = bytes_with(|json| json["normalizer"] = json!({"type": "NFC"}));
    assert_eq!(composed.read_back("e\u{301}", "e\u{301}"), "éé");
    // An accent that begins the second part is no longer part of the first part's letter.
    assert_eq!(composed.read_back("e", "\u{301}"), "e\u{301}");
    let stripped = bytes_with(|json| {
        json["normalizer"] = json!({"type": "Strip", "strip_left": true, "strip_right": false});
    });
    assert_eq!(stripped.read_back(" He", " was"), "He was");
}

#[test]
fn words_that_end_in_a_sign_get_their_spaces() {
    let tokens = ["a", "b", "a</w>", "b</w>", "ab</w>"];
    let vocab: serde_json::Map<_, _> = (0..)
        .zip(tokens)
        .map(|(id, token)| (token.to_owned(), json!(id)))
        .collect();
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
        "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": vocab, "merges": [["a", "b</w>"]]}
    });
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    let query = tokenizer.encode("a b");
    assert_eq!(tokenizer.decode(&query), "a b");
    assert_eq!(
        tokenizer.decode_after(&query, &tokenizer.encode("ab")),
        " ab"
    );
}

#[test]
fn characters_cut_in_two_are_in_neither_part() {
    let tokenizer = sentencepiece(|_| ());
    let ids = tokenizer.encode("He 語 was");
    let cut = ids
        .iter()
        .position(|id| tokenizer.spelling(*id).unwrap().starts_with("<0x"))
        .unwrap();
    for at in [cut + 1, cut + 2] {
        let (before, after) = ids.split_at(at);
        let text = tokenizer.decode_after(before, after);
        assert!(
            text.ends_with(" was") && text.contains('\u{fffd}'),
            "{text:?}"
        );
    }
    assert_eq!(tokenizer.decode_after(&ids[..cut], &ids[cut..]), "語 was");
}

#[test]
fn ids_may_have_gaps_and_lie_beyond_the_vocabulary() {
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let tokenizer =
        bytes_with(|json| json["added_tokens"] = json!([added(300, "<end>"), added(270, "<pad>")]));
    assert_eq!(tokenizer.id_bound(), 301);
    assert_eq!(tokenizer.encode("a<end><pad>"), [97, 300, 270]);
    assert_eq!(tokenizer.decode(&[97, 300, 280, 270]), "a<end><pad>");
    let gap = bytes_with(|json| json["model"]["vocab"]["zz"] = json!(999));
    assert_eq!(
        (gap.id_bound(), gap.spelling(999).as_deref()),
        (1000, Some("zz"))
    );
    let refused = |edit: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_slice(&Tokenizer::bytes().source).unwrap();
        edit(&mut json);
        let error = Tokenizer::from_json(json.to_string().as_bytes()).unwrap_err();
        format!("{error:#}")
    };
    let twice = refused(&|json| json["added_tokens"] = json!([added(7, "a")]));
    assert!(twice.contains("`a` has the ids 97 and 7"), "{twice}");
    let both = refused(&|json| json["added_tokens"] = json!([added(97, "<end>")]));
    assert!(
        both.contains("`a` and `<end>` both have the id 97"),
        "{both}"
    );
}

#[test]
fn lengths_chance_and_marks_are_no_part_of_it() {
    let plain = Tokenizer::bytes();
    let asked = bytes_with(|json| {
        json["truncation"] =
            json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
        json["padding"] = json!({"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "a"});
        json["model"]["dropout"] = json!(0.9);
        json["model"]["merges"] = json!([]);
    });
    assert_eq!(asked.encode("hello"), plain.encode("hello"));
    assert_eq!(plain.difference(&asked), None);
    // What it asked for is kept for others.
    let folder = tempfile::tempdir().unwrap();
    asked.save(folder.path()).unwrap();
    let saved = std::fs::read_to_string(folder.path().join("tokenizer.json")).unwrap();
    assert!(saved.contains("max_length") && saved.contains("0.9"));
    let marked = [b"\xef\xbb\xbf", &plain.source[..]].concat();
    assert_eq!(
        Tokenizer::from_json(&marked).unwrap().encode("hé"),
        plain.encode("hé")
    );
    // A post-processor's tokens are not added.
    assert_eq!(sentencepiece(|_| ()).encode("as").len(), 2);
}

#[test]
fn tokenizers_are_known_by_what_they_do() {
    let one = sentencepiece(|_| ());
    let alike = sentencepiece(|json| {
        json["post_processor"] = Value::Null;
        json["added_tokens"].as_array_mut().unwrap().reverse();
        json["added_tokens"][0]["special"] = json!(false);
        json["model"]["merges"] = json!(["▁ w", "▁w a", "▁wa s", "a s", "▁ ▁", "▁ H", "s ."]);
        json["model"]["continuing_subword_prefix"] = json!("");
        let normalizer = json["normalizer"].take();
        json["normalizer"] = json!({"type": "Sequence", "normalizers": [normalizer]});
    });
    assert_eq!(one.difference(&alike), None);
    let differs = |edit: &dyn Fn(&mut Value), words: &str| {
        let told = one.difference(&sentencepiece(edit)).unwrap();
        assert!(told.contains(words), "{told}");
        assert!(sentencepiece(edit).difference(&one).is_some());
    };
    // The same size, and two tokens have each other's ids.
    differs(
        &|json| {
            let vocab = &mut json["model"]["vocab"];
            let (a, b) = (vocab["a"].take(), vocab["b"].take());
            (vocab["a"], vocab["b"]) = (b, a);
        },
        "and token `a` is 260 here, 261 there",
    );
    differs(
        &|json| json["model"]["vocab"]["zz"] = json!(999),
        "`zz` is unknown here, and 999 there",
    );
    differs(
        &|json| json["model"]["merges"][0] = json!(["▁w", "a"]),
        "merge 1 is",
    );
    differs(
        &|json| json["normalizer"] = json!({"type": "Lowercase"}),
        "`normalizer` is",
    );
    differs(
        &|json| json["pre_tokenizer"] = json!({"type": "WhitespaceSplit"}),
        "`pre_tokenizer` is null here",
    );
    differs(
        &|json| json["added_tokens"][2]["lstrip"] = json!(true),
        "`added_tokens[2].lstrip` is false here, true there",
    );
    differs(
        &|json| json["added_tokens"][0]["normalized"] = json!(true),
        "`added_tokens[0].normalized` is false here, true there",
    );
    differs(
        &|json| json["decoder"]["decoders"][3]["start"] = json!(2),
        "`decoder.decoders[3].start` is 1 here, 2 there",
    );
    differs(
        &|json| {
            let _ = json["decoder"]["decoders"].as_array_mut().unwrap().pop();
        },
        " here, absent there",
    );
    differs(
        &|json| json["decoder"]["decoders"][3] = json!({"type": "Fuse"}),
        r#"`decoder.decoders[3]` is {"type":"Strip""#,
    );
    differs(
        &|json| json["model"]["byte_fallback"] = json!(false),
        "`model.byte_fallback` is true here, false there",
    );
}

#[test]
fn what_differs_is_shown_however_long_it_is() {
    let split = |end: &str| {
        let pattern = "a".repeat(300) + end + &"z".repeat(300);
        bytes_with(|json| {
            json["pre_tokenizer"] = json!({"type": "Split", "pattern": {"String": pattern.clone()},
                "behavior": "Isolated", "invert": false});
        })
    };
    let told = split("b").difference(&split("c")).unwrap();
    assert!(
        told.starts_with("`pre_tokenizer.pattern.String` is …aa")
            && told.contains("aabzz")
            && told.contains("… here, …aa")
            && told.contains("aaczz"),
        "{told}"
    );
    assert!(told.chars().count() < 400, "{told}");
}
