//! The page of a report: sections one after the other, each of which is left out where it has nothing to tell. One file
//! of HTML with its style and its plots inside; it has no script and fetches nothing.

use anyhow::Result;

use super::data::Run;
use super::html::name;
use super::plot::Plot;

mod alarms;
mod answers;
mod comparison;
mod configs;
mod curves;
mod differences;
mod judges;
mod overview;
mod responses;
mod rewards;
mod spread;
mod wins;

/// Characters of a plot's file's name, which may be a number's.
const LONGEST_FILE: usize = 80;

/// Runs that the heading names.
const NAMED: usize = 3;

/// How the page looks.
const STYLE: &str = include_str!("page/style.css");

/// A run and the names that the page calls it by, which no other has.
pub(super) struct Told {
    /// Its directory and those above it, as files are named.
    pub(super) name: String,
    /// The same without what is above all of the runs.
    pub(super) short: String,
    pub(super) run: Run,
}

impl Told {
    /// How the page calls a file of the run.
    fn file(&self, file: &str) -> String {
        format!("{}/{file}", self.name)
    }
}

/// How much of what is said is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Answers before and after, of each run.
    pub(super) pairs: usize,
    /// Responses of each kind, of each run.
    pub(super) samples: usize,
    /// Characters of a text.
    pub(super) text: usize,
    /// Characters of a config.
    pub(super) config: usize,
}

/// Plots that were drawn, by the names of their files.
#[derive(Default)]
pub(super) struct Plots(pub(super) Vec<(String, String)>);

impl Plots {
    /// Draws a plot; returns it as a page has it, with `about` below, which is HTML. Nothing where it shows nothing.
    fn figure(&mut self, mut plot: Plot, about: &str) -> Result<String> {
        if plot.is_empty() {
            return Ok(String::new());
        }
        let wanted: String = plot.name.chars().take(LONGEST_FILE).collect();
        plot.name.clone_from(&wanted);
        let mut number = 2;
        while self.0.iter().any(|(known, _)| *known == plot.name) {
            plot.name = format!("{wanted}-{number}");
            number += 1;
        }
        let svg = plot.svg()?;
        let shown = plot.inline(&svg);
        self.0.push((plot.name, svg));
        Ok(format!(
            "<figure>{shown}<figcaption>{about}</figcaption></figure>\n"
        ))
    }
}

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    html: String,
}

/// The page, and its plots.
pub(super) fn page(runs: &[Told], bounds: Bounds) -> Result<(String, Plots)> {
    let mut plots = Plots::default();
    let section = |id, title, html| Section { id, title, html };
    let mut sections = vec![
        section("overview", "Overview", overview::overview(runs)),
        section("alarms", "Alarms", alarms::alarms(runs)),
        section(
            "comparison",
            "Who is better, and by how much",
            comparison::all(runs, &mut plots)?,
        ),
        section(
            "answers",
            "Held-out answers, before and after",
            answers::all(runs, bounds),
        ),
        section("curves", "Learning curves", curves::all(runs, &mut plots)?),
        section(
            "frontier",
            "KL and reward",
            rewards::frontier(runs, &mut plots)?,
        ),
        section(
            "components",
            "What the reward is made of",
            rewards::components(runs, &mut plots)?,
        ),
        section(
            "reward-models",
            "Reward models",
            judges::all(runs, &mut plots)?,
        ),
        section(
            "responses",
            "Responses while training",
            responses::all(runs, bounds)?,
        ),
        section("plugins", "Plugins", overview::plugins(runs)),
        section("configs", "Configs", configs::all(runs, bounds)),
        section("environment", "Environment", overview::environment(runs)),
        section("repeat", "How to repeat it", overview::repeat(runs)),
    ];
    sections.retain(|section| !section.html.is_empty());
    Ok((whole(runs, &sections), plots))
}

fn whole(runs: &[Told], sections: &[Section]) -> String {
    // Parts are known by what they are parts of.
    let is_part = |told: &&Told| {
        let above = told.name.rsplit_once('/').map(|(above, _)| above);
        runs.iter().any(|other| above == Some(other.name.as_str()))
    };
    let named = runs.iter().filter(|told| !is_part(told));
    let mut names: Vec<String> = named.map(|told| name(&told.name)).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    let heading = format!("{}{more}", names.join(", "));
    let title = heading.replace("<bdi>", "").replace("</bdi>", "");
    let links: String = sections
        .iter()
        .map(|section| format!("<li><a href=\"#{}\">{}</a></li>", section.id, section.title))
        .collect();
    let body: String = sections
        .iter()
        .map(|section| {
            format!(
                "<section id=\"{0}\" aria-labelledby=\"{0}-title\"><h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
                section.id, section.title, section.html
            )
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"attune {version}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title} · Attune</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#overview\">To the report</a>\n\
         <header><p class=\"kind\">Attune report</p><h1>{heading}</h1></header>\n\
         <nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n<main>\n{body}</main>\n\
         <footer><p>Made by attune {version}. Each number is as its file has it: point at one, or look at its \
         <code>data-from</code>, for the file and the place in it.</p></footer>\n</body>\n</html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}
