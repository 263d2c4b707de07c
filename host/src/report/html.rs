//! Words of others as HTML shows them, and the few tags that sections are made of. Nothing that a text holds is ever a
//! tag, and what would turn or hide what follows is written out.

/// Characters of a name that are shown.
const NAME: usize = 120;
/// Lines of a passage.
const LINES: usize = 40;

/// A text as HTML: tags are letters, and characters that nobody sees or that turn the direction of others are written as
/// JSON escapes them.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\t' => html.push(c),
            c if is_unseen(c) => html.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => html.push(c),
        }
    }
    html
}

/// Whether a text stands on a page as it is.
pub(crate) fn is_seen(text: &str) -> bool {
    !text.chars().any(is_unseen)
}

/// Control characters, what turns direction, what has no width, and private and unassigned tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text's first `most` characters, and how many there are besides.
pub(crate) fn cut(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        None => (text, 0),
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
    }
}

/// The same, and no more lines than people read.
pub(crate) fn cut_passage(text: &str, most: usize) -> (&str, usize) {
    let (shown, more) = cut(text, most);
    match shown.match_indices('\n').nth(LINES) {
        None => (shown, more),
        Some((end, _)) => (&shown[..end], text[end..].chars().count()),
    }
}

/// What is said where a text was cut.
pub(crate) fn left_out(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" <span class=\"cut\">… {count} more characters</span>"),
    }
}

/// A passage in whatever direction it is written, cut where it is long.
pub(crate) fn passage(text: &str, most: usize) -> String {
    let (shown, more) = cut_passage(text, most);
    format!(
        "<div class=\"text\" dir=\"auto\">{}{}</div>",
        escaped(shown),
        left_out(more)
    )
}

/// A name among words.
pub(crate) fn name(text: &str) -> String {
    let (shown, more) = cut(text, NAME);
    let more = if more > 0 { "…" } else { "" };
    format!("<bdi>{}{more}</bdi>", escaped(shown).replace('\n', " "))
}

/// A name of a key or a file.
pub(crate) fn code(text: &str) -> String {
    let (shown, more) = cut(text, 4 * NAME);
    let more = if more > 0 { "…" } else { "" };
    format!("<code>{}{more}</code>", escaped(shown))
}

/// A table that scrolls in a frame of its own where the page is narrow. Cells are HTML.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    caption: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// `caption`: HTML; `columns`: their names, as HTML.
    pub(crate) fn new(caption: &str, columns: &[&str]) -> Table {
        Table {
            caption: caption.to_owned(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Another column.
    pub(crate) fn column(&mut self, name: String) {
        self.columns.push(name);
    }

    /// A row, of which the first cell is its name.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As HTML; nothing where it has no rows.
    pub(crate) fn html(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let head = self
            .columns
            .iter()
            .map(|name| format!("<th scope=\"col\">{name}</th>"));
        let head: String = head.collect();
        let row = |cells: &Vec<String>| {
            let mut html = String::from("<tr>");
            for (place, cell) in cells.iter().enumerate() {
                html += &match place {
                    0 => format!("<th scope=\"row\">{cell}</th>"),
                    _ => format!("<td>{cell}</td>"),
                };
            }
            html + "</tr>\n"
        };
        let rows: String = self.rows.iter().map(row).collect();
        // It can be scrolled by keys, so it has a place among what keys reach.
        format!(
            "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"table\"><table><caption>{}</caption>\
             <thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n",
            self.caption
        )
    }
}
