//! Descriptions as Debian writes them: a line that says it all, then paragraphs whose lines begin with a space.

use serde_json::json;

/// A package and what its maintainer says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) package: String,
    /// Paragraphs, with an empty line between them.
    pub(super) description: String,
    /// The same in a line.
    pub(super) summary: String,
}

impl Described {
    /// The first paragraph.
    pub(super) fn beginning(&self) -> &str {
        self.description.split("\n\n").next().unwrap_or_default()
    }

    pub(super) fn to_json_line(&self) -> String {
        let row = json!({"package": self.package, "description": self.description, "summary": self.summary});
        format!("{row}\n")
    }
}

/// All packages of a list that have a description and a summary.
pub(super) fn described(list: &str) -> Vec<Described> {
    list.split("\n\n").filter_map(one).collect()
}

fn one(stanza: &str) -> Option<Described> {
    let field = |name: &str| {
        let mut lines = stanza.lines();
        let first = lines.find_map(|line| line.strip_prefix(name))?;
        let rest: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).collect();
        Some((first.trim(), rest))
    };
    let (package, _) = field("Package:")?;
    let (summary, lines) = field("Description-en:")?;
    let description = paragraphs(&lines);
    let is_whole = !package.is_empty() && !summary.is_empty() && !description.is_empty();
    is_whole.then(|| Described {
        package: package.to_owned(),
        description,
        summary: summary.to_owned(),
    })
}

/// Lines that are folded are put together; those that are indented, as in lists, stay lines.
fn paragraphs(lines: &[&str]) -> String {
    let mut text = String::new();
    let mut folds = false;
    for line in lines {
        let line = &line[1..];
        let is_indented = line.starts_with([' ', '\t']);
        if line == "." {
            text.push_str("\n\n");
        } else if folds && !is_indented {
            text.push(' ');
            text.push_str(line.trim_end());
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(line.trim_end());
        }
        folds = line != "." && !is_indented;
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read_as_debian_writes_them() {
        let list = "Package: a\nDescription-md5: 1\nDescription-en: does a thing\n It does\n a thing.\n .\n Such as:\n  * one\n  * \
                    two\n and that.\n\nPackage: empty\nDescription-md5: 2\nDescription-en: nothing more\n\nPackage: b\n\
                    Description-en: b\n Just b.\n";
        let all = described(list);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].summary, "does a thing");
        assert_eq!(
            all[0].description,
            "It does a thing.\n\nSuch as:\n * one\n * two\nand that."
        );
        assert_eq!(
            (all[0].beginning(), all[1].package.as_str()),
            ("It does a thing.", "b")
        );
        assert_eq!(
            all[1].to_json_line(),
            "{\"description\":\"Just b.\",\"package\":\"b\",\"summary\":\"b\"}\n"
        );
    }
}
