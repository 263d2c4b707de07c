//! Running the binary in a fresh folder, and reading what it left there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A tiny Llama over bytes.
pub(crate) const TINY_LLAMA: &str = r#"{
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 256,
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true
}"#;

/// The binary, about to run with `arguments`.
pub(crate) fn attune(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attune"));
    command.args(arguments);
    // Plugins that only tests use; those that ship are found beside the binary.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    command.env("ATTUNE_PLUGINS", root.join("target/test-plugins"));
    command
}

/// Runs it and returns its standard output; panics with its errors when it fails.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = attune(arguments).output().unwrap();
    assert!(
        status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

/// Runs it and returns what it says on standard error; panics when it does not fail.
pub(crate) fn fail(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = attune(arguments).output().unwrap();
    assert!(!status.success(), "{arguments:?} should have failed");
    String::from_utf8(stderr).unwrap()
}

/// A model folder with random weights.
pub(crate) fn tiny_model(folder: &Path) -> PathBuf {
    let config = folder.join("tiny.json");
    std::fs::write(&config, TINY_LLAMA).unwrap();
    let model = folder.join("model");
    succeed(&[
        "model",
        "random",
        config.to_str().unwrap(),
        model.to_str().unwrap(),
    ]);
    model
}

/// A config that trains the tiny model for six updates.
const CONFIG: &str = r#"
[run]
dir = "run"
seed = 7
device = "cpu"
threads = 1
checkpoint_every = 2
[model]
path = "model"
[data]
train = "data.txt"
[task]
plugin = "continuation"
[task.settings]
query_len = 8
response_len = 8
truncate_after = 0
start_text = ""
end_text = ""
truncate_token = ""
[labeler]
plugin = "letters"
[ppo]
total_episodes = 48
batch_size = 8
epochs = 2
minibatches = 2
lr = 1e-3
[eval]
queries = 4
show = 1
"#;

/// A folder with a tiny model, data and a config.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        tiny_model(folder.path());
        let lab = Lab { folder };
        let rows: String = (0..40)
            .map(|row| format!("row {row} is a plain text of no meaning\n"))
            .collect();
        lab.write("data.txt", rows);
        lab.write("config.toml", CONFIG);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Replaces a part of the config, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path("config.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        self.write("config.toml", text.replacen(from, to, 1));
    }

    /// `attune …verb config.toml --set run.dir=RUN …extra`
    pub(crate) fn command(&self, verb: &[&str], run: &str, extra: &[&str]) -> Command {
        let mut command = attune(verb);
        command.arg(self.path("config.toml"));
        let dir = self.path(run);
        command.args(["--set", &format!("run.dir={}", dir.display())]);
        command.args(extra);
        command
    }

    /// Trains, and returns what is left in the run directory.
    pub(crate) fn train(&self, run: &str, extra: &[&str]) -> Trained {
        let output = self
            .command(&["train", "policy"], run, extra)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{run}: {stderr}");
        Trained::read(&self.path(run), stderr)
    }

    /// Fine-tunes, and returns what is left in the run directory.
    pub(crate) fn tune(&self, run: &str, extra: &[&str]) -> Trained {
        let mut command = self.command(&["train", "sft"], run, extra);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{run}: {stderr}");
        Trained::read(&self.path(run), stderr)
    }

    /// What a training that fails says; it must not have crashed.
    pub(crate) fn refused(&self, run: &str, extra: &[&str]) -> String {
        failure(&mut self.command(&["train", "policy"], run, extra))
    }
}

/// What a command that fails says; it must exit by itself, with an error and a hint.
pub(crate) fn failure(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: "), "{stderr}");
    assert!(stderr.contains("\nhint: "), "no hint in {stderr}");
    stderr
}

/// What a run left behind, without what depends on the clock.
#[derive(Debug)]
pub(crate) struct Trained {
    /// Lines of `metrics.jsonl` without what depends on the clock.
    pub(crate) metrics: Vec<BTreeMap<String, Value>>,
    /// Lines of `samples.jsonl`, where something was sampled.
    pub(crate) samples: Vec<Value>,
    /// `report.json`, where there is one, without what depends on the clock.
    pub(crate) report: Option<Value>,
    /// Files of `policy/` and `eval/`, byte for byte.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What the process said.
    pub(crate) stderr: String,
}

fn depends_on_the_clock(metric: &str) -> bool {
    metric.starts_with("time/") || ["elapsed/fps", "elapsed/time"].contains(&metric)
}

impl Trained {
    pub(crate) fn read(run: &Path, stderr: String) -> Trained {
        let mut files = BTreeMap::new();
        for name in ["policy", "eval"] {
            let folder = std::fs::read_dir(run.join(name));
            for entry in folder.into_iter().flatten() {
                let path = entry.unwrap().path();
                let file = path.file_name().unwrap().to_string_lossy();
                files.insert(format!("{name}/{file}"), std::fs::read(&path).unwrap());
            }
        }
        let metrics = lines(&run.join("metrics.jsonl")).into_iter().map(|line| {
            let all: BTreeMap<String, Value> = serde_json::from_value(line).unwrap();
            all.into_iter()
                .filter(|(name, _)| !depends_on_the_clock(name))
                .collect()
        });
        let samples = run.join("samples.jsonl");
        let report = std::fs::read(run.join("report.json")).ok();
        let report = report.map(|bytes| {
            let mut report: Value = serde_json::from_slice(&bytes).unwrap();
            assert!(report.as_object_mut().unwrap().remove("seconds").is_some());
            report
        });
        assert!(files.contains_key("policy/model.safetensors"));
        Trained {
            metrics: metrics.collect(),
            samples: match samples.exists() {
                true => lines(&samples),
                false => Vec::new(),
            },
            report,
            files,
            stderr,
        }
    }

    /// A metric in all updates.
    pub(crate) fn metric(&self, name: &str) -> Vec<f64> {
        let value = |line: &BTreeMap<String, Value>| {
            let value = line.get(name).unwrap_or_else(|| panic!("no {name}"));
            value.as_f64().unwrap_or(f64::NAN)
        };
        self.metrics.iter().map(value).collect()
    }

    /// Says where two runs differ, if they do.
    pub(crate) fn assert_same(&self, other: &Trained, about: &str) {
        assert_eq!(self.metrics, other.metrics, "{about}: metrics");
        assert_eq!(self.samples, other.samples, "{about}: samples");
        assert_eq!(self.report, other.report, "{about}: report");
        let names = |run: &Trained| run.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(other), "{about}: files");
        for (name, bytes) in &self.files {
            assert!(*bytes == other.files[name], "{about}: {name} differs");
        }
    }
}

/// The values of a file of JSON lines.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
