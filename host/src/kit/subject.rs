//! The plugin that is looked at: a component's file, a plugin's name, or a project's folder,
//! which is built first; and its native twin.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use attune_build::{Language, Project};
use serde_json::Value;

use super::{CASES, build};
use crate::experiment::parts::{self, find};
use crate::golden::{Call, Case, Role, Tokens, Unanswered};
use crate::plugin::{self, Description, Limits, Spec, TokenizerHost};
use crate::role::Trust;
use crate::tokenizer::Tokenizer;

/// A plugin's file and where its cases are.
pub(crate) struct Subject {
    pub(crate) file: PathBuf,
    pub(crate) trust: Trust,
    pub(crate) about: Description,
    /// The project's folder, where it is one.
    pub(crate) folder: Option<PathBuf>,
    /// Where the golden cases are expected.
    pub(crate) cases: PathBuf,
    sandboxed_only: bool,
}

/// How a plugin is found.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    /// The golden cases; where they usually are when left out.
    pub(crate) cases: Option<&'a Path>,
    /// Where the compiler keeps its work.
    pub(crate) target_dir: Option<&'a Path>,
    /// Whether nothing may run outside the sandbox.
    pub(crate) sandboxed_only: bool,
}

impl Subject {
    /// Finds the plugin, building it where `name` is a folder.
    pub(crate) fn find(name: &str, search: Search<'_>) -> Result<Self> {
        let folder = Path::new(name);
        let (file, folder) = if folder.is_dir() {
            let project = Project::open(folder)?;
            let built = build(&project, Trust::Sandboxed, None, search.target_dir)?;
            (built.path, Some(project.folder))
        } else {
            (find(name)?, None)
        };
        let usual = folder
            .as_deref()
            .map_or_else(|| cases_of(&file), |folder| folder.join(CASES));
        let about = plugin::describe(&file, Trust::Sandboxed)?;
        Ok(Subject {
            cases: search.cases.map_or(usual, Path::to_owned),
            about,
            file,
            trust: Trust::Sandboxed,
            folder,
            sandboxed_only: search.sandboxed_only,
        })
    }

    /// The project that the plugin is built of, where it is one.
    pub(crate) fn project(&self) -> Result<Option<Project>> {
        self.folder.as_deref().map(Project::open).transpose()
    }

    /// The same plugin as a shared library: built, where there is its project, or found beside the
    /// component. None where there is none to be had.
    pub(crate) fn native(&self, target_dir: Option<&Path>) -> Result<Option<Self>> {
        if self.sandboxed_only {
            return Ok(None);
        }
        let file = match &self.folder {
            Some(folder) => {
                let project = Project::open(folder)?;
                if project.language != Language::Rust {
                    return Ok(None);
                }
                build(&project, Trust::Native, None, target_dir)?.path
            }
            None => {
                let beside = self.file.with_extension(std::env::consts::DLL_EXTENSION);
                if !beside.is_file() {
                    return Ok(None);
                }
                beside
            }
        };
        Ok(Some(Subject {
            about: plugin::describe(&file, Trust::Native)?,
            file,
            trust: Trust::Native,
            folder: self.folder.clone(),
            cases: self.cases.clone(),
            sandboxed_only: self.sandboxed_only,
        }))
    }

    /// Why its native twin, which `option` asks for, is not to be had.
    pub(crate) fn not_native(&self, option: &str) -> anyhow::Error {
        if self.sandboxed_only {
            return anyhow!(
                "--sandboxed-only lets nothing run outside the sandbox, and {option} asks for it\nhint: leave \
                 out one of them"
            );
        }
        anyhow!(
            "there is no native build of `{}`\nhint: `attune plugin build --native` makes one of a project in \
             Rust; leave out {option}",
            self.about.name
        )
    }

