//! Where a prompt ends, in rows whose responses begin with it: some write it before both of them though it has a
//! field of its own, and some have no field for it.

use super::{Imported, count};
use crate::label::{Comparison, Passage};

/// What is said of responses that began with the prompt.
const TAKEN_OUT: &str =
    "the prompt stood at the beginning of all responses as well, and was taken out of them";

/// Who is about to speak, as transcripts write it; what follows is the response.
const TURNS: [&str; 7] = [
    "\n\nAssistant:",
    "\nAssistant:",
    "### Assistant:",
    "### Response:",
    "<|im_start|>assistant\n",
    "<|assistant|>\n",
    "[/INST]",
];

/// Whether several responses all begin with their prompt.
pub(super) fn is_doubled(prompt: &str, responses: &[&str]) -> bool {
    responses.len() > 1 && responses.iter().all(|text| begins_with(text, prompt))
}

/// The same of passages that are texts.
pub(super) fn is_doubled_in(query: &Passage, responses: &[Passage]) -> bool {
    let text = |passage: &'_ Passage| passage.text.clone().unwrap_or_default();
    let responses: Vec<String> = responses.iter().map(text).collect();
    let responses: Vec<&str> = responses.iter().map(String::as_str).collect();
    is_doubled(&text(query), &responses)
}

/// Notes that all responses of the label that comes next begin with its prompt.
pub(super) fn note_doubled(into: &mut Imported) {
    into.doubled.push(into.labels.len());
}

/// Whether a text begins with the prompt and goes on after it with another word.
fn begins_with(text: &str, prompt: &str) -> bool {
    let Some(rest) = text.strip_prefix(prompt).filter(|_| !prompt.is_empty()) else {
        return false;
    };
    // Other scripts write words without spaces between them.
    let is_letter = |c: char| c.is_alphanumeric() && c < '\u{2e80}';
    let inside = prompt.ends_with(is_letter) && rest.starts_with(is_letter);
    !inside
}

/// Takes the prompt out of responses that began with it. Who greets may be greeted in the same word: a prompt of
/// one word is taken out where more than half of the file's responses begin with theirs.
pub(super) fn take_out(imported: &mut Imported) {
    let text = |passage: &Passage| passage.text.clone().unwrap_or_default();
    let prompts = imported.labels.iter();
    let prompts = prompts.filter(|label| !text(&label.comparison.query).is_empty());
    let is_rule = imported.doubled.len() * 2 > prompts.count();
    for at in std::mem::take(&mut imported.doubled) {
        let Comparison {
            query, responses, ..
        } = &mut imported.labels[at].comparison;
        let prompt = text(query);
        let is_one_word = prompt.split_whitespace().nth(1).is_none();
        if is_one_word && !is_rule {
            continue;
        }
        for response in responses {
            let whole = text(response);
            let rest = whole.strip_prefix(prompt.as_str()).unwrap_or(&whole);
            response.text = Some(rest.to_owned());
        }
        said(imported);
    }
}

/// Says that one row was such.
pub(super) fn said(imported: &mut Imported) {
    count(&mut imported.noted, TAKEN_OUT);
}

/// How many bytes of two texts are the prompt that they share: up to where a turn begins, in a transcript; else
/// whole words. A space belongs to the word that follows it, as tokenizers have it.
pub(super) fn shared(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let same: usize = pairs
        .take_while(|((_, a), b)| a == b)
        .map(|((_, a), _)| a.len_utf8())
        .sum();
    let same = &one[..same];
    let turn = |turn: &&str| Some(same.rfind(*turn)? + turn.len());
    let turns = TURNS.iter().filter_map(turn).max();
    turns.unwrap_or_else(|| same.rfind(char::is_whitespace).unwrap_or(0))
}
