//! Quality for a person to read.

use super::{OfPerson, Quality, Share};
use crate::terminal::Line;

impl Quality {
    /// A line for each person, and what is to be said of all.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{:<20} {:>7} {:>6} {:>8} {:>5} {:>9} {:>9} {:>9} {:>9} {:>6} {:>7}",
            "person",
            "answers",
            "/hour",
            "median s",
            "fast",
            "gold",
            "attention",
            "repeats",
            "agreement",
            "first",
            "longest"
        )];
        for person in &self.people {
            lines.push(line(person));
            let alarms = person.alarms.iter();
            lines.extend(alarms.map(|alarm| format!("    ! {alarm}")));
        }
        lines.push(String::new());
        lines.push(format!(
            "{} labels, {} questions without an answer, {} judged by several people, {} decided",
            self.labels, self.pending, self.overlap_done, self.adjudicated
        ));
        lines.push(match self.alpha {
            Some(alpha) => format!("Krippendorff's alpha {alpha:.3}"),
            None => "agreement unknown: no two people chose the best of the same".to_owned(),
        });
        lines
    }
}

fn line(person: &OfPerson) -> String {
    let of = |some: u64, of: u64| match of {
        0 => "–".to_owned(),
        _ => format!("{some}/{of}"),
    };
    let number = |value: Option<f64>, scale: f64, digits: usize| {
        value.map_or("–".to_owned(), |value| {
            format!("{:.digits$}", value * scale)
        })
    };
    let share = |share: Share| number(share.share, 100.0, 0);
    let excluded = if person.excluded { " (excluded)" } else { "" };
    format!(
        "{:<20} {:>7} {:>6} {:>8} {:>5} {:>9} {:>9} {:>9} {:>9} {:>5}% {:>6}%",
        format!("{}{excluded}", Line(&person.name)),
        person.answers,
        number(person.per_hour, 1.0, 0),
        number(person.median_ms, 1e-3, 1),
        person.too_fast,
        of(person.gold.right, person.gold.of),
        of(person.attention.right, person.attention.of),
        of(person.repeats.same, person.repeats.of),
        of(person.agreement.with_others, person.agreement.of),
        share(person.first_place),
        share(person.longest)
    )
}
