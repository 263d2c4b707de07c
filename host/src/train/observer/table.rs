//! A table of results, for whoever shows it.

use std::fmt::Write;

/// Rows of text under named columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What it is about, such as `judges`; its file is called so as well.
    pub name: String,
    /// What the columns are called.
    pub columns: Vec<String>,
    /// Cells, as many in each row as there are columns.
    pub rows: Vec<Vec<String>>,
    /// What is to be known to read it.
    pub caption: String,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(name: &str, columns: &[&str]) -> Table {
        Table {
            name: name.to_owned(),
            columns: columns.iter().map(ToString::to_string).collect(),
            ..Table::default()
        }
    }

    /// The table as Markdown, the caption below it.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: &[String]| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        if !self.columns.is_empty() {
            line(&self.columns);
            line(&vec!["---".to_owned(); self.columns.len()]);
        }
        self.rows.iter().for_each(|row| line(row));
        if !text.is_empty() && !self.caption.is_empty() {
            text.push('\n');
        }
        if !self.caption.is_empty() {
            text += &self.caption;
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn a_table_is_markdown_with_its_caption_below() {
        let mut table = Table::new("judges", &["judge", "pairs"]);
        table
            .rows
            .push(vec!["chance".to_owned(), "50.0 %".to_owned()]);
        table.caption = "2 comparisons.".to_owned();
        let text = "| judge | pairs |\n| --- | --- |\n| chance | 50.0 % |\n\n2 comparisons.\n";
        assert_eq!(table.markdown(), text);
        let nothing = Table {
            caption: "Nothing.".to_owned(),
            ..Table::default()
        };
        assert_eq!(nothing.markdown(), "Nothing.\n");
    }
}
