//! Files that other programs write.

use super::*;

pub(super) fn texts(label: &Label) -> Vec<&str> {
    let passages = label.comparison.passages();
    passages
        .map(|passage| passage.text.as_deref().unwrap())
        .collect()
}

pub(super) fn person(name: &str) -> Labeler {
    Labeler::Person(name.to_owned())
}

#[test]
fn rows_of_the_original_are_read_as_it_reads_them() {
    let text = r#"[
        {"query": [1, 50259], "sample0": [3], "sample1": [4], "sample2": [5], "sample3": [6], "best": 2, "x": 1},
        {"query": [1, 0], "sample0": [3], "sample1": [4], "sample01": [5], "difference": -0.5},
        {"query": [1, 2], "sample": [3], "score": 7}
    ]"#;
    let Imported { labels, left, .. } = reread(text.as_bytes(), "original").unwrap();
    assert_eq!(labels[0].answer, Answer::Best(2));
    assert_eq!(
        labels[0].comparison.query,
        Passage::of_tokens(vec![1, 50259])
    );
    assert_eq!(labels[0].comparison.responses.len(), 4);
    assert_eq!(labels[1].answer, Answer::Difference(-0.5));
    assert_eq!(labels[2].answer, Answer::Rating(7.0));
    assert_eq!(labels[2].labeler, Labeler::Unknown);
    let left: Vec<&str> = left.keys().map(String::as_str).collect();
    assert_eq!(left, ["`sample01`", "`x`"]);
}

