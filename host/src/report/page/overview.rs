//! What ran: the runs in a table, who played, on what machine, and how to repeat it.

use serde_json::Value;

use super::Told;
use crate::report::cited::{Cited, NONE, of_line, or_none};
use crate::report::html::{Table, code, escaped, name};
use crate::report::runs::config;
use crate::terminal::Word;

/// A row for each run.
pub(super) fn overview(runs: &[Told]) -> String {
    let columns = [
        "run", "what", "state", "updates", "episodes", "seconds", "seed", "alarms",
    ];
    let mut table = Table::new("Runs, parts below what they are parts of.", &columns);
    for told in runs {
        let header = &told.run.header;
        let file = told.file("metrics.jsonl");
        let last = |key: &str| {
            let column = told.run.metrics.column(key)?;
            let row = column.iter().rposition(|value| value.is_finite())?;
            Some(of_line(
                &file,
                told.run.metrics.line(row),
                &[key],
                column[row],
            ))
        };
        let updates = match header.updates {
            Some(all) => format!("{} of {all}", header.update),
            None => header.update.to_string(),
        };
        let begun = header
            .alarms
            .iter()
            .filter(|alarm| alarm["state"] == "begins");
        table.row(vec![
            name(&told.short),
            header.stage.to_owned(),
            header.state.name().to_owned(),
            updates,
            or_none(last("elapsed/episodes").or_else(|| last("elapsed/labels"))),
            or_none(last("elapsed/time")),
            or_none(setting(&header.config, "run", "seed")),
            begun.count().to_string(),
        ]);
    }
    table.html()
}

/// A key of a config, as HTML.
fn setting(config: &str, section: &str, key: &str) -> Option<String> {
    let table: toml::Table = config.parse().ok()?;
    Some(escaped(&table.get(section)?.get(key)?.to_string()))
}

/// Who played, by name, version and hash.
pub(super) fn plugins(runs: &[Told]) -> String {
    let columns = ["plugin", "version", "plays", "runs", "SHA-256"];
    let mut table = Table::new(
        "A plugin is who its SHA-256 says. <code>attune plugin lock</code> pins an experiment to it.",
        &columns,
    );
    let mut known: Vec<(&crate::report::data::Plugin, Vec<&str>)> = Vec::new();
    for told in runs {
        for plugin in &told.run.header.plugins {
            let same = |(other, _): &&mut (&crate::report::data::Plugin, Vec<&str>)| {
                (&other.name, &other.sha256, other.kind)
                    == (&plugin.name, &plugin.sha256, plugin.kind)
            };
            match known.iter_mut().find(same) {
                Some((_, players)) => players.push(&told.short),
                None => known.push((plugin, vec![&told.short])),
            }
        }
    }
    for (plugin, players) in known {
        let native = if plugin.unsandboxed {
            ", in no sandbox"
        } else {
            ""
        };
        let players: Vec<String> = players.into_iter().map(name).collect();
        table.row(vec![
            name(&plugin.name),
            name(&plugin.version),
            format!("{}{native}", plugin.kind),
            players.join(", "),
            match plugin.sha256.as_str() {
                "" => NONE.to_owned(),
                hash => format!("<code class=\"hash\">{}</code>", escaped(hash)),
            },
        ]);
    }
    table.html()
}

/// What manifests say of machine and data, and the hashes of all inputs.
pub(super) fn environment(runs: &[Told]) -> String {
    let with_manifest: Vec<&Told> = runs
        .iter()
        .filter(|told| !told.run.header.manifest.is_null())
        .collect();
    let mut html = String::new();
    let mut table = Table::new("From each run's <code>manifest.json</code>.", &["what"]);
    with_manifest
        .iter()
        .for_each(|told| table.column(name(&told.short)));
    for key in ["attune", "device", "threads", "seed", "queries", "held_out"] {
        let cell = |told: &&Told| {
            let file = told.file("manifest.json");
            let manifest = Cited::of(&file, &told.run.header.manifest);
            or_none(manifest.get(key).map(|found| match found.value() {
                Value::String(text) => escaped(text),
                _ => found.html(),
            }))
        };
        let mut cells = vec![key.replace('_', " ")];
        cells.extend(with_manifest.iter().map(cell));
        table.row(cells);
    }
    if !with_manifest.is_empty() {
        html += &table.html();
    }
    let mut table = Table::new(
        "What stood at the paths of each config when its run was begun, from <code>inputs.json</code>.",
        &["run", "key", "path", "SHA-256"],
    );
    for told in runs {
        let inputs = told.run.inputs.as_ref().and_then(Value::as_object);
        for (key, place) in inputs.into_iter().flatten() {
            table.row(vec![
                name(&told.short),
                code(key),
                code(place["path"].as_str().unwrap_or_default()),
                format!(
                    "<code class=\"hash\">{}</code>",
                    escaped(place["sha256"].as_str().unwrap_or_default())
                ),
            ]);
        }
    }
    html + &table.html()
}

/// The command for each run that is no part of another.
pub(super) fn repeat(runs: &[Told]) -> String {
    let mut html = String::from(
        "<p>The config in a run directory is complete: defaults are written out, and the seed is in it. With the inputs \
         and plugins above, the same threads and the same version, these commands give the same bits on a CPU; \
         <code>run.dir</code> is a new place.</p>\n",
    );
    for told in runs {
        let is_part = runs.iter().any(|other| {
            let (own, above) = (told.run.dir.root(), other.run.dir.root());
            own != above && own.starts_with(above)
        });
        if is_part || told.run.header.config.is_empty() {
            continue;
        }
        let dir = told.run.dir.root();
        let verb = match told.run.header.stage {
            "policy" => "train policy",
            "sft" => "train sft",
            "reward model" => "train reward",
            "comparison" => "eval",
            _ => "run",
        };
        let mut again = dir.as_os_str().to_owned();
        again.push("-again");
        let command = format!(
            "attune {verb} {} --set {}",
            Word(config(&told.run.dir).display()),
            Word(format!(
                "run.dir={}",
                std::path::Path::new(&again).display()
            ))
        );
        html += &format!(
            "<pre tabindex=\"0\"><code>{}</code></pre>\n",
            escaped(&command)
        );
    }
    html
}
