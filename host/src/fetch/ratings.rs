//! Each person's rating of each snippet: reads their table and joins it to the snippets.
//! It knows this one table's quirks; it knows nothing about what the ratings are for.

use anyhow::{Context, Result, ensure};

use super::snippets::Snippet;

/// Means are published with nine digits after the point, or rounded to a few more.
const MEAN_TOLERANCE: f64 = 1e-6;

/// One snippet with each person's rating of it.
#[derive(Clone)]
pub(super) struct Rated<'a> {
    /// What was rated.
    pub(super) snippet: &'a Snippet,
    /// From -4 (most negative) to 4 (most positive), two or more. Within a batch of 30 neighbours a place in this
    /// list is one person; across batches it is not.
    pub(super) ratings: Vec<i8>,
}

/// Reads a table of `id TAB mean TAB deviation TAB [rating, rating, …]` lines.
///
/// It rates the same snippets in the same order as the table of texts, and each line's mean must be that of its
/// ratings and of the snippet: otherwise ratings would be taken for those of another text.
pub(super) fn parse<'a>(table: &str, snippets: &'a [Snippet]) -> Result<Vec<Rated<'a>>> {
    let lines: Vec<_> = table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    ensure!(
        lines.len() == snippets.len(),
        "{} lines of ratings for {} snippets",
        lines.len(),
        snippets.len()
    );
    let rows = lines.into_iter().zip(snippets);
    rows.map(|((index, line), snippet)| {
        let ratings = parse_line(line, snippet).with_context(|| {
            format!(
                "line {}: expected `id TAB mean TAB deviation TAB [ratings]`: {line:?}",
                index + 1
            )
        })?;
        Ok(Rated { snippet, ratings })
    })
    .collect()
}

fn parse_line(line: &str, snippet: &Snippet) -> Result<Vec<i8>> {
    let columns: Vec<_> = line.split('\t').map(str::trim).collect();
    let [id, mean, _, list] = columns[..] else {
        anyhow::bail!("{} columns", columns.len());
    };
    let id: u32 = id.parse().context("the id is not a number")?;
    ensure!(
        id == snippet.id(),
        "rates snippet {id} where the texts have snippet {}",
        snippet.id()
    );
    let ratings: Vec<i8> =
        serde_json::from_str(list).context("the ratings are not a list of whole numbers")?;
    if let Some(rating) = ratings.iter().find(|rating| !(-4..=4).contains(*rating)) {
        anyhow::bail!("rating {rating} is not in -4..=4");
    }
    ensure!(
        ratings.len() >= 2,
        "{} ratings, at least 2 are needed",
        ratings.len()
    );
    let own = ratings.iter().copied().map(f64::from).sum::<f64>() / ratings.len() as f64;
    let said: f64 = mean.parse().context("the mean is not a number")?;
    for (whose, mean) in [("its line", said), ("its text", snippet.rating())] {
        ensure!(
            (mean - own).abs() <= MEAN_TOLERANCE,
            "the ratings' mean is {own}, {whose} says {mean}"
        );
    }
    Ok(ratings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::snippets;

    const TEXTS: &str = "1\t2.33333333333\tGood .\r\n2\t-0.5\tBad\r\n";

    #[test]
    fn the_table_is_read_with_its_line_ends() {
        let snippets = snippets::parse(TEXTS).unwrap();
        let table = "1\t2.333333333\t0.94281\t[3, 3, 1]\r\n2\t-0.5\t2.5\t[2, -3]";
        let rated = parse(table, &snippets).unwrap();
        assert_eq!(rated[0].ratings, [3, 3, 1]);
        assert_eq!(rated[1].ratings, [2, -3]);
        assert_eq!(rated[0].snippet.text(), "Good.");
    }

    #[test]
    fn a_bad_line_is_named() {
        let snippets = snippets::parse(TEXTS).unwrap();
        let cases = [
            ("2\t-0.5\t2.5", "3 columns"),
            ("x\t-0.5\t2.5\t[2, -3]", "id"),
            ("3\t-0.5\t2.5\t[2, -3]", "snippet 3"),
            ("2\t-0.5\t2.5\t[2, -3", "list"),
            ("2\t-0.5\t2.5\t[1.5, -2.5]", "whole"),
            ("2\t-0.5\t2.5\t[5, -6]", "rating 5"),
            ("2\t-0.5\t0\t[]", "0 ratings"),
            ("2\t-0.5\t2.5\t[2, -2]", "its line says -0.5"),
            ("2\t0\t2.5\t[2, -2]", "its text says -0.5"),
        ];
        for (bad, why) in cases {
            let table = format!("1\t2.333333333\t0.94281\t[3, 3, 1]\n{bad}\n");
            let error = format!("{:#}", parse(&table, &snippets).err().unwrap());
            assert!(error.contains("line 2"), "{bad:?}: {error}");
            assert!(error.contains(why), "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_missing_line_is_counted() {
        let snippets = snippets::parse(TEXTS).unwrap();
        let error = parse("1\t2.333333333\t0.9\t[3, 3, 1]\n", &snippets).err();
        assert_eq!(
            error.unwrap().to_string(),
            "1 lines of ratings for 2 snippets"
        );
    }
}