#[test]
fn a_long_row_of_the_original_is_read_whole() {
    let ids: Vec<u32> = (0..100_000).chain([u32::MAX]).collect();
    let list = serde_json::to_string(&ids).unwrap();
    let text = format!(r#"[{{"query": {list}, "sample0": {list}, "sample1": {list}, "best": 1}}]"#);
    let read = reread(text.as_bytes(), "original").unwrap();
    let passage = Passage::of_tokens(ids);
    assert!(read.labels[0].comparison.passages().all(|p| *p == passage));
}

#[test]
fn the_original_keeps_the_lengths_that_most_have() {
    let of = |query: &[u32]| Label {
        comparison: super::super::super::Comparison {
            query: Passage::of_tokens(query.to_vec()),
            responses: vec![Passage::of_tokens(vec![5, 6]); 2],
            source: None,
        },
        ..of_texts("", &[], Answer::Best(0))
    };
    let labels = [of(&[1]), of(&[1, 2]), of(&[3, 4])];
    let written = write(&labels, Format::named("original").unwrap()).unwrap();
    assert_eq!(written.labels, 2);
    let why = written.lost.keys().next().unwrap();
    assert!(why.contains("not as long as"), "{why}");
    assert_eq!(
        reread(&written.bytes, "original").unwrap().labels,
        labels[1..]
    );
}

#[test]
fn trl_rows_in_all_their_forms() {
    let ask = r#"{"role": "user", "content": "What color is the sky?"}"#;
    let says = |what: &str| format!(r#"{{"role": "assistant", "content": "{what}"}}"#);
    let [blue, green] = [says("It is blue."), says("It is green.")];
    let system = r#"{"role": "system", "content": "Be brief."}"#;
    let one = ["What color is the sky?", "It is blue.", "It is green."];
    let several = "system: Be brief.\nuser: What color is the sky?";
    for (row, wanted) in [
        (
            r#"{"prompt": "The sky is", "chosen": " blue.", "rejected": " green."}"#.to_owned(),
            ["The sky is", " blue.", " green."],
        ),
        // Without a prompt, whole words are shared.
        (
            r#"{"chosen": "The sky is blue.", "rejected": "The sky is black."}"#.to_owned(),
            ["The sky is", " blue.", " black."],
        ),
        (
            r#"{"prompt": null, "chosen": "Yes", "rejected": "Yesterday"}"#.to_owned(),
            ["", "Yes", "Yesterday"],
        ),
        (
            format!(r#"{{"prompt": [{ask}], "chosen": [{blue}], "rejected": [{green}]}}"#),
            one,
        ),
        (
            format!(r#"{{"chosen": [{ask}, {blue}], "rejected": [{ask}, {green}]}}"#),
            one,
        ),
        // The prompt twice: once as a text, once as the first message.
        (
            format!(
                r#"{{"prompt": "What color is the sky?", "chosen": [{ask}, {blue}], "rejected": [{ask}, {green}]}}"#
            ),
            one,
        ),
        (
            format!(
                r#"{{"prompt": "What color is the sky?", "chosen": [{blue}], "rejected": [{green}]}}"#
            ),
            one,
        ),
        (
            format!(
                r#"{{"prompt": [{system}, {ask}], "chosen": [{blue}], "rejected": [{green}]}}"#
            ),
            [several, one[1], one[2]],
        ),
        (
            format!(
                r#"{{"chosen": [{system}, {ask}, {blue}], "rejected": [{system}, {ask}, {green}]}}"#
            ),
            [several, one[1], one[2]],
        ),
    ] {
        let first = reread(row.as_bytes(), "trl").unwrap();
        assert_eq!(texts(&first.labels[0]), wanted, "{row}");
        assert_eq!(first.labels[0].answer, Answer::Best(0));
        let said = first.left.keys().any(|what| what.contains("who says"));
        assert_eq!(said, row.contains("role"), "{row}");
        let written = write(&first.labels, Format::named("trl").unwrap()).unwrap();
        assert!(written.lost.is_empty(), "{row}");
        assert_eq!(reread(&written.bytes, "trl").unwrap().labels, first.labels);
    }
    // Neither is better.
    for (tie, wanted) in [
        ("true", Answer::Tie(vec![0, 1])),
        ("false", Answer::Best(0)),
        ("null", Answer::Best(0)),
    ] {
        let row = format!(r#"{{"prompt": "p", "chosen": "a", "rejected": "b", "tie": {tie}}}"#);
        let read = reread(row.as_bytes(), "trl").unwrap();
        assert_eq!(
            (&read.labels[0].answer, &read.left),
            (&wanted, &Tally::new())
        );
    }
    let scored = r#"{"prompt": "p", "chosen": "a", "rejected": "b", "score_chosen": 4}"#;
    let left = reread(scored.as_bytes(), "trl").unwrap().left;
    assert_eq!(left, Tally::from([("`score_chosen`".to_owned(), 1)]));
    let other =
        format!(r#"{{"prompt": "?", "chosen": [{ask}, {blue}], "rejected": [{ask}, {green}]}}"#);
    let left = reread(other.as_bytes(), "trl").unwrap().left;
    assert!(
        left.keys().any(|what| what.starts_with("`prompt`")),
        "{left:?}"
    );
}

const STUDIO: &str = r#"[
  {"id": 1, "data": {"prompt": "Q", "text1": "A", "text2": "B", "meta": 3}, "drafts": [], "predictions": [],
   "annotations": [
     {"id": 7, "completed_by": 3, "was_cancelled": false, "created_at": "2021-03-09T22:16:08.728353Z",
      "result": [{"from_name": "pw", "to_name": "text1,text2", "type": "pairwise", "value": {"selected": "right"}},
                 {"from_name": "why", "to_name": "text1", "type": "textarea", "value": {"text": ["shorter"]}}]},
     {"id": 8, "completed_by": {"id": 4, "email": "bob@example.org"}, "was_cancelled": true, "result": []},
     {"id": 9, "completed_by": {"id": 5}, "was_cancelled": false, "result": []}]},
  {"id": 2, "data": {"prompt": "Q", "items": [{"id": "mdn", "title": "one", "body": "A"},
                     {"id": "wiki", "body": "B"}, {"id": "blog", "body": "C"}]},
   "predictions": [{"result": []}],
   "annotations": [
     {"result": [{"type": "ranker", "value": {"ranker": {"rank": ["wiki", "mdn", "blog"]}}}]},
     {"result": [{"type": "ranker", "value": {"ranker": ["blog", "mdn", "wiki"]}}]},
     {"result": [{"type": "ranker", "value": {"ranker": {"_": [], "best": ["blog"], "ads": ["mdn"]}}}]},
     {"result": [{"type": "ranker", "value": {"ranker": {"2": ["wiki"], "1": ["mdn", "blog"]}}}]}]},
  {"id": 3, "data": {"question": "Q", "answer": "A"},
   "annotations": [{"result": [{"type": "rating", "value": {"rating": 4}}]}]},
  {"id": 4, "data": {"question": "Q", "answer": "A"}, "annotations": []}
]"#;

#[test]
fn label_studios_tags() {
    let Imported { labels, left, .. } = reread(STUDIO.as_bytes(), "label-studio").unwrap();
    let answers: Vec<&Answer> = labels.iter().map(|label| &label.answer).collect();
    let ranking =
        |groups: &[&[usize]]| Answer::Ranking(groups.iter().map(|group| group.to_vec()).collect());
    assert_eq!(
        answers,
        [
            &Answer::Best(1),
            &Answer::Skip,
            &Answer::Abstain,
            &ranking(&[&[1], &[0], &[2]]),
            &ranking(&[&[2], &[0], &[1]]),
            &Answer::Best(2),
            &ranking(&[&[0, 2], &[1]]),
            &Answer::Rating(4.0),
        ]
    );
    assert_eq!(texts(&labels[0]), ["Q", "A", "B"]);
    assert_eq!(texts(&labels[3]), ["Q", "A", "B", "C"]);
    assert_eq!(labels[0].time, Some(1_615_328_168_728));
    let judges: Vec<&Labeler> = labels.iter().map(|label| &label.labeler).collect();
    assert_eq!(
        judges[..4],
        [
            &person("3"),
            &person("bob@example.org"),
            &person("5"),
            &Labeler::Unknown
        ]
    );
    let left: Vec<&str> = left.keys().map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "`data.items[].title`",
            "`data.meta`",
            "`predictions`",
            "results of the type \"textarea\"",
            "tasks that nobody has judged"
        ]
    );
}

const ARGILLA: &str = r#"[
  {"id": "1", "fields": {"prompt": "Q", "reply-1": "A", "reply-2": "B", "reply-3": "C"}, "metadata": {},
   "suggestions": {}, "vectors": {}, "_server_id": null,
   "responses": {
     "preference": [
       {"value": [{"value": "reply-2", "rank": 1}, {"value": "reply-1", "rank": 2}, {"value": "reply-3", "rank": 2}],
        "user_id": "5f2a"},
       {"value": [], "user_id": "77", "status": "draft"},
       {"value": null, "user_id": "88", "status": "discarded"}],
     "comment": [{"value": "reply two is kinder", "user_id": "5f2a"}]}},
  {"fields": {"prompt": "Q", "reply-1": "A", "reply-2": "B"},
   "responses": [
     {"user_id": null, "status": "submitted", "values": {"choice": {"value": "reply-2"}}},
     {"user_id": "9", "status": "discarded", "values": {}},
     {"user_id": "10", "values": {"choice": {"value": ["reply-1", "reply-2"]}}}]},
  {"fields": {"prompt": "Q", "reply-1": "A", "reply-2": "B", "reply-3": "C"},
   "responses": {"order": [
     {"value": ["reply-2", "reply-3", "reply-1"], "user_id": "11"},
     {"value": ["reply-3", "reply-1"], "user_id": "12"}]}},
  {"fields": {"prompt": "Q", "reply-1": "A", "reply-2": "B"},
   "responses": {"order": [{"value": ["reply-2", "reply-1"], "user_id": "13"}]}},
  {"fields": {"prompt": "Q", "text": "A"}, "responses": {"rating": [{"value": 3, "user_id": "None"}]}},
  {"fields": {"prompt": "Q", "text": "A"}, "responses": {}}
]"#;

#[test]
fn argillas_questions_of_both_versions() {
    let Imported { labels, left, .. } = reread(ARGILLA.as_bytes(), "argilla").unwrap();
    let said: Vec<(&Answer, &Labeler)> = labels.iter().map(|l| (&l.answer, &l.labeler)).collect();
    assert_eq!(
        said,
        [
            (&Answer::Ranking(vec![vec![1], vec![0, 2]]), &person("5f2a")),
            (&Answer::Skip, &person("88")),
            (&Answer::Best(1), &Labeler::Unknown),
            (&Answer::Skip, &person("9")),
            (&Answer::Tie(vec![0, 1]), &person("10")),
            (
                &Answer::Ranking(vec![vec![1], vec![2], vec![0]]),
                &person("11")
            ),
            (&Answer::Tie(vec![2, 0]), &person("12")),
            (&Answer::Best(1), &person("13")),
            (&Answer::Rating(3.0), &Labeler::Unknown),
        ]
    );
    assert_eq!(texts(&labels[0]), ["Q", "A", "B", "C"]);
    let left: Vec<&str> = left.keys().map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "answers to `comment`",
            "drafts",
            "records that nobody has judged"
        ]
    );
}

