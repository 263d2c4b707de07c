//! Responses of the updates: those that were rewarded most and least, those that went farthest, and the newest with what
//! each token adds to the KL.

use anyhow::Result;

use super::answers::marked;
use super::{Bounds, Told};
use crate::report::cited::of_line;
use crate::report::html::{code, escaped, name, passage};
use crate::report::samples::{Extremes, Found};

/// KL of a token, in nats, from which on it is of the next shade.
const SHADES: [f64; 4] = [0.1, 0.5, 1.5, 4.0];
/// Tokens of a response that are shown.
const TOKENS: usize = 256;

/// Those of all runs that have some.
pub(super) fn all(runs: &[Told], bounds: Bounds) -> Result<String> {
    let mut html = String::new();
    for told in runs {
        let found = Extremes::read(&told.run.dir.samples(), bounds.samples)?;
        if found.newest.is_empty() {
            continue;
        }
        html += &format!("<h3>{}</h3>\n", name(&told.short));
        let file = told.file("samples.jsonl");
        for (title, list) in [
            ("Most rewarded", &found.rewarded),
            ("Most penalised", &found.penalised),
            ("Farthest from the reference", &found.moved),
            ("The newest", &found.newest),
        ] {
            if list.is_empty() {
                continue;
            }
            let shown: String = list
                .iter()
                .map(|one| response(one, &file, bounds))
                .collect();
            html += &format!("<details open><summary>{title}</summary>\n{shown}</details>\n");
        }
    }
    Ok(match html.is_empty() {
        true => html,
        false => format!(
            "<p>Of the responses that <code>samples.jsonl</code> has of each update. Tokens are shaded by what they \
             add to the KL; dots are under tokens that take from it.</p>\n{html}"
        ),
    })
}

fn response(found: &Found, file: &str, bounds: Bounds) -> String {
    let sample = &found.sample;
    let number = |key: &str, value: Option<f64>| {
        of_line(file, found.line, &[key], value.unwrap_or(f64::NAN))
    };
    let mut about = format!(
        "update {}, score {}, KL {} nats",
        sample.update,
        number("score", sample.score),
        number("kl", sample.kl),
    );
    if !sample.valid {
        about += ", invalid";
    }
    for (place, (part, value)) in sample.parts.iter().enumerate() {
        if let Some(value) = value {
            let place = place.to_string();
            let path = ["parts", place.as_str(), "1"];
            let value = of_line(file, found.line, &path, *value);
            about += &format!("; {} {value}", code(part));
        }
    }
    let error = sample.error.as_deref();
    let error = error.map_or(String::new(), |text| {
        format!("<p class=\"error\">A plugin failed: {}</p>", escaped(text))
    });
    let said = match sample.tokens.is_empty() {
        true => marked(&sample.response, &sample.query, bounds.text),
        false => tokens(&sample.tokens, bounds.text),
    };
    format!(
        "<article class=\"pair\"><p class=\"numbers\">{about}</p>{error}<div class=\"beside\"><div><p class=\"label\">Query</p>{}</div>\
         <div><p class=\"label\">Response</p>{said}</div></div></article>\n",
        passage(&sample.query, bounds.text)
    )
}

/// Tokens in shades of what each adds to the KL.
fn tokens(tokens: &[(String, Option<f64>)], most: usize) -> String {
    let mut html = String::from("<div class=\"text\" dir=\"auto\">");
    let mut left = most;
    let mut shown = 0;
    for (text, kl) in tokens.iter().take(TOKENS) {
        let len = text.chars().count();
        if len > left {
            break;
        }
        left -= len;
        shown += 1;
        let kl = kl.unwrap_or(0.0);
        let shade = match kl {
            kl if kl < -SHADES[0] => "less".to_owned(),
            kl => format!("k{}", SHADES.iter().filter(|shade| kl >= **shade).count()),
        };
        html += &format!(
            "<span class=\"{shade}\" title=\"{kl} nats\">{}</span>",
            escaped(text)
        );
    }
    let more = tokens.len() - shown;
    if more > 0 {
        html += &format!(" <span class=\"cut\">… {more} more tokens</span>");
    }
    html + "</div>"
}
