//! `attune report`: what runs came to, as one page.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::report;
use crate::terminal::Line;

#[derive(Args)]
pub(super) struct ReportArgs {
    /// Run directories, whose parts are told of as well
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page; `report.html` when left out: of one run in its directory, of several in this folder
    ///
    /// It is whole in itself. Every plot is also beside it, in the folder `plots`, as SVG and PNG.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the page and says where it is.
pub(super) fn run(args: &ReportArgs) -> Result<()> {
    let usual = match args.runs.as_slice() {
        [run] => run.join("report.html"),
        _ => PathBuf::from("report.html"),
    };
    let written = report::write(&args.runs, args.out.as_ref().unwrap_or(&usual))?;
    println!(
        "{}: {} runs, {} KB",
        Line(written.page.display()),
        written.runs,
        written.bytes.div_ceil(1000)
    );
    println!(
        "{}: {} plots, each as SVG and PNG",
        Line(written.plots.display()),
        written.drawn
    );
    Ok(())
}
