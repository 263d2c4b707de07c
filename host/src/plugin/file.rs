//! The bytes of a plugin's file, before anything is made of them.
//!
//! Says what a file is that is no component, and refuses components that are made to keep a compiler
//! busy. Does not know the contract.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmparser::{CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeSectionReader};

const MAX_FILE: u64 = 64 << 20;
/// Functions of all modules; CPython has 13 thousand.
const MAX_FUNCTIONS: u64 = 100_000;
/// Modules, components and instances of them; CPython has 154.
const MAX_PARTS: u64 = 1000;
/// Code of one function in bytes, variables, and both multiplied, with which a compiler's work grows.
/// CPython's largest have 430 KB, 271 variables and a product of 3.5 million.
const MAX_CODE: usize = 1 << 20;
const MAX_WORK: u64 = 1_000_000_000;
/// Blocks within each other, and multiplied with variables, with which a compiler's memory grows (1.6 KB
/// each). CPython has up to 781, and 13 thousand.
const MAX_DEPTH: u64 = 5000;
const MAX_JOINS: u64 = 300_000;
/// What a function or block takes, and what it gives; CPython has up to 18, and 1.
const MAX_VALUES: usize = 100;

/// What to do about a file that is damaged.
pub(super) const AGAIN: &str = "copy or build it again: `attune plugin build` makes one of a project, `cargo xtask plugins` those that ship";
const SMALLER: &str = "leave out what it does not use, and data that can be an asset";
const ANOTHER: &str = "name the component that a plugin SDK made";

/// The bytes of a file, unless there are too many of them.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    // Of what is no file, a pipe for one, nobody knows when it ends or whether it begins.
    let meta = std::fs::metadata(path).context("cannot be opened")?;
    if !meta.is_file() {
        bail!("it is not a file\nhint: {ANOTHER}");
    }
    let file = File::open(path).context("cannot be opened")?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .context("cannot be read")?;
    if bytes.len() as u64 > MAX_FILE {
        bail!(
            "the file has more than {} MiB\nhint: {ANOTHER}",
            MAX_FILE >> 20
        );
    }
    Ok(bytes)
}

/// Says what a file is that is no component.
pub(super) fn sniff(bytes: &[u8]) -> Result<()> {
    match bytes {
        [] => bail!("the file is empty\nhint: {AGAIN}"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => bail!(
            "this is a core module, not a component\nhint: the compiler leaves those; `attune plugin build` makes a component of the project"
        ),
        [0, b'a', b's', b'm', _, _, _, _, ..] => {
            bail!("this is WebAssembly of a version that is not supported\nhint: {AGAIN}")
        }
        [0, b'a', ..] | [0] => {
            bail!("the file is truncated: it ends within the header\nhint: {AGAIN}")
        }
        [b'P', b'K', 3, 4, ..] => {
            bail!("this is a zip archive\nhint: name the .wasm file inside it")
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            bail!(
                "this is machine code, not WebAssembly\nhint: name the .wasm file; or run the library without a sandbox, for a debugger or profiler, by \
                 `trust = \"native\"`"
            )
        }
        _ if std::str::from_utf8(&bytes[..bytes.len().min(64)]).is_ok() => {
            bail!("this is a text file, not a WebAssembly component\nhint: {ANOTHER}")
        }
        _ => bail!("this is not a WebAssembly component\nhint: {ANOTHER}"),
    }
}

/// Refuses a component that a compiler would be at for too long, or with too much memory: one whose
/// size in one respect or another is no plugin's.
pub(super) fn inspect(bytes: &[u8]) -> Result<()> {
    let (mut functions, mut parts) = (0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        // What is not valid is said by the compiler, in its own words.
        let Ok(payload) = payload else { return Ok(()) };
        match payload {
            Payload::CodeSectionStart { count, .. } => functions += u64::from(count),
            Payload::CodeSectionEntry(body) => inspect_function(&body)?,
            Payload::TypeSection(types) => inspect_types(types)?,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => parts += 1,
            Payload::InstanceSection(section) => parts += u64::from(section.count()),
            Payload::ComponentInstanceSection(section) => parts += u64::from(section.count()),
            _ => {}
        }
        expect("functions", functions, MAX_FUNCTIONS)?;
        expect("modules and instances", parts, MAX_PARTS)?;
    }
    Ok(())
}

fn inspect_function(body: &FunctionBody<'_>) -> Result<()> {
    let size = body.range().len();
    expect("bytes of code in a function", size as u64, MAX_CODE as u64)?;
    let (Ok(locals), Ok(operators)) = (body.get_locals_reader(), body.get_operators_reader())
    else {
        return Ok(());
    };
    let variables: u64 = locals
        .into_iter()
        .map_while(Result::ok)
        .map(|(count, _)| u64::from(count))
        .sum();
    let work = variables * size as u64;
    expect("bytes times variables in a function", work, MAX_WORK)?;
    let (mut depth, mut deepest) = (0_u64, 0);
    for operator in operators.into_iter().map_while(Result::ok) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = depth.max(deepest);
    }
    expect("blocks within each other", deepest, MAX_DEPTH)?;
    let joins = deepest * variables;
    expect("blocks within each other times variables", joins, MAX_JOINS)
}

fn inspect_types(types: TypeSectionReader<'_>) -> Result<()> {
    for group in types.into_iter().map_while(Result::ok) {
        for kind in group.into_types() {
            if let CompositeInnerType::Func(function) = &kind.composite_type.inner {
                let values = function.params().len().max(function.results().len());
                expect(
                    "parameters or results of a function",
                    values as u64,
                    MAX_VALUES as u64,
                )?;
            }
        }
    }
    Ok(())
}

fn expect(what: &str, number: u64, most: u64) -> Result<()> {
    if number > most {
        bail!("it has {number} {what}, more than {most}\nhint: {SMALLER}");
    }
    Ok(())
}
