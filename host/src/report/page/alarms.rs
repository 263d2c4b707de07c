//! What went wrong, in the words of the runs.

use super::Told;
use crate::report::html::{Table, code, name, passage};

/// Characters of what is said.
const LONGEST: usize = 600;

/// All alarms with what to do, and what else a run has recorded.
pub(super) fn alarms(runs: &[Told]) -> String {
    let columns = [
        "run",
        "alarm",
        "from update",
        "to update",
        "what",
        "what to do",
    ];
    let mut table = Table::new("Alarms, by the run's own thresholds.", &columns);
    for told in runs {
        let alarms = &told.run.header.alarms;
        for (place, begun) in alarms.iter().enumerate() {
            if begun["state"] != "begins" {
                continue;
            }
            let text = |key: &str| begun[key].as_str().unwrap_or_default();
            let over = alarms[place..]
                .iter()
                .find(|alarm| alarm["alarm"] == begun["alarm"] && alarm["state"] == "over");
            table.row(vec![
                name(&told.short),
                code(text("alarm")),
                begun["update"].to_string(),
                over.map_or("it holds".to_owned(), |over| over["update"].to_string()),
                passage(text("what"), LONGEST),
                passage(text("hint"), LONGEST),
            ]);
        }
    }
    match table.is_empty() {
        true => "<p>No run has told of an alarm.</p>\n".to_owned(),
        false => table.html(),
    }
}
