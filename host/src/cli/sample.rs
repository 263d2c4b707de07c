//! `attune sample`: text from a model folder or from the policy of a run.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use tch::Tensor;

use crate::cli::warn;
use crate::model::device;
use crate::model::open;
use crate::model::policy::Policy;
use crate::model::sampling::Sampling;

/// Rows that are sampled at a time.
const ROWS: usize = 64;
/// More than anybody reads.
const MOST_SAMPLES: usize = 100_000;

#[derive(Args)]
pub(super) struct SampleArgs {
    /// A run directory or a model folder
    dir: PathBuf,
    /// Text to continue; may be repeated
    #[arg(long, required = true)]
    prompt: Vec<String>,
    /// How many tokens to write
    #[arg(long, default_value_t = 32)]
    tokens: usize,
    /// How many continuations of each prompt
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Logits are divided by it; 0 for the likeliest token
    #[arg(long, default_value_t = 0.7)]
    temperature: f64,
    /// Draw from the so many likeliest tokens; 0 for all
    #[arg(long, default_value_t = 0)]
    top_k: i64,
    /// Draw from the likeliest tokens that hold this share of the probability; 1 for all
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Same seed, same text
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// `auto`, `cpu`, `cuda` or `cuda:INDEX`
    #[arg(long, default_value = "auto")]
    device: String,
}

pub(super) fn run(args: &SampleArgs) -> Result<()> {
    if !args.temperature.is_finite() || args.temperature < 0.0 {
        bail!(
            "--temperature {} must be a number, at least 0\nhint: 1 samples as the model says, 0 takes \
             the likeliest token",
            args.temperature
        );
    }
    if args.top_k < 0 {
        bail!(
            "--top-k {} must be at least 0\nhint: 0 samples among all tokens",
            args.top_k
        );
    }
    if !(args.top_p > 0.0 && args.top_p <= 1.0) {
        bail!(
            "--top-p {} must be above 0 and at most 1\nhint: 1 samples among all tokens",
            args.top_p
        );
    }
    if args.tokens == 0 || !(1..=MOST_SAMPLES).contains(&args.count) {
        bail!(
            "--tokens {} must be at least 1, --count {} from 1 to {MOST_SAMPLES}\nhint: give other \
             numbers",
            args.tokens,
            args.count
        );
    }
    let folder = model_folder(&args.dir)?;
    let (_, tokenizer) = open::open(&folder)?;
    let device = device::resolve(&args.device)?;
    let policy = Policy::load(&folder, device, tch::Kind::Float, None);
    let policy = policy.map_err(|error| open::of_folder(error, &folder))?;
    warn(policy.notes());
    let sampling = Sampling {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        skip_first: false,
        ..Sampling::default()
    };
    for (number, prompt) in args.prompt.iter().enumerate() {
        let before = tokenizer.encode(prompt);
        let tokens: Vec<i64> = before.iter().copied().map(i64::from).collect();
        if tokens.is_empty() {
            bail!(
                "prompt {} is empty\nhint: give it a word to go on from",
                number + 1
            );
        }
        let len = tokens.len().saturating_add(args.tokens);
        let most = policy.config().max_positions;
        if len as u64 > most as u64 {
            bail!(
                "prompt {} and --tokens {} make {len} tokens, more than the model's {most} positions\n\
                 hint: lower --tokens",
                number + 1,
                args.tokens
            );
        }
        let context = Tensor::from_slice(&tokens).view([1, tokens.len() as i64]);
        let context = context.to_device(device);
        let seed = crate::seed::derive(args.seed, "sample", number as u64);
        for first_row in (0..args.count).step_by(ROWS) {
            let rows = ROWS.min(args.count - first_row) as i64;
            let sampling = Sampling {
                first_row: first_row as u64,
                ..sampling.clone()
            };
            let context = context.repeat([rows, 1]);
            let responses = policy.respond(&context, args.tokens as i64, &sampling, seed);
            for row in Vec::<Vec<i64>>::try_from(responses.to_device(tch::Device::Cpu))? {
                let response: Vec<u32> = row.iter().map(|&token| token as u32).collect();
                println!("{prompt}{}", tokenizer.decode_after(&before, &response));
            }
        }
    }
    Ok(())
}

/// The model folder itself, or the trained policy of a run directory.
fn model_folder(dir: &Path) -> Result<PathBuf> {
    if dir.join("config.json").is_file() {
        return Ok(dir.to_path_buf());
    }
    let policy = dir.join("policy");
    if policy.join("config.json").is_file() {
        return Ok(policy);
    }
    // It may be something that nobody can sample from: what, and what to do, is said there.
    if dir.is_file() || dir.join("adapter_config.json").is_file() {
        let _ = open::open(dir)?;
    }
    bail!(
        "`{}` is neither a model folder (no config.json) nor a finished run (no policy/config.json)\n\
         hint: name a folder that `attune train policy` or `attune model import` made",
        dir.display()
    )
}
