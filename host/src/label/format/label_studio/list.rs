//! Responses that are the items of a list, as the tag `Ranker` shows them.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::super::Imported;
use super::super::fields::{self, count_unread};
use super::super::guess::listed;
use super::super::stream::wrong;
use super::super::talk::{Besides, Said, is_talk};
use super::id_text;
use crate::terminal::Line;

/// The name of a list and its items.
type List<'a> = (&'a str, &'a [Value]);

/// What the text of an item is called.
const BODIES: [&str; 2] = ["body", "text"];

/// The list of objects that are responses, and its name: of several the one whose items are ranked or, where that does
/// not tell, the one that the results name. `told`: names in them; `ranked`: ids.
pub(super) fn list_of<'a>(
    data: &'a Map<String, Value>,
    asked: &str,
    told: &[&str],
    ranked: &[String],
) -> Result<Option<List<'a>>> {
    let lists = data.iter().filter_map(|(name, value)| {
        let items = value.as_array()?;
        let are_items = !items.is_empty() && items.iter().all(Value::is_object);
        let is_said = is_talk(value) && items.iter().any(|item| item.get("id").is_none());
        (are_items && !is_said && name != asked).then_some((name.as_str(), items.as_slice()))
    });
    let mut lists: Vec<_> = lists.collect();
    let mut keep = |fits: &dyn Fn(&List<'a>) -> bool| {
        if lists.len() > 1 && lists.iter().any(fits) {
            lists.retain(fits);
        }
    };
    let has_text = |item: &Value| BODIES.iter().any(|body| item.get(body).is_some());
    keep(&|(_, items)| {
        items
            .iter()
            .all(|item| item.get("id").is_some() && has_text(item))
    });
    keep(&|(_, items)| {
        let ids: Vec<_> = items
            .iter()
            .filter_map(|item| id_text(item.get("id")?))
            .collect();
        ranked.iter().all(|id| ids.contains(id))
    });
    keep(&|(name, _)| told.contains(name));
    match lists.as_slice() {
        [] => Ok(None),
        [list] => Ok(Some(*list)),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            bail!(
                "has several lists of what could be the responses, {}\nhint: leave one of them, or name it in `to_name`",
                listed(&names)
            )
        }
    }
}

/// The name and the text of the item `at` of a list.
pub(super) fn response_of(
    item: &Value,
    list: &str,
    at: usize,
    before: &[String],
    besides: &mut Besides,
    into: &mut Imported,
) -> Result<(String, Said)> {
    let about = |part: &str| format!("data.{list}[{at}].{part}");
    let empty = Map::new();
    let fields = item.as_object().unwrap_or(&empty);
    let id = item.get("id").unwrap_or(&Value::Null);
    let hint = "results name responses by the `id` of each";
    let name = id_text(id).with_context(|| wrong(&about("id"), id, "a name", hint))?;
    if before.contains(&name) {
        bail!(wrong(&about("id"), id, "another than those before", hint));
    }
    let body = BODIES.into_iter().find(|part| fields.contains_key(*part));
    let body = body.with_context(|| {
        format!(
            "`{}` has no text\nhint: it stands in `body` or in `text`",
            Line(format!("data.{list}[{at}]"))
        )
    })?;
    let is_read = |name: &str| name == "id" || name == body;
    count_unread(fields, &format!("data.{list}[]."), is_read, &mut into.left);
    Ok((name, fields::passage(&item[body], &about(body), besides)?))
}
