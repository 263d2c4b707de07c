//! Where a prompt ends, in rows whose responses begin with it: some write it before all of them though it has a
//! field of its own, and some have no field for it. What a row means depends on that row alone: a label must stay the
//! same one when its file grows.

use super::talk::{self, Message, Said, transcript};
use super::{Imported, count};

mod turns;

pub(super) use turns::{answers, shared};

/// What is said of responses that began with the prompt.
const TAKEN_OUT: &str =
    "the prompt stood at the beginning of all responses as well, and was taken out of them";

/// What is said of responses in which the prompt stands behind messages that are not the same.
pub(super) const LEFT_INSIDE: &str =
    "the prompt stands in both responses as well, behind messages that differ, and was left there";

/// Whether both responses have the prompt among their messages, though they do not begin with the same.
pub(super) fn is_inside(prompt: &Said, responses: &[Said]) -> bool {
    let asked = match prompt {
        Said::Text(text) => Some(text.as_str()),
        Said::Talk(messages) => messages.last().map(|message| message.content.as_str()),
    };
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let has = |said: &Said, asked: &str| {
        let talk = said.talk().unwrap_or_default();
        talk.iter().any(|message| message.content.trim() == asked)
    };
    asked.is_some_and(|asked| responses.iter().all(|said| has(said, asked)))
}

/// A row whose prompt stands in its query alone.
pub(super) struct Apart {
    pub(super) query: String,
    pub(super) responses: Vec<String>,
    /// Whether it stood in all responses, too.
    pub(super) is_twice: bool,
}

/// Takes the prompt out of the responses where all of them begin with it: as messages, as the turns of a transcript,
/// or as a text that goes on.
pub(super) fn apart(prompt: &Said, responses: &[Said]) -> Apart {
    if let Some(apart) = of_talks(prompt, responses) {
        return apart;
    }
    let texts: Vec<String> = responses.iter().map(Said::text).collect();
    let taken_out = of_transcripts(prompt, &texts).or_else(|| of_texts(prompt, &texts));
    taken_out.unwrap_or_else(|| Apart {
        query: prompt.text(),
        responses: texts,
        is_twice: false,
    })
}

/// Notes that a label is of such a row.
pub(super) fn note_doubled(into: &mut Imported) {
    count(&mut into.noted, TAKEN_OUT);
}

/// Responses that are whole conversations. They may begin with more than the prompt has, such as the system's
/// message, or with less of it.
fn of_talks(prompt: &Said, responses: &[Said]) -> Option<Apart> {
    let talks: Vec<&[Message]> = responses.iter().map(Said::talk).collect::<Option<_>>()?;
    let before = talks.first()?.get(..talk::shared(&talks))?;
    let (query, end) = match prompt {
        Said::Text(text) => {
            let is_it = |message: &Message| message.content.trim() == text.trim();
            let is_there = !text.trim().is_empty() && before.iter().any(is_it);
            is_there.then(|| (transcript(before), before.len()))?
        }
        Said::Talk(prompt) => {
            let mut ends = prompt.len()..=before.len();
            if let Some(end) = ends.find(|end| before[..*end].ends_with(prompt)) {
                (transcript(&before[..end]), end)
            } else {
                let mut parts = 1..prompt.len();
                let from = parts.find(|from| before.starts_with(&prompt[*from..]))?;
                (transcript(prompt), prompt.len() - from)
            }
        }
    };
    Some(Apart {
        query,
        responses: talks.iter().map(|talk| transcript(&talk[end..])).collect(),
        is_twice: true,
    })
}

/// Responses that are transcripts of what was asked and what is answered.
fn of_transcripts(prompt: &Said, texts: &[String]) -> Option<Apart> {
    forms(prompt)
        .iter()
        .find_map(|form| of_transcript(prompt, form, texts))
}

/// The same where the prompt stands in this form there.
fn of_transcript(prompt: &Said, form: &str, texts: &[String]) -> Option<Apart> {
    let messages = prompt.talk().unwrap_or_default();
    let roles: Vec<String> = messages.iter().map(|one| one.role.to_lowercase()).collect();
    let find = |text: &String| turns::after(text, form, &roles);
    let found: Vec<_> = texts.iter().map(find).collect::<Option<_>>()?;
    let (first, turn) = texts.iter().zip(&found).next()?;
    let before = &first[..turn.begin];
    let is_same = |(text, turn): (&String, &turns::Turn)| text[..turn.begin] == *before;
    if !texts.iter().zip(&found).all(is_same) {
        return None;
    }
    let query = match messages {
        _ if turns::is_nothing(before) => prompt.text(),
        [earlier @ .., _] if !earlier.is_empty() => {
            let is_there = |message: &Message| before.contains(message.content.trim());
            earlier.iter().all(is_there).then(|| prompt.text())?
        }
        // What stands before what was asked was read by the judge as well.
        _ => first[..turn.response].to_owned(),
    };
    let rests = texts.iter().zip(&found);
    Some(Apart {
        query,
        responses: rests
            .map(|(text, turn)| text[turn.response..].to_owned())
            .collect(),
        is_twice: true,
    })
}

