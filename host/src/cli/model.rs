//! `attune model …`: models come in, are looked at, and are compared.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;
use tch::{Device, Kind, Tensor};

use crate::cli::warn;
use crate::model::config::ModelConfig;
use crate::model::files::read_json;
use crate::model::gguf;
use crate::model::open;
use crate::model::policy::Policy;
use crate::model::sampling::Sampling;
use crate::model::weights::{read_folder, read_tensors, write_tensors};
use crate::tokenizer::Tokenizer;

/// Random models are for tests and comparisons.
const LARGEST_RANDOM: i64 = 1 << 31;

#[derive(Subcommand)]
pub(super) enum ModelCommand {
    /// Turn a GGUF file into a Hugging Face folder
    Import {
        /// The file; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are read
        file: PathBuf,
        /// The folder to make
        dir: PathBuf,
    },
    /// Print what a model folder holds
    Inspect {
        /// A Hugging Face folder
        dir: PathBuf,
    },
    /// Make a model with random weights and a byte tokenizer, for tests and first tries
    Random {
        /// A `config.json` of a supported family
        config: PathBuf,
        /// The folder to make
        dir: PathBuf,
        /// Same seed, same weights
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Write the logits of a text, to be compared with another implementation
    Logits {
        /// A Hugging Face folder
        dir: PathBuf,
        /// A file with the text
        #[arg(long)]
        text: PathBuf,
        /// Where `logits` goes, a safetensors file
        #[arg(long)]
        out: PathBuf,
        /// Continue the text greedily by so many tokens
        #[arg(long, default_value_t = 0)]
        greedy: usize,
    },
}

pub(super) fn run(command: &ModelCommand) -> Result<()> {
    match command {
        ModelCommand::Import { file, dir } => {
            let report = gguf::import(file, dir)?;
            println!(
                "{}: {} blocks, {} tokens, from {}",
                dir.display(),
                report.layers,
                report.vocab_size,
                report.architecture
            );
            Ok(())
        }
        ModelCommand::Inspect { dir } => inspect(dir),
        ModelCommand::Random { config, dir, seed } => random(config, dir, *seed),
        ModelCommand::Logits {
            dir,
            text,
            out,
            greedy,
        } => logits(dir, text, out, *greedy),
    }
}

fn inspect(dir: &Path) -> Result<()> {
    let _ = ModelConfig::load(dir)?;
    let stored = stored_kinds(dir)?;
    let policy = Policy::load(dir, Device::Cpu, Kind::Float, None)?;
    warn(policy.notes());
    let parameters: usize = policy
        .trainable()
        .iter()
        .filter(|(name, _)| !name.starts_with("v_head."))
        .map(|(_, tensor)| tensor.numel())
        .sum();
    let has_tokenizer = dir.join("tokenizer.json").exists();
    let tokenizer = has_tokenizer.then(|| Tokenizer::load(dir));
    let ids = match &tokenizer {
        None => "none".to_owned(),
        Some(Ok(tokenizer)) => format!("up to {}", tokenizer.id_bound().saturating_sub(1)),
        Some(Err(_)) => "none that is whole".to_owned(),
    };
    let c = policy.config();
    for (name, value) in [
        ("family", format!("{:?}", c.family)),
        (
            "parameters",
            format!("{parameters} ({})", stored.join(", ")),
        ),
        ("blocks", c.layers.to_string()),
        ("hidden", format!("{}, {} in the MLP", c.hidden, c.mlp)),
        (
            "heads",
            format!(
                "{} of {}, {} for keys and values",
                c.heads, c.head_dim, c.kv_heads
            ),
        ),
        (
            "vocabulary",
            format!(
                "{} ids, {ids} in the tokenizer, {} head",
                c.vocab_size,
                if c.tied { "tied" } else { "separate" }
            ),
        ),
        ("positions", c.max_positions.to_string()),
        (
            "value head",
            match value_head_is_trained(dir) {
                Some(true) => "trained".to_owned(),
                Some(false) => "all 0, not trained yet".to_owned(),
                None => "none yet, starts at 0".to_owned(),
            },
        ),
    ] {
        println!("{name:<11} {value}");
    }
    // Last: what else the folder holds is known by then.
    match tokenizer {
        Some(tokenizer) => open::check_ids(&tokenizer?, c, dir),
        None => Ok(()),
    }
}

/// Whether a value head that is there is anything but zeros.
fn value_head_is_trained(dir: &Path) -> Option<bool> {
    let tensors = read_tensors(&dir.join("value_head.safetensors")).ok()?;
    let sizes = tensors
        .iter()
        .map(|(_, tensor)| tensor.abs().sum(Kind::Double));
    Some(sizes.map(|size| size.double_value(&[])).sum::<f64>() > 0.0)
}

/// Which number types the folder's tensors are stored in.
fn stored_kinds(dir: &Path) -> Result<Vec<String>> {
    let mut kinds: Vec<String> = read_folder(dir)?
        .iter()
        .map(|(_, tensor)| match tensor.kind() {
            Kind::Float => "f32".to_owned(),
            Kind::Half => "f16".to_owned(),
            Kind::BFloat16 => "bf16".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

fn random(config: &Path, dir: &Path, seed: u64) -> Result<()> {
    if dir.join("config.json").exists() {
        bail!("`{}` holds a model already", dir.display());
    }
    let about = || {
        format!(
            "in `{}`\nhint: give it a config.json of a small GPT-2, Llama or Qwen2",
            config.display()
        )
    };
    let json = read_json(config).with_context(about)?;
    let config = ModelConfig::from_json(&json).with_context(about)?;
    let parameters: i64 = config
        .parameters()
        .iter()
        .map(|(_, shape)| shape.iter().product::<i64>())
        .fold(0, i64::saturating_add);
    if parameters > LARGEST_RANDOM {
        bail!(
            "a model of {parameters} random parameters would be for nothing; at most {LARGEST_RANDOM}\n\
             hint: make it smaller"
        );
    }
    let tokenizer = Tokenizer::bytes();
    open::check_ids(&tokenizer, &config, dir)?;
    let policy = Policy::random(&config, seed, Device::Cpu, Kind::Float, None)?;
    policy.save(dir)?;
    tokenizer.save(dir)
}

fn logits(dir: &Path, text: &Path, out: &Path, greedy: usize) -> Result<()> {
    let (_, tokenizer) = open::open(dir)?;
    let policy = Policy::load(dir, Device::Cpu, Kind::Float, None)?;
    warn(policy.notes());
    let text = std::fs::read_to_string(text).with_context(|| {
        format!(
            "cannot read `{}`\nhint: name a file of UTF-8 text",
            text.display()
        )
    })?;
    let tokens = tokenizer.encode(&text);
    if tokens.is_empty() {
        bail!("the text has no tokens\nhint: give it a file with some words");
    }
    let (len, most) = (
        tokens.len().saturating_add(greedy),
        policy.config().max_positions,
    );
    if len as u64 > most as u64 {
        bail!(
            "the text has {} tokens and --greedy {greedy} makes them {len}, more than the model's {most} \
             positions\nhint: give it a shorter text, or lower --greedy",
            tokens.len()
        );
    }
    let ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
    let context = Tensor::from_slice(&ids).view([1, -1]);
    let logits = policy.logits(&context).squeeze_dim(0);
    write_tensors(out, &[("logits".to_owned(), logits)])?;
    let continuation: Vec<i64> = if greedy == 0 {
        Vec::new()
    } else {
        let sampling = Sampling {
            temperature: 0.0,
            ..Sampling::default()
        };
        let response = policy.respond(&context, greedy as i64, &sampling, 0);
        Vec::<i64>::try_from(response.view([-1]))?
    };
    println!("{}", json!({ "tokens": tokens, "greedy": continuation }));
    Ok(())
}
