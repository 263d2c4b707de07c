//! What `[data]` may say: several files, patterns, numbers, rows that cannot be read, and rows that are read when they are
//! needed.

use serde_json::json;
use sha1::{Digest, Sha1};

use crate::rows::{plan, texts};
use crate::support::{Lab, failure};

#[test]
fn several_files_are_one_and_may_be_meant_by_a_pattern() {
    let lab = Lab::new();
    let rows = texts();
    lab.write("all.txt", rows.join("\n"));
    lab.write("part-0.txt", rows[..15].join("\n"));
    let table: String = rows[15..].iter().map(|text| format!("{text}\n")).collect();
    lab.write("part-1.csv", format!("text\n{table}"));
    let train = |files: &str| {
        let path = lab.path("x").parent().unwrap().display().to_string();
        format!("data.train={}", files.replace('@', &path))
    };
    let samples = lab.train("one", &["--set", &train("@/all.txt")]).samples;
    let list = train("['@/part-0.txt', '@/part-1.csv']");
    for (run, files) in [("list", &list), ("pattern", &train("@/part-?.*"))] {
        assert_eq!(lab.train(run, &["--set", files]).samples, samples, "{run}");
    }
    let said = plan(&lab, "part-*", &[]);
    for part in [
        "15 in `",
        "part-0.txt` (plain text)",
        "25 in `",
        "part-1.csv` (CSV)",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let said = lab.refused("none", &["--set", &train("@/nothing-*.jsonl")]);
    for part in [
        "data.train",
        "no file is called like",
        "nothing-*.jsonl",
        "hint: ",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    // Another order of files is another run.
    let other = train("['@/part-1.csv', '@/part-0.txt']");
    let said = lab.refused("list", &["--resume", "--set", &other]);
    assert!(said.contains("data.train"), "{said}");
}

#[test]
fn bad_rows_are_counted_or_stop() {
    let lab = Lab::new();
    let mut lines: Vec<String> = texts()
        .iter()
        .map(|text| json!({"text": text}).to_string())
        .collect();
    lines.insert(7, "{\"text\": ".to_owned());
    lines.insert(20, "{\"text\": ".to_owned());
    lines.insert(21, "17".to_owned());
    lab.write("rows.jsonl", lines.join("\n"));
    for stream in [&[][..], &["--set", "data.stream=true"]] {
        let said = plan(&lab, "rows.jsonl", stream);
        for part in [
            "3 more cannot be read and are left out",
            "2 x is not JSON",
            "line 8",
            "line 22",
        ] {
            assert!(said.contains(part), "no `{part}` in {said}");
        }
        let train = format!("data.train={}", lab.path("rows.jsonl").display());
        let strict = ["--set", &train, "--set", "data.strict=true"];
        let said = lab.refused("run", &[&strict[..], stream].concat());
        for part in ["rows.jsonl`", "line 8", "is not JSON", "hint: "] {
            assert!(said.contains(part), "no `{part}` in {said}");
        }
    }
    lab.write("rows.jsonl", lines[7..9].join("\n"));
    let train = format!("data.train={}", lab.path("rows.jsonl").display());
    let said = lab.refused("run", &["--set", &train]);
    assert!(said.contains("cannot read 1 of 2 rows"), "{said}");
}

#[test]
fn rows_may_be_numbers() {
    let lab = Lab::new();
    lab.edit("train = \"data.txt\"", "generate = 40");
    let config = std::fs::read_to_string(lab.path("config.toml")).unwrap();
    let (before, rest) = config.split_once("[task]").unwrap();
    let (_, after) = rest.split_once("[labeler]").unwrap();
    let task = "[task]\nplugin = \"hostile-task\"\n[labeler]";
    lab.write("config.toml", format!("{before}{task}{after}"));
    let output = lab.command(&["plan"], "run", &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("40 in `data.generate` (numbered rows), 40 make queries"),
        "{said}"
    );
    assert_eq!(lab.train("run", &[]).metrics.len(), 6);
    let said = lab.refused("both", &["--set", "data.train=data.txt"]);
    assert!(said.contains("train and generate"), "{said}");
}

#[test]
fn rows_that_are_read_when_they_are_needed_make_the_same_run_in_any_form() {
    let lab = Lab::new();
    let rows = texts();
    let lines: String = rows
        .iter()
        .map(|text| format!("{}\n", json!({"text": text})))
        .collect();
    lab.write("rows.jsonl", lines);
    let table: String = rows.iter().map(|text| format!("{text}\n")).collect();
    lab.write("rows.csv", format!("text\n{table}"));
    lab.write("plain.txt", rows.join("\r\n"));
    let said = plan(&lab, "rows.jsonl", &["--set", "data.stream=true"]);
    assert!(said.contains("40 in `"), "{said}");
    let train = |file: &str| format!("data.train={}", lab.path(file).display());
    let run = |name: &str, file: &str, more: &[&str]| {
        let stream = ["--set", &train(file), "--set", "data.stream=true"];
        lab.train(name, &[&stream, more].concat())
    };
    let whole = run("lines", "rows.jsonl", &[]);
    for (name, file) in [("table", "rows.csv"), ("plain", "plain.txt")] {
        assert_eq!(run(name, file, &[]).samples, whole.samples, "{name}");
    }
    // A run that is gone on with meets the same rows, and a file that is shorter by then is refused.
    std::fs::remove_dir_all(lab.path("lines/checkpoints/update-000006")).unwrap();
    std::fs::remove_dir_all(lab.path("lines/policy")).unwrap();
    let text = std::fs::read_to_string(lab.path("rows.jsonl")).unwrap();
    lab.write("rows.jsonl", &text[..text.len() / 2]);
    let stream = [
        "--resume",
        "--set",
        &train("rows.jsonl"),
        "--set",
        "data.stream=true",
    ];
    let said = lab.refused("lines", &stream);
    assert!(
        said.contains("rows.jsonl` has changed since the run began"),
        "{said}"
    );
    lab.write("rows.jsonl", &text);
    run("lines", "rows.jsonl", &["--resume"]).assert_same(&whole, "resumed");
}

#[test]
fn stories_are_found_by_their_addresses() {
    let lab = Lab::new();
    let stories = lab.path("stories/cnn/stories");
    std::fs::create_dir_all(&stories).unwrap();
    let address = |number: u64| format!("http://www.cnn.com/{number}.html");
    for number in 0..40 {
        let name: String = Sha1::digest(address(number))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let story = format!(
            "PLACE (CNN) -- Story {number} is long.\n\n@highlight\n\nIt is number {number}\n"
        );
        std::fs::write(stories.join(name + ".story"), story).unwrap();
    }
    let list: String = (0..41).map(|number| address(number) + "\n").collect();
    lab.write("all.txt", list);
    lab.edit(
        "train = \"data.txt\"",
        "train = \"all.txt\"\nstories = \"stories\"",
    );
    lab.edit(
        "query_len = 8",
        "field = \"story\"\nreference_field = \"story\"\ncleaning = \"cnndm\"\nquery_len = 20",
    );
    let plan = lab.command(&["plan"], "run", &[]).output().unwrap();
    let (told, said) = (
        String::from_utf8(plan.stdout).unwrap(),
        String::from_utf8(plan.stderr).unwrap(),
    );
    for part in ["all.txt", "there is no story of this address", "line 41"] {
        assert!(told.contains(part), "`{part}` is not in: {told}{said}");
    }
    lab.train("run", &[]);
    let answers = std::fs::read_to_string(lab.path("run/eval/after.json")).unwrap();
    assert!(
        answers.contains("Story ") && answers.contains("It is number"),
        "{answers}"
    );
    assert!(
        !answers.contains("(CNN)") && !answers.contains("@highlight"),
        "{answers}"
    );
    let wrong = lab.path("stories/cnn");
    let set = format!("data.stories={}", wrong.display());
    let said = failure(&mut lab.command(&["plan"], "other", &["--set", &set]));
    assert!(
        said.contains("neither `cnn/stories` nor `dailymail/stories`"),
        "{said}"
    );
}
