//! What examples need and no program holds: pretrained models and data, each file known by its hash, and a config
//! that runs with them. It knows what there is; where a part comes from is that part's own.

use std::path::Path;

use anyhow::{Result, bail};

mod articles;
mod news;
mod packages;
mod preferences;
mod ratings;
mod sentiment;
mod snippets;

use crate::spelling::nearest;

/// What can be fetched.
pub struct Example {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// The command that uses it once it is there, and the config that it takes, in the folder.
    pub then: (&'static str, &'static str),
    fetch: Fetch,
}

/// Puts an example into a folder, and tells a line for each part.
type Fetch = fn(&Path, &mut dyn FnMut(&str)) -> Result<()>;

/// All of them.
pub const EXAMPLES: [Example; 3] = [
    Example {
        name: "sentiment",
        about: "SmolLM2-135M-Instruct, rated snippets of movie reviews, a lexicon, longer articles, and a config that \
                teaches the model to continue reviews kindly (96 MB to download, 650 MB on disk)",
        then: ("train policy", "policy.toml"),
        fetch: sentiment::fetch,
    },
    Example {
        name: "tldr-packages",
        about: "the same model, descriptions of Debian's packages with the lines in which their maintainers say the \
                same, and a config that teaches the model to write such lines (on Debian or Ubuntu; 104 MB to download, \
                680 MB on disk)",
        then: ("train sft", "sft.toml"),
        fetch: packages::fetch,
    },
    Example {
        name: "news",
        about: "the same model, 300 news articles, and a config that teaches the model to say in a line what is in one \
                (121 MB to download, 650 MB on disk)",
        then: ("run", "news.toml"),
        fetch: news::fetch,
    },
];

/// Puts an example into a folder; what is there already is left alone. `tell` gets a line for each part.
pub fn fetch(name: &str, to: &Path, tell: &mut dyn FnMut(&str)) -> Result<&'static Example> {
    let Some(example) = EXAMPLES.iter().find(|example| example.name == name) else {
        let names = EXAMPLES.map(|example| example.name);
        let hint = match nearest(name, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        bail!("there is nothing to fetch that is called `{name}`\nhint: {hint}");
    };
    (example.fetch)(to, tell)?;
    Ok(example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named() {
        let refused = fetch("sentimant", Path::new("nowhere"), &mut |_| {})
            .err()
            .unwrap();
        assert!(
            refused.to_string().contains("did you mean `sentiment`?"),
            "{refused}"
        );
    }
}
