//! What a reward model is worth, for a person to read.

use crate::eval::share::Share;
use crate::train::reward::report::{Ratings, Report};

/// What a judge is worth, for a person to read.
pub(in crate::cli) fn print_report(report: &Report) {
    if report.labels == 0 {
        println!(
            "\nno label of reward.test or reward.validation says which response is better, so the model \
             is not rated"
        );
        return;
    }
    println!("\non {} labels", report.labels);
    let share = |name: &str, share: &Option<Share>| {
        let Some(share) = share else {
            println!("{name:<20} unknown, none of them says which response is better");
            return;
        };
        println!(
            "{name:<20} {:>6.1} %   ({:.1} to {:.1}, of {})",
            100.0 * share.value,
            100.0 * share.low,
            100.0 * share.high,
            share.count
        );
    };
    println!("{:<20} {:>6.3}", "loss", report.loss);
    share("accuracy", &report.accuracy);
    share("accuracy of pairs", &report.pairwise);
    if let Some(ratings) = &report.ratings {
        print_ratings(ratings);
    }
    if let Some(error) = report.expected_calibration_error {
        print_choices(report, error);
    }
    let (low, high) = report.range;
    println!(
        "\nrewards from {low:.2} to {high:.2}: {:?}",
        report.histogram
    );
}

/// How rewards go with ratings.
fn print_ratings(ratings: &Ratings) {
    let r = match ratings.correlation {
        Some(r) => format!("{r:>6.3}"),
        None => "unknown, as all ratings or all rewards are the same".to_owned(),
    };
    println!(
        "{:<20} {r}   (of {} ratings, mean {:.2}, variance {:.3})",
        "Pearson's r", ratings.count, ratings.mean, ratings.variance
    );
}

/// How sure the model was of its choices, and how often it was right.
fn print_choices(report: &Report, error: f64) {
    println!("{:<20} {error:>6.3}", "calibration error");
    println!("\nconfidence  promised    kept   labels");
    for (tenth, bin) in report.reliability.iter().enumerate() {
        if bin.count > 0 {
            println!(
                "{:>3}-{:<3} %  {:>7.1} % {:>6.1} % {:>7}",
                10 * tenth,
                10 * tenth + 10,
                100.0 * bin.mean,
                100.0 * bin.accuracy,
                bin.count
            );
        }
    }
    println!("\nmargin       agreement   labels");
    for bin in report.margins.iter().filter(|bin| bin.count > 0) {
        println!(
            "{:>6.3}        {:>6.1} % {:>8}",
            bin.mean,
            100.0 * bin.accuracy,
            bin.count
        );
    }
}