#[test]
fn tables_that_somebody_typed() {
    let text = "\u{feff}query, response0,response1,response2,answer,value,labeler,time,note\r\n\
                q,a,\"b,\nb\",,best,1,ann,2026-03-09 12:00,fine\r\n\
                ,a,b,c,ranking,2>0=1,,,\r\n";
    let Imported { labels, left, .. } = reread(text.as_bytes(), "csv").unwrap();
    assert_eq!(texts(&labels[0]), ["q", "a", "b,\nb"]);
    assert_eq!(labels[0].labeler, person("ann"));
    assert_eq!(labels[0].time, Some(1_773_057_600_000));
    assert_eq!(texts(&labels[1]), ["", "a", "b", "c"]);
    assert_eq!(labels[1].answer, Answer::Ranking(vec![vec![2], vec![0, 1]]));
    assert_eq!(left, Tally::from([("the column `note`".to_owned(), 1)]));
}

/// Written by `tests/labels/parquet.py`, as Hugging Face's libraries write such files.
#[test]
fn parquet_of_hugging_face() {
    let words = include_bytes!("../../../../../tests/labels/words.parquet").as_slice();
    let zstd = include_bytes!("../../../../../tests/labels/zstd.parquet").as_slice();
    for file in [words, zstd] {
        let Imported { labels, left, .. } = reread(file, "parquet").unwrap();
        assert_eq!(texts(&labels[0]), ["The sky is", " blue.", " green."]);
        assert_eq!(texts(&labels[1]), ["Größe", " groß", " 🙂"]);
        assert_eq!(left, Tally::from([("the column `score`".to_owned(), 1)]));
    }
    let talk = include_bytes!("../../../../../tests/labels/talk.parquet");
    let Imported { labels, left, .. } = reread(talk, "parquet").unwrap();
    assert_eq!(texts(&labels[0]), ["Hello", "Hi.", "Go away."]);
    assert_eq!(
        texts(&labels[1]),
        ["user: Hello\nassistant: Hi.\nuser: So?", "So.", "No."]
    );
    assert_eq!(left.len(), 1);
}
