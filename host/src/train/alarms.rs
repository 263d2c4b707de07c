//! Alarms: what in a policy's metrics says that training goes wrong, and for how long it has.
//!
//! Each rule is a function of the metrics so far (`rules`), and an alarm begins and ends when its rule has said the
//! same for some updates in a row. So nothing of it is kept in checkpoints: a run that goes on reads `metrics.jsonl`
//! again, and is where it was. Knows numbers by their names; knows no tensors, and stops nothing itself.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::config::{Alarms, Config, Kl};
use crate::metrics::{self, Record};

mod history;
mod rules;
#[cfg(test)]
mod tests;

use self::history::History;
use self::rules::{Finding, RULES};

/// What decides from when on something is alarming.
#[derive(Debug, Clone)]
struct Bounds {
    alarms: Alarms,
    kl: Kl,
    batch_size: u64,
}

/// An alarm begins or is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Its name, as in `alarms.stop_on`.
    pub alarm: &'static str,
    /// The update in which it begins or is over, counted from 0.
    pub update: u64,
    /// Whether it begins.
    pub begins: bool,
    /// What is alarming, in words and numbers; of an alarm that is over: what was when it began.
    pub what: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl Notice {
    /// A line for whoever watches and, where it begins, a line with what to do.
    #[must_use]
    pub fn told(&self) -> String {
        let Notice { alarm, update, .. } = self;
        match self.begins {
            true => format!(
                "alarm `{alarm}` in update {update}: {}\nhint: {}",
                self.what, self.hint
            ),
            false => format!("alarm `{alarm}` is over in update {update}"),
        }
    }

    /// As `events.jsonl` keeps it.
    #[must_use]
    pub fn event(&self) -> Value {
        let state = if self.begins { "begins" } else { "over" };
        json!({
            "event": "alarm", "alarm": self.alarm, "state": state, "update": self.update,
            "what": self.what, "hint": self.hint,
        })
    }
}

/// A time in which an alarm held.
#[derive(Debug, Clone, PartialEq)]
struct Span {
    begun: Notice,
    /// The update in which it was over; absent while it holds.
    over: Option<u64>,
}

/// What is known of one rule.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// Updates in a row, the last among them, in which the rule said the opposite of what the alarm says.
    against: u64,
    spans: Vec<Span>,
}

impl Standing {
    fn holds(&self) -> Option<&Notice> {
        let last = self.spans.last().filter(|span| span.over.is_none());
        last.map(|span| &span.begun)
    }

    /// Takes in what a rule found in `update`; returns what begins or is over.
    fn take(
        &mut self,
        alarm: &'static str,
        update: u64,
        found: Option<Finding>,
        persistence: u64,
    ) -> Option<Notice> {
        if found.is_some() == self.holds().is_some() {
            self.against = 0;
            return None;
        }
        self.against += 1;
        if self.against < persistence {
            return None;
        }
        self.against = 0;
        if let Some(Finding { what, hint }) = found {
            let times = match persistence {
                1 => String::new(),
                n => format!(" ({n} updates in a row)"),
            };
            let begun = Notice {
                alarm,
                update,
                begins: true,
                what: format!("{what}{times}"),
                hint,
            };
            let over = None;
            self.spans.push(Span {
                begun: begun.clone(),
                over,
            });
            return Some(begun);
        }
        let span = self.spans.last_mut()?;
        span.over = Some(update);
        Some(Notice {
            update,
            begins: false,
            ..span.begun.clone()
        })
    }
}

/// Watches a run's metrics.
#[derive(Debug, Clone)]
pub struct Watch {
    bounds: Bounds,
    history: History,
    /// As [`RULES`].
    standings: Vec<Standing>,
}

impl Watch {
    /// Of a run that begins.
    #[must_use]
    pub fn new(config: &Config) -> Watch {
        Watch {
            bounds: Bounds {
                alarms: config.alarms.clone(),
                kl: config.kl.clone(),
                batch_size: config.ppo.batch_size,
            },
            history: History::default(),
            standings: vec![Standing::default(); RULES.len()],
        }
    }

    /// Of a run whose metrics so far are in a file, if there are any.
    ///
    /// # Errors
    /// The file cannot be read, or has other lines.
    pub fn of_log(config: &Config, metrics: &Path) -> Result<Watch> {
        let mut watch = Watch::new(config);
        if !metrics.exists() {
            return Ok(watch);
        }
        for (update, record) in metrics::read(metrics)? {
            watch.observe(update, &record);
        }
        Ok(watch)
    }

    /// Takes in the metrics of the next update; returns the alarms that begin or are over.
    pub fn observe(&mut self, update: u64, record: &Record) -> Vec<Notice> {
        self.history.push(record);
        let (history, bounds) = (&self.history, &self.bounds);
        let rules = RULES.iter().zip(&mut self.standings);
        let notices = rules.filter_map(|(rule, standing)| {
            let found = (rule.finds)(history, bounds);
            standing.take(rule.alarm, update, found, bounds.alarms.persistence)
        });
        notices.collect()
    }

    /// The alarms that hold, as they began.
    pub fn holding(&self) -> impl Iterator<Item = &Notice> {
        self.standings.iter().filter_map(Standing::holds)
    }

    /// An alarm that holds and is to stop the run.
    #[must_use]
    pub fn stopping(&self) -> Option<&Notice> {
        let alarms = &self.bounds.alarms;
        self.holding().find(|notice| alarms.stops(notice.alarm))
    }

    /// All alarms of the run so far, when they held, what was alarming and what to do; none where there were none.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let spans: Vec<&Span> = self
            .standings
            .iter()
            .flat_map(|standing| &standing.spans)
            .collect();
        let mut text = match spans.len() {
            0 => return None,
            1 => "an alarm in this run:".to_owned(),
            count => format!("{count} alarms in this run:"),
        };
        for Span { begun, over } in spans {
            let until = match over {
                Some(update) => format!("to {update}"),
                None => "to the end".to_owned(),
            };
            let Notice {
                alarm,
                update,
                what,
                hint,
                ..
            } = begun;
            text += &format!("\n  `{alarm}`, updates {update} {until}: {what}\n  hint: {hint}");
        }
        Some(text)
    }
}
