//! Texts of some length: editorials and customer reviews, put together again from the sentences that people rated.
//! It knows these two tables; it knows nothing about where they come from or go.

use anyhow::{Context, Result, bail};

use super::snippets::{hash, natural_text};

/// The files that the texts go to: to train on, and held out.
pub(super) const FILES: [&str; 2] = ["articles.train.jsonl", "articles.test.jsonl"];

/// A table of sentences, each with its text's number, and how many texts it has.
pub(super) struct Source {
    /// What a text of it is.
    kind: &'static str,
    /// The table's place in the archive.
    pub(super) member: &'static str,
    /// Fewer would mean that a line was not understood.
    texts: usize,
}

/// All of them.
pub(super) const SOURCES: [Source; 2] = [
    Source {
        kind: "editorial",
        member: "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt",
        texts: 498,
    },
    Source {
        kind: "review",
        member: "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
        texts: 300,
    },
];

/// A text, and what it is called.
pub(super) struct Article {
    id: String,
    text: String,
}

impl Article {
    pub(super) fn new(id: String, text: String) -> Article {
        Article { id, text }
    }

    /// Whether the text is in the held-out fifth, by a hash of what it is called.
    pub(super) fn is_test(&self) -> bool {
        hash(&self.id).is_multiple_of(5)
    }

    /// The text as one line of JSON.
    pub(super) fn to_json_line(&self) -> String {
        let value = serde_json::json!({"id": self.id, "text": self.text});
        format!("{value}\n")
    }
}

/// Reads a table of `TEXT_SENTENCE TAB mean rating TAB sentence` lines. Sentences stand in paragraphs of their own, as in
/// news.
pub(super) fn parse(source: &Source, table: &str) -> Result<Vec<Article>> {
    let mut articles: Vec<Article> = Vec::new();
    let lines = table.lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let (number, sentence) = parse_line(line).with_context(|| {
            format!(
                "line {}: expected `text_sentence TAB rating TAB sentence`: {line:?}",
                index + 1
            )
        })?;
        let id = format!("{}-{number}", source.kind);
        match articles.last_mut() {
            Some(article) if article.id == id => {
                article.text.push_str("\n\n");
                article.text.push_str(&sentence);
            }
            _ => articles.push(Article { id, text: sentence }),
        }
    }
    if articles.len() != source.texts {
        bail!("{} texts, expected {}", articles.len(), source.texts);
    }
    Ok(articles)
}

fn parse_line(line: &str) -> Result<(u32, String)> {
    let mut columns = line.splitn(3, '\t');
    let mut column = |name: &str| columns.next().with_context(|| format!("no {name}"));
    let id = column("number")?.trim();
    let (text, sentence) = id.split_once('_').context("the number has no `_`")?;
    sentence
        .parse::<u32>()
        .context("the sentence has no number")?;
    column("rating")?;
    let number = text.parse().context("the text has no number")?;
    Ok((number, natural_text(column("sentence")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source {
        kind: "editorial",
        member: "table",
        texts: 2,
    };

    #[test]
    fn sentences_of_a_text_are_its_paragraphs() {
        let table = "1_1\t0.4\tIt''s here .\r\n1_2\t0.1\tAgain\r\n2_1\t-1\tAnother.\r\n\r\n";
        let articles = parse(&SOURCE, table).unwrap();
        assert_eq!(
            articles[0].to_json_line(),
            "{\"id\":\"editorial-1\",\"text\":\"It\\\"s here.\\n\\nAgain\"}\n"
        );
        assert_eq!(articles[1].text, "Another.");
    }

    #[test]
    fn bad_lines_and_missing_texts_are_named() {
        for (table, why) in [
            ("1\t0.4\tHere", "no `_`"),
            ("1_x\t0.4\tHere", "sentence has no number"),
            ("x_1\t0.4\tHere", "text has no number"),
            ("1_1\t0.4", "no sentence"),
            ("1_1\t0.4\tHere", "1 texts, expected 2"),
        ] {
            let error = format!("{:#}", parse(&SOURCE, table).err().unwrap());
            assert!(error.contains(why), "{error}");
        }
    }
}
