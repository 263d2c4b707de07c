//! What runs came to: for who reads it afterwards, one page that is whole in itself, with every plot as a file; for who
//! watches, the same data while it grows. Reads run directories and writes nothing into a run; knows no models.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run_dir::replace;

mod cited;
pub mod data;
mod html;
mod lines;
pub mod metrics;
mod page;
mod picture;
mod plot;
mod runs;
pub mod samples;
#[cfg(test)]
mod tests;

use self::data::Run;
use self::page::{Bounds, Plots, Told};
use self::picture::Painter;
pub use self::runs::{RunRef, State, runs};

/// Bytes of a page.
const LARGEST: usize = 5_000_000;
/// How much is shown: the first that makes no page too large.
const BOUNDS: [Bounds; 4] = [
    Bounds {
        pairs: 8,
        samples: 5,
        text: 1500,
        config: 20_000,
    },
    Bounds {
        pairs: 4,
        samples: 2,
        text: 800,
        config: 8_000,
    },
    Bounds {
        pairs: 2,
        samples: 1,
        text: 400,
        config: 2_000,
    },
    Bounds {
        pairs: 0,
        samples: 1,
        text: 100,
        config: 500,
    },
];
/// The folder of plots, beside the page.
const PLOTS: &str = "plots";

/// What was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// How large it is.
    pub bytes: usize,
    /// Runs that it tells of.
    pub runs: usize,
    /// The folder of plots, each as SVG and as PNG.
    pub plots: PathBuf,
    /// How many there are.
    pub drawn: usize,
}

/// The page about runs and their parts.
///
/// # Errors
/// A directory is no run's, a file of it cannot be read, or there are so many runs that the page would be too large.
pub fn page(dirs: &[PathBuf]) -> Result<String> {
    Ok(drawn(dirs)?.0)
}

/// Writes the page about runs and their parts to `out`, and its plots to the folder `plots` beside it.
///
/// # Errors
/// As of [`page`]; or something cannot be written.
pub fn write(dirs: &[PathBuf], out: &Path) -> Result<Written> {
    if out.is_dir() {
        bail!(
            "`{}` is a folder\nhint: name a file, such as {}",
            out.display(),
            out.join("report.html").display()
        );
    }
    let (html, Plots(plots), runs) = drawn(dirs)?;
    let folder = out.parent().unwrap_or(Path::new("")).join(PLOTS);
    let painter = Painter::new();
    for (name, svg) in &plots {
        let path = |ending: &str| folder.join(format!("{name}.{ending}"));
        replace(&path("svg"), svg.as_bytes())?;
        let png = painter
            .png(svg)
            .with_context(|| format!("in the plot `{name}`"))?;
        replace(&path("png"), &png)?;
    }
    // Last, so that what it says of plots is there.
    replace(out, html.as_bytes())?;
    Ok(Written {
        page: out.to_owned(),
        bytes: html.len(),
        runs,
        plots: folder,
        drawn: plots.len(),
    })
}

/// The page, its plots, and how many runs it tells of.
fn drawn(dirs: &[PathBuf]) -> Result<(String, Plots, usize)> {
    let told = told(dirs)?;
    for bounds in BOUNDS {
        let (html, plots) = page::page(&told, bounds)?;
        if html.len() <= LARGEST {
            return Ok((html, plots, told.len()));
        }
    }
    bail!(
        "a page about {} runs would have more than {LARGEST} bytes\nhint: name fewer of them",
        told.len()
    )
}

/// The runs with names of their own.
fn told(dirs: &[PathBuf]) -> Result<Vec<Told>> {
    let mut told: Vec<Told> = Vec::new();
    for run in runs(dirs)? {
        let about = || format!("in the run `{}`", run.dir.display());
        let read = Run::of(&run).with_context(about)?;
        let taken = |name: &str| told.iter().any(|known| known.name == name);
        let mut name = run.name.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{} ({number})", run.name);
            number += 1;
        }
        told.push(Told {
            short: name.clone(),
            name,
            run: read,
        });
    }
    shorten(&mut told);
    if told.is_empty() {
        bail!(
            "there is no run to report\nhint: name run directories; `attune run` and `attune train` make them"
        );
    }
    Ok(told)
}

/// Takes away the directory that all but the first, the experiment itself, are in.
fn shorten(told: &mut [Told]) {
    let Some((first, rest)) = told.split_first_mut() else {
        return;
    };
    let above = format!("{}/", first.name);
    if rest.iter().all(|told| told.name.starts_with(&above)) {
        rest.iter_mut()
            .for_each(|told| told.short = told.name[above.len()..].to_owned());
    }
}
