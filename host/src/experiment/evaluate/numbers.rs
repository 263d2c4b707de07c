//! All numbers of a comparison as CSV, a line each, for whoever reads tables with a program.

use super::report::{ContestReport, EntryReport, JudgeReport, Report};
use crate::eval::share::{Mean, Paired};

/// What the columns are called.
const HEAD: &str = "entry,against,judge,measure,value,low,high,n,p\n";

/// Every number, a line each.
pub(super) fn csv(report: &Report) -> Vec<u8> {
    let mut lines = Lines(HEAD.to_owned());
    let against = report.against.as_str();
    for entry in &report.entries {
        lines.entry(entry);
        lines.paired([&entry.name, against], &entry.paired);
    }
    for pair in &report.pairs {
        lines.paired([&pair.first, &pair.second], &pair.paired);
    }
    for judge in &report.judges {
        lines.judge(judge, against);
    }
    lines.0.into_bytes()
}

/// Lines of a table of numbers. Each begins with whose number it is: entry, the one that it is measured against, judge and
/// measure.
struct Lines(String);

impl Lines {
    fn entry(&mut self, entry: &EntryReport) {
        let own = |measure: &str| [entry.name.as_str(), "", "", measure].map(str::to_owned);
        let all = Some(entry.answers);
        self.number(own("answers"), entry.answers as f64, None);
        self.number(own("missing"), entry.missing as f64, None);
        self.number(own("cut"), entry.cut as f64, all);
        if let Some(labels) = entry.labels {
            self.number(own("labels"), labels as f64, None);
        }
        if let Some(bound) = entry.kl_bound {
            self.number(own("kl_bound"), bound, all);
        }
        for (measure, mean) in &entry.measures {
            self.mean(own(measure), mean, None);
        }
        for (measure, share) in [("invalid", entry.invalid), ("empty", entry.empty)] {
            if let Some(share) = share {
                self.mean(own(measure), &Mean::from(share), None);
            }
        }
        for (reason, count) in &entry.invalid_because {
            let measure = format!("invalid_because {reason}");
            self.number(own(&measure), *count as f64, all);
        }
        for (measure, spread) in &entry.quantiles {
            for (place, value) in spread.named() {
                let measure = format!("{measure}_{place}");
                self.number(own(&measure), value, Some(spread.count));
            }
        }
        let tenths = entry.copied_from_tenths.unwrap_or_default();
        let copied: usize = tenths.iter().sum();
        for (tenth, count) in (1..).zip(tenths).filter(|_| copied > 0) {
            let measure = format!("copied_from_tenth_{tenth}");
            self.number(own(&measure), count as f64, Some(copied));
        }
    }

    fn paired<'p>(
        &mut self,
        [entry, against]: [&str; 2],
        paired: impl IntoIterator<Item = (&'p String, &'p Paired)>,
    ) {
        for (measure, paired) in paired {
            let names = [entry, against, "", measure].map(str::to_owned);
            self.mean(names, &paired.difference, Some(paired.p));
        }
    }

    fn judge(&mut self, judge: &JudgeReport, against: &str) {
        let by = |entry: &str, against: &str, measure: &str| {
            [entry, against, judge.name.as_str(), measure].map(str::to_owned)
        };
        self.number(by("", "", "failed"), judge.failed as f64, None);
        self.number(
            by("", "", "failed_scores"),
            judge.failed_scores as f64,
            None,
        );
        if let Some(share) = judge.first_seat {
            self.mean(by("", "", "first_seat"), &Mean::from(share), None);
        }
        for scored in &judge.scores {
            self.mean(by(&scored.entry, "", "score"), &scored.score, None);
            if let Some(Paired { difference, p }) = &scored.paired {
                self.mean(by(&scored.entry, against, "score"), difference, Some(*p));
            }
        }
        for pair in &judge.score_pairs {
            let Paired { difference, p } = &pair.paired;
            self.mean(by(&pair.first, &pair.second, "score"), difference, Some(*p));
        }
        for report in &judge.contests {
            self.contest(&judge.name, report);
        }
        for rated in &judge.ratings {
            let rating = &rated.rating;
            let (value, count) = (rating.value, Some(rating.count));
            let drawn = [rating.low, rating.high];
            self.line(by(&rated.entry, "", "rating"), value, drawn, count, None);
            let wald = [rating.wald_low, rating.wald_high].map(Some);
            self.line(
                by(&rated.entry, "", "rating_wald"),
                value,
                wald,
                count,
                None,
            );
        }
    }

    fn contest(&mut self, judge: &str, report: &ContestReport) {
        let contest = &report.contest;
        let of = |measure: &str| {
            let pair = [report.first.as_str(), report.second.as_str()];
            [pair[0], pair[1], judge, measure].map(str::to_owned)
        };
        for (measure, count) in [
            ("wins", contest.wins),
            ("losses", contest.losses),
            ("ties", contest.ties),
            ("undecided", contest.undecided),
            ("abstained", contest.abstained),
        ] {
            let all = contest.win_rate.count;
            self.number(of(measure), count as f64, Some(all));
        }
        let rate = Mean::from(contest.win_rate);
        self.mean(of("win_rate"), &rate, Some(contest.p));
        self.mean(of("win_rate_bootstrap"), &contest.bootstrap, None);
        if let Some(share) = contest.equal_length {
            self.mean(of("win_rate_equal_length"), &Mean::from(share), None);
        }
    }

    /// A number with its interval and, of a difference, its test.
    fn mean(&mut self, names: [String; 4], mean: &Mean, p: Option<f64>) {
        let Mean {
            value,
            low,
            high,
            count,
        } = *mean;
        self.line(names, value, [Some(low), Some(high)], Some(count), p);
    }

    /// A number without an interval, and of how many answers it is.
    fn number(&mut self, names: [String; 4], value: f64, n: Option<usize>) {
        self.line(names, value, [None; 2], n, None);
    }

    fn line(
        &mut self,
        names: [String; 4],
        value: f64,
        [low, high]: [Option<f64>; 2],
        n: Option<usize>,
        p: Option<f64>,
    ) {
        let names = names.map(quoted).join(",");
        let [low, high, p] = [low, high, p].map(|x| x.map_or(String::new(), |x| x.to_string()));
        let n = n.map_or(String::new(), |n| n.to_string());
        self.0 += &format!("{names},{value},{low},{high},{n},{p}\n");
    }
}

/// A cell, in quotes where it must be.
fn quoted(text: String) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