/// Responses that are texts which go on where the prompt ends.
fn of_texts(prompt: &Said, texts: &[String]) -> Option<Apart> {
    let rests = forms(prompt).into_iter().find_map(|form| {
        let rest = |text: &String| rest(text, &form).map(str::to_owned);
        let rests: Vec<String> = texts.iter().map(rest).collect::<Option<_>>()?;
        is_enough(&form, &rests).then_some(rests)
    })?;
    Some(Apart {
        query: prompt.text(),
        responses: rests,
        is_twice: true,
    })
}

/// How a prompt may stand in a response, the longest first. It may end in white space that they lack; of several
/// messages only the last may be there.
fn forms(prompt: &Said) -> Vec<String> {
    let mut forms = vec![prompt.text()];
    if let Said::Talk(messages) = prompt {
        let line = |message: &Message| format!("{}: {}", message.role, message.content);
        let lines: Vec<String> = messages.iter().map(line).collect();
        forms.extend((0..lines.len()).map(|from| lines[from..].join("\n")));
        forms.extend(messages.last().map(|message| message.content.clone()));
    }
    // One of two may have passed through a program of Windows.
    let unix = |form: &String| form.replace("\r\n", "\n");
    let windows = |form: &String| unix(form).replace('\n', "\r\n");
    let others: Vec<String> = forms
        .iter()
        .flat_map(|form| [unix(form), windows(form)])
        .collect();
    forms.extend(others);
    let trimmed: Vec<String> = forms.iter().map(|form| form.trim().to_owned()).collect();
    forms.extend(trimmed);
    forms.retain(|form| !form.trim().is_empty());
    forms
}

/// What of a text comes after the prompt with which it begins, if another word does.
fn rest<'a>(text: &'a str, prompt: &str) -> Option<&'a str> {
    let begin = text.strip_prefix(prompt);
    let rest = begin
        .or_else(|| text.trim_start().strip_prefix(prompt))
        .or_else(|| behind_words(text, prompt))?;
    // Korean has spaces, but not between a word and what of grammar follows it.
    let is_letter = |c: char| c.is_alphanumeric() && c < '\u{2e80}' && !is_unspaced(c);
    let is_inside = prompt.ends_with(is_letter) && rest.starts_with(is_letter);
    (!is_inside).then_some(rest)
}

/// What of a text comes after the words of the prompt, whatever white space stands between them: one of two may have been
/// on a page, where spaces do not break, or in an editor that broke its lines.
fn behind_words<'a>(text: &'a str, prompt: &str) -> Option<&'a str> {
    let mut words = prompt.split_whitespace();
    let mut rest = text.trim_start().strip_prefix(words.next()?)?;
    for word in words {
        let next = rest.trim_start();
        rest = (next.len() < rest.len()).then(|| next.strip_prefix(word))??;
    }
    Some(rest)
}

/// Whether responses hardly begin so by chance. Who greets may be greeted in the same word, `Hi` by `Hi!`, and a single
/// response may say again what it was asked.
fn is_enough(prompt: &str, rests: &[String]) -> bool {
    let words = words(prompt);
    if rests.len() == 1 {
        return words > 2;
    }
    let is_begun = || {
        let goes_on = rests
            .iter()
            .all(|rest| rest.starts_with(char::is_whitespace));
        goes_on && prompt.ends_with(char::is_alphanumeric)
    };
    words > 1 || is_begun()
}

/// How many words a text has; of scripts that do not part them, three characters are one.
fn words(text: &str) -> usize {
    let of_piece = |piece: &str| {
        let unspaced = piece.chars().filter(|c| is_unspaced(*c)).count();
        (unspaced / 3).max(1)
    };
    text.split_whitespace().map(of_piece).sum()
}

/// Whether a character is of a script that is written without spaces between its words.
fn is_unspaced(c: char) -> bool {
    // Thai, Lao and Tibetan; Burmese; Khmer; Chinese and Japanese with their marks.
    let blocks = [
        '\u{e00}'..='\u{fff}',
        '\u{1000}'..='\u{109f}',
        '\u{1780}'..='\u{17ff}',
        '\u{2e80}'..='\u{a4cf}',
        '\u{f900}'..='\u{faff}',
        '\u{fe30}'..='\u{ffef}',
        '\u{20000}'..='\u{3ffff}',
    ];
    blocks.iter().any(|block| block.contains(&c))
}
