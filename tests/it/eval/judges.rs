//! Judges that are no plugins: reward models, and people who are asked through a store.

use attune::model::reward::{Placement, RewardModel};
use serde_json::{Value, json};

use super::{compare, contest, lab, named, results};
use crate::support::{failure, succeed};

#[test]
fn reward_models_and_people_judge() {
    let lab = lab();
    let placement = Placement {
        device: tch::Device::Cpu,
        kind: tch::Kind::Float,
        trainable_layers: None,
    };
    let model = RewardModel::from_language_model(&lab.path("model"), placement, 1, 1).unwrap();
    model.save(&lab.path("rm")).unwrap();
    let copied =
        |name: &str| std::fs::copy(lab.path("model").join(name), lab.path("rm").join(name));
    copied("tokenizer.json").unwrap();
    let config = std::fs::read_to_string(lab.path("config.toml")).unwrap();
    let (before, _) = config.split_once("[[compare.judge]]").unwrap();
    let (_, after) = config.split_once("[ppo]").unwrap();
    let judges = "[[compare.judge]]\nreward_model = \"rm\"\n[[compare.judge]]\nlabels = \"people.db\"\nask = 2\n";
    lab.write("config.toml", format!("{before}{judges}[ppo]{after}"));
    let (said, _) = compare(&lab, "compared", &[]);
    // Six pairs of entries, of two queries each.
    assert!(said.contains("12 comparisons wait for answers"), "{said}");
    let results_before = results(&lab, "compared");
    let rewards = named(&results_before["judges"], "name", "rm");
    assert_eq!(rewards["scores"].as_array().unwrap().len(), 4);
    let pair = contest(rewards, "lead-1", "by hand");
    assert_eq!(
        (&pair["undecided"], &pair["abstained"]),
        (&0.into(), &0.into())
    );
    assert!(rewards["first_seat"].is_null());
    assert_eq!(
        named(&results_before["judges"], "name", "people")["contests"],
        json!([])
    );
    // Somebody always prefers what was written by hand.
    let store = lab.path("people.db").display().to_string();
    let pending = succeed(&["label", "pending", "--store", &store]);
    let mut answered = String::new();
    for line in pending.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let responses = line["comparison"]["responses"].as_array().unwrap();
        let is_by_hand = |one: &Value| {
            let text = one["text"].as_str().unwrap();
            text.starts_with(" row") && !text.contains('.')
        };
        let answer = match responses.iter().position(is_by_hand) {
            Some(place) => json!({"best": place}),
            None => json!({"tie": [0, 1]}),
        };
        answered += &format!(
            "{}\n",
            json!({"key": line["key"], "answer": answer, "labeler": {"person": "ann"}})
        );
    }
    lab.write("answered.jsonl", answered);
    let answered = lab.path("answered.jsonl").display().to_string();
    succeed(&["label", "answer", &answered, "--store", &store]);
    let (said, _) = compare(&lab, "compared", &[]);
    assert!(!said.contains("wait for answers"), "{said}");
    let results = results(&lab, "compared");
    let people = named(&results["judges"], "name", "people");
    let pair = contest(people, "lead-1", "by hand");
    assert_eq!(
        (&pair["losses"], &pair["win_rate"]["count"]),
        (&2.into(), &2.into()),
        "{pair}"
    );
    assert_eq!(contest(people, "untrained", "other")["ties"], 2);
    assert_eq!(results["entries"], results_before["entries"]);
}

#[test]
fn what_a_judge_fails_on_is_counted_and_not_kept() {
    let lab = lab();
    // Of both seats it fails on query 0 and on query 20, and of scores on that of query 0.
    let hostile =
        "compare.judge.1={labeler={plugin=\"hostile\", settings={mode=\"error\", every=40}}}";
    let set = ["--set", hostile, "--set", "plugins.on_error=drop"];
    let drops = || {
        compare(&lab, "compared", &set);
        results(&lab, "compared")
    };
    let found = drops();
    let judge = named(&found["judges"], "name", "hostile");
    // Of six pairs of entries, and of four entries.
    assert_eq!(
        (&judge["failed"], &judge["failed_scores"]),
        (&12.into(), &4.into()),
        "{judge}"
    );
    assert_eq!(judge["scores"][0]["score"]["count"], 39);
    let pair = contest(judge, "lead-1", "by hand");
    assert_eq!(pair["win_rate"]["count"], 38, "{pair}");
    let shown = std::fs::read_to_string(lab.path("compared/eval.md")).unwrap();
    for part in [
        "; n 39)",
        "It failed on 12 comparisons",
        "It failed on 4 answers",
    ] {
        assert!(shown.contains(part), "`{part}` is not in: {shown}");
    }
    // What the other judge said is kept: six pairs and four entries.
    let kept = || {
        std::fs::read_dir(lab.path("compared/comparison/judged"))
            .unwrap()
            .count()
    };
    assert_eq!(kept(), 10);
    assert_eq!(drops(), found);
    // What was let pass once is not let pass by a config that does not.
    let said = failure(&mut lab.command(&["eval"], "compared", &set[..2]));
    for part in [
        "labeler `hostile`: query 0: ",
        "2 of 40 queries",
        "on_error",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}
