//! Rated words, and a few rules about their neighbours after Hutto and Gilbert (2014): what a word
//! weighs in a text, and what a text's words add up to. They know no meaning beyond that.

use std::{collections::HashMap, ops::Range};

const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "nowhere", "without",
    "hardly", "barely", "cannot", "rarely", "seldom", "scarcely", "lacks", "lacking",
];
const STRONGER: &[&str] = &[
    "very",
    "really",
    "so",
    "extremely",
    "absolutely",
    "completely",
    "totally",
    "incredibly",
    "deeply",
    "truly",
    "most",
    "more",
    "particularly",
    "especially",
    "utterly",
    "remarkably",
    "highly",
    "enormously",
    "thoroughly",
];
const WEAKER: &[&str] = &[
    "somewhat",
    "slightly",
    "fairly",
    "rather",
    "less",
    "little",
    "partly",
    "marginally",
    "occasionally",
    "almost",
    "kinda",
    "sorta",
    "mildly",
    "moderately",
    "relatively",
];

/// A rated word of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// Its bytes.
    pub span: Range<usize>,
    /// What it weighs there.
    pub weight: f32,
}

/// Words and their mean ratings, most often of how pleasant they are.
///
/// ```
/// use attune_sdk::lexicon::{Lexicon, total};
///
/// let lexicon = Lexicon::parse("good\t1.9\nbad\t-2.5").unwrap();
/// let words = lexicon.weigh("It is not good.", 3);
/// assert_eq!(words[0].span, 10..15);
/// assert!(total("It is not good.", &words) < 0.0);
/// ```
#[derive(Debug)]
pub struct Lexicon(HashMap<String, f32>);

impl Lexicon {
    /// Reads lines of `word TAB mean TAB …`; what follows the mean is not read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut ratings = HashMap::new();
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let mut fields = line.split('\t');
            let rating = fields
                .next()
                .zip(fields.next())
                .and_then(|(word, mean)| Some((word, mean.trim().parse().ok()?)));
            let (word, mean): (&str, f32) = rating
                .ok_or_else(|| format!("line {} is not a word, a tab and a number", number + 1))?;
            if !mean.is_finite() {
                return Err(format!(
                    "line {}: `{word}` has the rating {mean}, which is not a finite number",
                    number + 1
                ));
            }
            ratings.insert(word.to_lowercase(), mean);
        }
        if ratings.is_empty() {
            Err("holds no word".to_owned())
        } else {
            Ok(Self(ratings))
        }
    }

    /// The rated words of `text` with what they weigh: turned round by a negation among
    /// `negation_window` words before them.
    pub fn weigh(&self, text: &str, negation_window: usize) -> Vec<Word> {
        let tokens = tokens(text);
        let lower: Vec<String> = tokens
            .iter()
            .map(|span| self.key(&text[span.clone()]))
            .collect();
        let shouting = |at: usize| is_capital(&text[tokens[at].clone()]);
        // Capitals mean something only where not all is in capitals.
        let mixed = (0..tokens.len())
            .any(|at| !shouting(at) && text[tokens[at].clone()].chars().any(char::is_alphabetic));
        let turn = lower.iter().rposition(|word| word == "but");
        let mut words = Vec::new();
        for at in 0..tokens.len() {
            // A booster ("pretty", "so") next to a sentiment word would count twice.
            let Some(&rating) = self.0.get(&lower[at]).filter(|_| !is_booster(&lower[at])) else {
                continue;
            };
            let mut size = rating.abs() + if mixed && shouting(at) { 0.75 } else { 0.0 };
            for (distance, before) in lower[..at].iter().rev().take(3).enumerate() {
                let reach = 1.0 - 0.1 * distance as f32;
                size += 0.3
                    * reach
                    * (f32::from(STRONGER.contains(&before.as_str()) as u8)
                        - f32::from(WEAKER.contains(&before.as_str()) as u8));
            }
            let before = &lower[at.saturating_sub(negation_window)..at];
            let sign = if before.iter().any(|word| is_negation(word)) {
                -0.7
            } else {
                1.0
            };
            // After "but" comes what is meant.
            let side = turn.map_or(1.0, |turn| if at < turn { 0.5 } else { 1.5 });
            words.push(Word {
                span: tokens[at].clone(),
                weight: rating.signum() * size.max(0.0) * sign * side,
            });
        }
        words
    }

    /// The form in which a token is looked up: as it stands (an emoticon), else without the
    /// punctuation around it.
    fn key(&self, token: &str) -> String {
        let whole = token.to_lowercase();
        if self.0.contains_key(&whole) {
            return whole;
        }
        whole
            .trim_matches(|character: char| !character.is_alphanumeric())
            .to_owned()
    }
}

/// What the words of `text` add up to; exclamation marks push it away from 0.
pub fn total(text: &str, words: &[Word]) -> f32 {
    let sum: f32 = words.iter().map(|word| word.weight).sum();
    let marks = text.matches('!').count().min(4) as f32;
    if sum == 0.0 {
        0.0
    } else {
        sum + 0.3 * marks * sum.signum()
    }
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let start = text.as_ptr() as usize;
    text.split_whitespace()
        .map(|token| {
            let at = token.as_ptr() as usize - start;
            at..at + token.len()
        })
        .collect()
}

fn is_capital(token: &str) -> bool {
    token
        .chars()
        .filter(|character| character.is_alphabetic())
        .count()
        > 1
        && !token.chars().any(char::is_lowercase)
}

fn is_booster(word: &str) -> bool {
    STRONGER.contains(&word) || WEAKER.contains(&word)
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(text: &str) -> f32 {
        let words = "good\t1.9\t0.9\t[2]\nbad\t-2.5\n\ngreat\t3.1\n:)\t2.0\n";
        let lexicon = Lexicon::parse(words).unwrap();
        total(text, &lexicon.weigh(text, 3))
    }

    #[test]
    fn neighbours_change_what_a_word_weighs() {
        assert_eq!(sum("It is good."), 1.9);
        assert!(sum("very good") > sum("good") && sum("slightly good") < sum("good"));
        assert!(sum("isn't very good") < 0.0 && sum("never bad") > 0.0);
        assert!(sum("a GOOD film") > sum("a good film") && sum("good!!") > sum("good"));
        assert!(sum("good but bad") < sum("good and bad") && sum("nice :)") > 0.0);
        assert_eq!(sum("a table!"), 0.0);
    }

    #[test]
    fn files_that_are_no_lexicon_say_where() {
        for (text, part) in [
            ("", "holds no word"),
            ("good\t1\nbad", "line 2 is not a word, a tab and a number"),
            ("good\tinf", "line 1: `good` has the rating inf"),
        ] {
            let refused = Lexicon::parse(text).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
