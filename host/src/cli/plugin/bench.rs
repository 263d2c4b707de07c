//! `attune plugin bench`: what a plugin costs, by the call and by the row, in the sandbox and natively.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::subject::{Subject, read_cases, tokenizer};
use crate::golden::{self, Call, Case, Role};
use crate::plugin;
use crate::run_dir::RunDir;
use crate::tokenizer::Tokenizer;

/// Timed calls are made for so long, and at least so many.
const PATIENCE: Duration = Duration::from_secs(2);
const FEWEST: usize = 5;
const MOST: usize = 200;
/// The smaller of the two batches of which the cost of a row is told from that of a call.
const PART: usize = 8;
/// Responses to a query, for a labeler.
const RESPONSES: usize = 4;
/// Tokens of a batch, all rows together: what is made up must fit into memory.
const MOST_TOKENS: usize = 1 << 22;

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

/// Seconds, each the median of several.
struct Cost {
    load: f64,
    call: f64,
    /// Of `call`, what does not grow with the rows.
    fixed: f64,
    per_row: f64,
    calls: usize,
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
    let subject = Subject::find(
        &args.plugin,
        args.cases.as_deref(),
        args.target_dir.as_deref(),
    )?;
    let tokenizer = tokenizer(None)?;
    let case = case(args, &subject)?;
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

/// The call that is timed: the kind's own, on rows that are made up, with the settings and files of
/// the first golden case of that call.
fn case(args: &BenchArgs, subject: &Subject) -> Result<Case> {
    let call = match subject.about.kind.as_str() {
        "task" => Call::Finish,
        "labeler" => Call::Judge,
        _ => Call::Shape,
    };
    let cases = if subject.cases.exists() {
        read_cases(&subject.cases)?
    } else {
        Vec::new()
    };
    let own = cases.into_iter().find(|case| case.call == call);
    let rows = match call {
        Call::Judge => groups(args.rows.div_ceil(RESPONSES), args.tokens),
        _ => responses(args.rows, args.tokens),
    };
    let mut case =
        golden::parse(&json!({"name": "bench", "call": call, "rows": rows}).to_string())?
            .pop()
            .context("there is no case")?;
    if let Some(own) = own {
        case.settings = own.settings;
        case.assets = own.assets;
    }
    Ok(case)
}

/// Why a plugin is not timed.
fn unfit(subject: &Subject) -> String {
    if subject.cases.exists() {
        let cases = subject.cases.display();
        return format!("it is given the settings and files of `{cases}`");
    }
    format!(
        "it has neither settings nor files: there are no golden cases at `{}`\nhint: name a file of golden \
         cases by --cases; the settings and files of the first are taken",
        subject.cases.display()
    )
}

const WORDS: [&str; 12] = [
    "the", "film", "was", "not", "good", "but", "we", "love", "its", "great", "ending", "again.",
];

/// A text of so many words, another for each number.
fn text(number: usize, words: usize) -> String {
    let word = |place: usize| WORDS[(number * 7 + place * place + place) % WORDS.len()];
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

fn responses(rows: usize, tokens: usize) -> Vec<Value> {
    let row = |number: usize| {
        let ids: Vec<usize> = (0..tokens)
            .map(|place| (number * 31 + place * 17) % 256)
            .collect();
        json!({
            "query": text(number + 1, tokens),
            "response": text(number, tokens),
            "tokens": ids,
            "logprobs": -1.5,
            "ref_logprobs": -1.25,
            "values": 0.5,
            "score": 0.25,
        })
    };
    (0..rows).map(row).collect()
}

fn groups(groups: usize, tokens: usize) -> Vec<Value> {
    let group = |number: usize| {
        let responses: Vec<String> = (0..RESPONSES)
            .map(|one| text(number * RESPONSES + one, tokens))
            .collect();
        json!({"query": text(number + 1, tokens), "responses": responses})
    };
    (0..groups).map(group).collect()
}

fn measure(subject: &Subject, case: &Case, tokenizer: &Arc<Tokenizer>) -> Result<Cost> {
    let mut loads = Vec::new();
    for _ in 0..FEWEST {
        let begun = Instant::now();
        drop(subject.load(case, tokenizer)?);
        loads.push(begun.elapsed().as_secs_f64());
    }
    let role = subject.load(case, tokenizer)?;
    let small = case.repeated(case.rows.len() / PART);
    let (some, _) = call(&role, &small, tokenizer)?;
    let (all, calls) = call(&role, case, tokenizer)?;
    let more = (case.rows.len() - small.rows.len()) as f64;
    let per_row = ((all - some) / more).max(0.0);
    Ok(Cost {
        load: median(&mut loads),
        call: all,
        fixed: (some - per_row * small.rows.len() as f64).max(0.0),
        per_row,
        calls,
    })
}

/// The median seconds of a call, and of how many.
fn call(role: &Role, case: &Case, tokenizer: &Arc<Tokenizer>) -> Result<(f64, usize)> {
    let question = golden::prepare(case, tokenizer.as_ref())?;
    let mut seconds = Vec::new();
    let begun = Instant::now();
    while seconds.len() < FEWEST || (begun.elapsed() < PATIENCE && seconds.len() < MOST) {
        let started = Instant::now();
        let answers = question.put(role)?;
        seconds.push(started.elapsed().as_secs_f64());
        if let Some(error) = answers {
            bail!(
                "the plugin fails on made-up rows: {error}\nhint: name a file of golden cases by --cases, whose settings and files fit"
            );
        }
    }
    let calls = seconds.len();
    Ok((median(&mut seconds), calls))
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The median time of a run's updates.
fn update_seconds(run: &std::path::Path) -> Result<f64> {
    let metrics = RunDir::open(run)?.metrics();
    let about = || format!("cannot read `{}`", metrics.display());
    let text = std::fs::read_to_string(&metrics).with_context(about)?;
    let mut seconds = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).with_context(about)?;
        seconds.extend(line.get("time/update").and_then(Value::as_f64));
    }
    if seconds.is_empty() {
        bail!(
            "`{}` has no times of updates\nhint: name a run that made an update",
            metrics.display()
        );
    }
    Ok(median(&mut seconds))
}
