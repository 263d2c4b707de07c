//! Where in its author's files a plugin stopped, from the debug information that its component carries.
//!
//! What it carries may be made to be read for ever, so it is read on a thread that nobody waits long
//! for, and only when there is something to say.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use addr2line::Context;
use gimli::{Dwarf, EndianSlice, LittleEndian};
use wasmparser::{Parser, Payload};

use super::call::clean;
use super::patience;

/// Longer is not worth waiting for; what Rust leaves in a plugin takes a millisecond, and more where the machine is busy
/// or this program was built in haste.
const PATIENCE: Duration = Duration::from_millis(500);
const MAX_PLACES: usize = 6;
/// Bytes of code after an address that has no line, in which one is looked for.
const NEAR: u64 = 64;

/// The debug information of a component.
#[derive(Default)]
pub(super) struct Places {
    modules: Arc<Vec<Module>>,
    /// Whether it took too long to read once.
    given_up: AtomicBool,
}

#[derive(Default)]
struct Module {
    /// Where its code is in the component.
    code: Range<usize>,
    /// Sections by name.
    sections: Vec<(String, Vec<u8>)>,
}

impl Places {
    /// What there is in a component's bytes.
    pub(super) fn of(component: &[u8]) -> Self {
        let mut modules = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            match payload {
                Ok(Payload::ModuleSection { .. }) => modules.push(Module::default()),
                Ok(Payload::CodeSectionStart { range, .. }) => {
                    if let Some(module) = modules.last_mut() {
                        module.code = range;
                    }
                }
                Ok(Payload::CustomSection(section)) if section.name().starts_with(".debug_") => {
                    if let Some(module) = modules.last_mut() {
                        let (name, data) = (section.name().to_owned(), section.data().to_vec());
                        module.sections.push((name, data));
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        modules.retain(|module| !module.sections.is_empty());
        Places {
            modules: Arc::new(modules),
            given_up: AtomicBool::new(false),
        }
    }

    /// Files and lines of some offsets in the component, innermost first, each once and without those
    /// of the compiler's own library.
    pub(super) fn name(&self, offsets: Vec<usize>) -> Option<String> {
        if self.modules.is_empty() || self.given_up.load(Ordering::Relaxed) {
            return None;
        }
        let modules = self.modules.clone();
        let named = patience::within(PATIENCE, "plugin-places", move || find(&modules, &offsets));
        match named {
            Ok(places) if places.is_empty() => None,
            Ok(places) => Some(clean(&places.join(", "))),
            Err(_) => {
                self.given_up.store(true, Ordering::Relaxed);
                None
            }
        }
    }
}

fn find(modules: &[Module], offsets: &[usize]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for module in modules {
        let section = |id: gimli::SectionId| -> Result<_, gimli::Error> {
            let found = module.sections.iter().find(|(name, _)| name == id.name());
            let data = found.map_or(&[][..], |(_, data)| data.as_slice());
            Ok(EndianSlice::new(data, LittleEndian))
        };
        let Ok(context) = Dwarf::load(section).and_then(Context::from_dwarf) else {
            continue;
        };
        for offset in offsets.iter().filter(|offset| module.code.contains(offset)) {
            if places.len() >= MAX_PLACES {
                break;
            }
            lines(&context, (offset - module.code.start) as u64, &mut places);
        }
    }
    places
}

/// Adds the place of an address, and those of the functions that were inlined there.
fn lines(context: &Lines<'_>, address: u64, places: &mut Vec<String>) {
    for place in frames(context, near(context, address)) {
        let Some((file, line)) = place.line else {
            continue;
        };
        let place = format!("{file}:{line}");
        if !of_the_library(file) && !places.contains(&place) && places.len() < MAX_PLACES {
            places.push(place);
        }
    }
}

type Lines<'a> = Context<EndianSlice<'a, LittleEndian>>;

/// A function at an address, and the line that the address is of.
struct Frame<'a> {
    function: Option<&'a [u8]>,
    line: Option<(&'a str, u32)>,
}

/// The functions at an address, the innermost first.
fn frames<'a>(context: &'a Lines<'_>, address: u64) -> Vec<Frame<'a>> {
    let mut found = Vec::new();
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else {
        return found;
    };
    while let Ok(Some(frame)) = frames.next() {
        let line = frame.location.and_then(|at| Some((at.file?, at.line?)));
        let function = frame.function.map(|function| function.name.slice());
        found.push(Frame { function, line });
    }
    found
}

/// The address, or the next one in the same function that is of a line: where a loop begins is of none.
fn near(context: &Lines<'_>, address: u64) -> u64 {
    let of = |address| frames(context, address).into_iter().next();
    let Some(here) = of(address) else {
        return address;
    };
    let mut after = address..address + NEAR;
    let found = after.find(|address| {
        of(*address).is_some_and(|there| there.line.is_some() && there.function == here.function)
    });
    found.unwrap_or(address)
}

fn of_the_library(file: &str) -> bool {
    let library = ["/rustc/", "/library/", "/registry/", "rust-src", "dlmalloc"];
    library.iter().any(|part| file.contains(part))
}