    /// What is to be loaded for a case: its settings, and its files from the folder of the cases.
    pub(crate) fn spec(&self, case: &Case) -> Spec {
        let folder = self.cases.parent().unwrap_or(Path::new("."));
        let assets = case.assets.iter();
        Spec {
            path: self.file.clone(),
            trust: self.trust,
            settings: if case.settings.is_null() {
                Value::Object(serde_json::Map::new())
            } else {
                case.settings.clone()
            },
            assets: assets
                .map(|(name, path)| (name.clone(), folder.join(path)))
                .collect(),
            limits: Limits::default(),
        }
    }

    /// Loads the plugin for a case, in an instance of its own.
    pub(crate) fn load(&self, case: &Case, tokenizer: &std::sync::Arc<Tokenizer>) -> Result<Role> {
        let spec = self.spec(case);
        let host: std::sync::Arc<dyn TokenizerHost> = tokenizer.clone();
        Ok(match self.about.kind.as_str() {
            "task" => Role::Task(plugin::load_task(&spec, host)?),
            "labeler" => Role::Labeler(plugin::load_labeler(&spec, host)?),
            _ => Role::Shaper(plugin::load_shaper(&spec, host)?),
        })
    }

    /// Loads the plugin and puts the case to it: one answer a row.
    pub(crate) fn answer(
        &self,
        case: &Case,
        tokenizer: &std::sync::Arc<Tokenizer>,
    ) -> Result<Vec<Value>> {
        match self.load(case, tokenizer) {
            Ok(role) => ask(case, &role, tokenizer),
            Err(error) if case.call == Call::Configure => {
                // Where the file lies is no part of the answer.
                let file = format!("plugin `{}`: ", self.file.display());
                let text = format!("{error:#}");
                let text = text.strip_prefix(&file).unwrap_or(&text);
                Ok(vec![serde_json::json!({"error": text})])
            }
            Err(error) => Err(error),
        }
    }
}

/// Where the cases of a component are: beside it, or in the project that it was built of.
fn cases_of(file: &Path) -> PathBuf {
    let beside = file.with_file_name(CASES);
    if beside.is_file() {
        return beside;
    }
    let project = attune_build::project_of(file);
    let cases = project.map(|project| project.join(CASES));
    cases.filter(|cases| cases.is_file()).unwrap_or(beside)
}

/// Puts a case to a role. A call that fails as a whole is every row's error.
pub(crate) fn ask(case: &Case, role: &Role, tokenizer: &Tokenizer) -> Result<Vec<Value>> {
    match crate::golden::ask(case, role, tokenizer) {
        Ok(answers) => Ok(answers),
        Err(Unanswered::Case(text)) => Err(anyhow!(text)),
        Err(Unanswered::Call(error)) => {
            let answer = serde_json::json!({"error": error.message});
            Ok(vec![answer; case.rows.len().max(1)])
        }
    }
}

/// The tokenizer that cases are made with: a model's, or one whose tokens are bytes.
pub(crate) fn tokenizer(model: Option<&Path>) -> Result<std::sync::Arc<Tokenizer>> {
    match model {
        None => Ok(std::sync::Arc::new(Tokenizer::bytes())),
        Some(folder) => Ok(parts::model(folder)?.1),
    }
}

impl Tokens for Tokenizer {
    fn encode(&self, text: &str) -> Vec<u32> {
        Tokenizer::encode(self, text)
    }

    fn encode_after(&self, before: &[u32], text: &str) -> Vec<u32> {
        Tokenizer::encode_after(self, before, text)
    }

    fn decode_after(&self, before: &[u32], ids: &[u32]) -> String {
        Tokenizer::decode_after(self, before, ids)
    }
}

/// Reads the cases; those that are not there are advised to be written.
pub(crate) fn read_cases(path: &Path) -> Result<Vec<Case>> {
    if !path.exists() {
        bail!(
            "there are no golden cases at `{}`\nhint: write them there, one JSON object a line, or name \
             another file by --cases",
            path.display()
        );
    }
    crate::golden::read(path).context("cannot read the golden cases")
}
