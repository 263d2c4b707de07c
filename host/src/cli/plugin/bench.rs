//! `attune plugin bench`: what a plugin costs, by the call and by the row, in the sandbox and natively.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::search;
use crate::golden::Case;
use crate::kit::cost::{Cost, MOST_TOKENS, PART, case, measure, unfit, update_seconds};
use crate::kit::subject::{Subject, tokenizer};
use crate::plugin;
use crate::tokenizer::Tokenizer;

#[derive(Args)]
pub(in crate::cli) struct BenchArgs {
    /// A project's folder, a `.wasm` file, or a plugin's name
    #[arg(default_value = ".")]
    plugin: String,
    /// Rows of a call
    #[arg(long, default_value_t = 512)]
    rows: usize,
    /// Tokens of a response
    #[arg(long, default_value_t = 24)]
    tokens: usize,
    /// Golden cases, of which settings and files are taken; those of the project when left out
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// A run directory: the share of its updates' time that a call would take
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Where the compiler keeps its work
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Time its shared library too, if it lies beside a component; a project in Rust is built to one
    #[arg(long)]
    native: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: &BenchArgs) -> Result<()> {
    if args.rows < PART {
        bail!(
            "--rows is {}, below {PART}\nhint: time a batch of a size that runs have",
            args.rows
        );
    }
    if args.rows.saturating_mul(args.tokens.max(1)) > MOST_TOKENS {
        bail!(
            "--rows {} of --tokens {} are more than {MOST_TOKENS} tokens in all\nhint: time a batch of a \
             size that runs have",
            args.rows,
            args.tokens
        );
    }
    let search = search(args.cases.as_deref(), args.target_dir.as_deref());
    let subject = Subject::find(&args.plugin, search)?;
    let tokenizer = tokenizer(None)?;
    let case = case(&subject, args.rows, args.tokens)?;
    drop(
        subject
            .load(&case, &tokenizer)
            .with_context(|| unfit(&subject))?,
    );
    let compile = plugin::compile_time(&subject.file)?.as_secs_f64();
    let cost = measure(&subject, &case, &tokenizer)?;
    let costs = Costs {
        compile,
        cost,
        memory: plugin::largest_instance(),
        native: native(args, &subject, &case, &tokenizer)?,
        update: args.run.as_deref().map(update_seconds).transpose()?,
    };
    if args.json {
        println!("{}", as_json(args, &subject, &case, &costs));
    } else {
        print(args, &subject, &case, &costs);
    }
    Ok(())
}

/// All that is measured.
struct Costs {
    compile: f64,
    cost: Cost,
    /// Bytes of the largest instance.
    memory: usize,
    native: Option<Cost>,
    /// Of a run's update.
    update: Option<f64>,
}

/// The same of the plugin's library, if it is wanted.
fn native(
    args: &BenchArgs,
    subject: &Subject,
    case: &Case,
    tokenizer: &Arc<Tokenizer>,
) -> Result<Option<Cost>> {
    if !args.native && subject.folder.is_none() {
        return Ok(None);
    }
    match subject.native(args.target_dir.as_deref())? {
        Some(library) => Ok(Some(measure(&library, case, tokenizer)?)),
        None if !args.native => Ok(None),
        None => Err(subject.not_native("--native")),
    }
}

fn print(args: &BenchArgs, subject: &Subject, case: &Case, costs: &Costs) {
    let (about, cost) = (&subject.about, &costs.cost);
    println!(
        "{} {}, a {}: {}",
        about.name,
        about.version,
        about.kind,
        subject.file.display()
    );
    println!(
        "compile   {:>9.1} ms, once: compiled code is kept",
        costs.compile * 1e3
    );
    println!("load      {:>9.1} ms, compiled before", cost.load * 1e3);
    println!(
        "`{}`{:pad$}{:>9.3} ms for {} rows of {} tokens (median of {} calls)",
        case.call.name(),
        "",
        cost.call * 1e3,
        args.rows,
        args.tokens,
        cost.calls,
        pad = 8_usize.saturating_sub(case.call.name().len())
    );
    println!(
        "          {:>9.3} µs a row, and for a call {}",
        cost.per_row * 1e6,
        match cost.fixed * 1e6 {
            0.0 => "too little to tell".to_owned(),
            fixed => format!("{fixed:.1} µs"),
        }
    );
    if let Some(native) = &costs.native {
        println!(
            "native    {:>9.3} ms for the same: WebAssembly takes {:.2} times as long",
            native.call * 1e3,
            cost.call / native.call
        );
    }
    println!(
        "memory    {:>9.1} MiB of an instance",
        costs.memory as f64 / f64::from(1 << 20)
    );
    if let Some(update) = costs.update {
        println!(
            "share     {:>9.4} % of an update of {update:.2} s",
            100.0 * cost.call / update
        );
    }
}

fn as_json(args: &BenchArgs, subject: &Subject, case: &Case, costs: &Costs) -> Value {
    let cost = &costs.cost;
    json!({
        "name": subject.about.name,
        "version": subject.about.version,
        "kind": subject.about.kind,
        "sdk": subject.about.sdk,
        "sha256": subject.about.sha256,
        "function": case.call.name(),
        "rows": args.rows,
        "tokens": args.tokens,
        "calls": cost.calls,
        "compile_seconds": costs.compile,
        "load_seconds": cost.load,
        "call_seconds": cost.call,
        "fixed_seconds": cost.fixed,
        "row_seconds": cost.per_row,
        "memory_bytes": costs.memory,
        "native_call_seconds": costs.native.as_ref().map(|native| native.call),
        "native_load_seconds": costs.native.as_ref().map(|native| native.load),
        "update_seconds": costs.update,
    })
}
