//! What a person sees while a run trains: a bar with the numbers that matter on a terminal, plain
//! lines elsewhere. It goes to standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

use crate::cli::outcome::print_policy;
use crate::cli::report::print_report;
use crate::metrics::Record;
use crate::train::alarms::Notice;
use crate::train::observer::{Event, Observer, Stage};

/// Plain lines are printed for the first updates and then for every so many.
const PLAIN_EVERY: u64 = 5;

/// A progress bar, or plain lines.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    terminal: bool,
    begun: bool,
    /// Rows that plugins failed on, and how many there were in the updates in which they did.
    failed: (usize, usize),
    /// Alarms that hold.
    alarms: Vec<&'static str>,
    /// Answers that are shown of a policy.
    show: usize,
}

impl Progress {
    /// Shows so many answers of a policy when it is trained.
    pub(super) fn new(show: usize) -> Progress {
        Progress {
            bar: None,
            terminal: std::io::stderr().is_terminal(),
            begun: false,
            failed: (0, 0),
            alarms: Vec::new(),
            show,
        }
    }

    /// A line above the bar.
    fn line(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn updated(&mut self, update: u64, updates: u64, record: &Record) {
        let (mut text, seconds) = in_short(record);
        if !self.alarms.is_empty() {
            text.push_str(&format!("  ALARM {}", self.alarms.join(", ")));
        }
        if self.terminal {
            let bar = self.bar.get_or_insert_with(|| {
                let bar =
                    ProgressBar::with_draw_target(Some(updates), ProgressDrawTarget::stderr());
                let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  ETA {eta}");
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar
            });
            bar.set_position(update + 1);
            bar.set_message(text);
        } else if update < 3 || (update + 1).is_multiple_of(PLAIN_EVERY) || update + 1 == updates {
            let left = (updates - update - 1) as f64 * seconds;
            eprintln!("{}/{updates}  {text}  ETA {left:.0} s", update + 1);
        }
        // Once a process, so that a run that goes on says it as well.
        if let Some(error) = record.get("ppo/first_ratio_error")
            && !std::mem::replace(&mut self.begun, true)
        {
            self.line(&format!(
                "first minibatch: probability ratio within {error:.1e} of 1"
            ));
        }
    }

    fn failed(&mut self, rows: usize, of: usize, first: &str) {
        if self.failed.0 == 0 {
            self.alarm(&format!(
                "a plugin failed on {rows} of {of} rows, and [plugins] on_error lets the run go on: {first}"
            ));
        }
        self.failed = (self.failed.0 + rows, self.failed.1 + of);
    }

    fn guard(&mut self, notice: &Notice) {
        self.alarms.retain(|name| *name != notice.alarm);
        if notice.begins {
            self.alarms.push(notice.alarm);
        }
        self.line(&format!("warning: {}", notice.told()));
    }

    /// Sums up a stage, whose bar is full.
    fn end(&mut self) {
        self.alarms.clear();
        if let (failed @ 1.., of) = std::mem::take(&mut self.failed) {
            self.line(&format!(
                "plugins failed on {failed} rows in all, of {of} in the updates where they did; each \
                 update's share is plugins/error_rate in metrics.jsonl"
            ));
        }
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) {
        match *event {
            Event::Begun {
                stage: Stage::RewardModel,
                dir,
            } => {
                let name = dir.file_name().unwrap_or_default().to_string_lossy();
                self.line(&format!("{name}: training a reward model"));
            }
            Event::Begun {
                stage: Stage::Supervised,
                ..
            } => self.line("supervised fine-tuning"),
            Event::Begun { .. } => {}
            Event::Planned(outline) => println!("{outline}"),
            Event::Resumed { done, checkpoint } => {
                println!(
                    "resume     {done} updates are done, from `{}`",
                    checkpoint.display()
                );
            }
            Event::Updated {
                update,
                updates,
                record,
            } => self.updated(update, updates, record),
            Event::Guard(notice) => self.guard(notice),
            Event::Failed { rows, of, first } => self.failed(rows, of, first),
            Event::LabelsDue { update, due, there } => self.line(&format!(
                "update {update}: {due} labels are due, {there} are there"
            )),
            Event::LabelsCollected { there, due } => self.line(&format!("{there} of {due} labels")),
            Event::LabelsAwaited { left, store } => self.line(&format!(
                "waiting for {left} labels in `{}`: people give them in the browser, where `attune serve` is open for \
                 them; `attune label pending` prints what is asked, and `attune label answer` takes answers",
                store.display()
            )),
            Event::Rated(report) => print_report(report),
            Event::Table(table) => println!("\n{}", table.markdown().trim_end()),
            Event::File { name, path } => println!("{name:<10} {}", path.display()),
            Event::Trained {
                dir,
                updates,
                seconds,
                before,
                after,
            } => {
                self.end();
                print_policy(dir, (updates, seconds), (before, after), self.show);
            }
            Event::Note(text) => self.line(text),
            Event::Alarm(text) => self.line(&format!("warning: {text}")),
            Event::Ended {
                stage: Stage::Experiment,
                dir,
            } => println!("\nresults of the whole experiment: {}", dir.display()),
            Event::Ended { .. } => self.end(),
        }
    }
}

/// What matters most, and how long it took.
fn in_short(record: &Record) -> (String, f64) {
    let get = |key: &str| record.get(key).unwrap_or(f64::NAN);
    if let Some(loss) = record.get("reward/loss") {
        let seconds = get("time/step");
        let (accuracy, lr) = (get("reward/accuracy"), get("reward/lr"));
        // Where nothing is compared, as in ratings, there is none.
        let accuracy = match accuracy.is_nan() {
            true => String::new(),
            false => format!("  accuracy {accuracy:.2}"),
        };
        let mut text = format!("loss {loss:.3}{accuracy}  lr {lr:.1e}  {seconds:.1} s");
        if let Some(loss) = record.get("validation/loss") {
            text.push_str(&format!("  validation {loss:.3}"));
            let accuracy = get("validation/accuracy");
            if !accuracy.is_nan() {
                text.push_str(&format!(", {accuracy:.3}"));
            }
        }
        return (text, seconds);
    }
    if let Some(loss) = record.get("sft/loss") {
        let (lr, seconds) = (get("sft/lr"), get("time/step"));
        let mut text = format!("loss {loss:.3}  lr {lr:.1e}  {seconds:.1} s");
        if let Some(loss) = record.get("validation/loss") {
            text.push_str(&format!("  validation {loss:.3}"));
        }
        return (text, seconds);
    }
    let mut text = format!(
        "score {:+.3}  KL {:.2}  beta {:.4}  entropy {:.1}  {:.1} s",
        get("objective/score"),
        get("objective/kl"),
        get("objective/kl_coef"),
        get("objective/entropy"),
        get("time/update"),
    );
    let failed = record.get("plugins/error_rate").unwrap_or(0.0);
    if failed > 0.0 {
        text.push_str(&format!("  failed rows {:.1} %", 100.0 * failed));
    }
    (text, get("time/update"))
}
