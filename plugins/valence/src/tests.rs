//! The rules one by one, choices, hints, and agreement with human ratings where the data is there.

use super::*;

const WORDS: &str = "good\t1.9\t0.9\t[2]\nbad\t-2.5\ngreat\t3.1\n:)\t2.0\n";

fn labeler(settings: &str) -> Valence {
    testing::build(settings, &[("lexicon", WORDS.as_bytes())]).unwrap()
}

#[test]
fn neighbours_change_what_a_word_weighs() {
    let labeler = labeler("{}");
    let score = |text: &str| labeler.score(text).0;
    assert!((score("It is good.") - 1.9 / (1.9_f32 * 1.9 + 15.0).sqrt()).abs() < 1e-6);
    assert!(score("very good") > score("good") && score("slightly good") < score("good"));
    assert!(score("isn't very good") < 0.0 && score("never bad") > 0.0);
    assert!(score("a GOOD film") > score("a good film") && score("good!!") > score("good"));
    assert!(score("good but bad") < score("good and bad") && score("nice :)") > 0.0);
    assert_eq!(labeler.score("a table"), (0.0, false));
}

#[test]
fn chooses_ties_and_abstains() {
    let labeler = labeler("{}");
    let rows = testing::judge(
        &labeler,
        &[
            ("q", &["bad", "great", "good"]),
            ("q", &["good", "x", "good"]),
            ("q", &["x", "y"]),
        ],
    );
    let verdicts: Vec<Verdict> = rows.into_iter().map(|row| row.unwrap().verdict).collect();
    assert!(matches!(verdicts[0], Verdict::Best(1)) && matches!(verdicts[2], Verdict::Abstain));
    assert!(matches!(&verdicts[1], Verdict::Tie(best) if best == &[0, 2]));
}

#[test]
fn hints_show_words_and_settings_are_checked() {
    let hints = testing::annotate(&labeler("{}"), "", &["x", "é not good"]);
    assert_eq!(
        hints,
        [Hint {
            response: 1,
            span: 7..11,
            note: "-1.3".to_owned()
        }]
    );
    assert_eq!(
        testing::build::<Valence>("{}", &[]).unwrap_err().0[0].0,
        "assets/lexicon"
    );
    assert_eq!(
        testing::build::<Valence>("{}", &[("lexicon", b"good")])
            .unwrap_err()
            .0[0]
            .0,
        "assets/lexicon"
    );
}

/// `VALENCE_DATA` is a folder with the two files of the README.
#[test]
fn agrees_with_people() {
    let Ok(folder) = std::env::var("VALENCE_DATA") else {
        return;
    };
    let read = |name: &str| std::fs::read(std::path::Path::new(&folder).join(name)).unwrap();
    let labeler: Valence =
        testing::build("{}", &[("lexicon", &read("vader_lexicon.txt"))]).unwrap();
    let ratings = read("movieReviewSnippets_GroundTruth.txt");
    let pairs: Vec<(f64, f64)> = String::from_utf8_lossy(&ratings)
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, '\t').skip(1);
            let (rating, text) = (fields.next()?.parse().ok()?, fields.next()?);
            Some((rating, f64::from(labeler.score(text).0)))
        })
        .collect();
    let n = pairs.len() as f64;
    let (mx, my) = pairs
        .iter()
        .fold((0.0, 0.0), |(x, y), pair| (x + pair.0 / n, y + pair.1 / n));
    let [xy, xx, yy] = [|x, y| x * y, |x, _| x * x, |_: f64, y: f64| y * y]
        .map(|f: fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(x - mx, y - my)).sum::<f64>());
    let r = xy / (xx * yy).sqrt();
    let said: Vec<_> = pairs.iter().filter(|(_, y)| *y != 0.0).collect();
    let right = said.iter().filter(|(x, y)| x * y > 0.0).count() as f64;
    let all = format!(
        "{n} snippets, r {r:.3}, sign right {:.3} of the {} scored, {:.3} of all",
        right / said.len() as f64,
        said.len(),
        right / n
    );
    assert!(r >= 0.4, "{all}");
    std::fs::write(std::path::Path::new(&folder).join("valence.txt"), all).unwrap();
}
