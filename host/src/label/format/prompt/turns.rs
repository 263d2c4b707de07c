//! Transcripts: who asks and who answers, as people write it and as the templates of models do.

/// Where in a transcript something was asked.
pub(super) struct Turn {
    /// Where the turn begins, with who asks.
    pub(super) begin: usize,
    /// Where what is answered begins.
    pub(super) response: usize,
}

/// Names of who asks, on a line of their own or before what they say.
const ASKS: [&str; 6] = ["user", "human", "prompter", "question", "instruction", "q"];
/// Names of who answers.
const ANSWERS: [&str; 8] = [
    "assistant",
    "model",
    "gpt",
    "chatbot",
    "bot",
    "ai",
    "response",
    "answer",
];
/// Who asks, in templates of models.
const ASKS_MARKED: [&str; 9] = [
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
    "<｜User｜>",
    "<|start|>user<|message|>",
    "<|im_start|>user",
    "<|start_header_id|>user<|end_header_id|>",
    "<start_of_turn>user",
    "<|user|>",
    "[INST]",
    "USER:",
];
/// Who answers, in templates of models.
const ANSWERS_MARKED: [&str; 10] = [
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<｜Assistant｜>",
    "<|start|>assistant<|channel|>final<|message|>",
    "<|start|>assistant<|message|>",
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<start_of_turn>model",
    "<|assistant|>",
    "[/INST]",
    "ASSISTANT:",
];
/// What ends a turn there.
const ENDS: [&str; 9] = [
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|return|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<|end|>",
    "<|endoftext|>",
    "</s>",
];
/// What begins a text there.
const BEGINS: [&str; 6] = [
    "<BOS_TOKEN>",
    "<|begin_of_text|>",
    "<bos>",
    "<s>",
    "<|endoftext|>",
    "<｜begin▁of▁sentence｜>",
];
/// Where the last turn begins whose text is not the same, in transcripts without a prompt.
const LAST: [&str; 16] = [
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<｜Assistant｜>",
    "<|start|>assistant<|channel|>final<|message|>",
    "<|start|>assistant<|message|>",
    "\n\nAssistant:",
    "\nAssistant:",
    "\nassistant:",
    "### Assistant:",
    "### Response:",
    " ASSISTANT:",
    "<|im_start|>assistant\n",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<start_of_turn>model\n",
    "<|assistant|>\n",
    "<|assistant|>",
    "[/INST]",
];

/// Whether this is how one is called who answers, in small letters.
pub(in super::super) fn answers(role: &str) -> bool {
    ANSWERS.contains(&role)
}

/// How many bytes of two texts are the prompt that they share: up to where a turn begins, in a transcript; else
/// whole words. A space belongs to the word that follows it, as tokenizers have it.
pub(in super::super) fn shared(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let same: usize = pairs
        .take_while(|((_, a), b)| a == b)
        .map(|((_, a), _)| a.len_utf8())
        .sum();
    let same = &one[..same];
    let turn = |turn: &&str| Some(same.rfind(*turn)? + turn.len());
    let turns = LAST.iter().filter_map(turn).max();
    turns.unwrap_or_else(|| same.rfind(char::is_whitespace).unwrap_or(0))
}

/// Where a transcript asks these words, and then begins to answer. `roles`: who speaks in it besides those whom all
/// know.
pub(super) fn after(text: &str, words: &str, roles: &[String]) -> Option<Turn> {
    text.match_indices(words).find_map(|(at, _)| {
        let end = at + words.len();
        Some(Turn {
            begin: asked(&text[..at], roles)?,
            response: end + answered(&text[end..], roles)?,
        })
    })
}

/// Whether nothing is said in what stands before a turn.
pub(super) fn is_nothing(before: &str) -> bool {
    let before = before.trim();
    before.is_empty() || BEGINS.contains(&before)
}

/// Where a turn begins, by what stands before its words; also at the beginning of a text, where nobody needs to say
/// who asks.
fn asked(before: &str, roles: &[String]) -> Option<usize> {
    let header = before.trim_end();
    if is_nothing(header) {
        return Some(header.len());
    }
    if let Some(rest) = ASKS_MARKED
        .iter()
        .find_map(|mark| header.strip_suffix(mark))
    {
        return Some(rest.len());
    }
    let line = header.rfind('\n').map_or(0, |at| at + 1);
    name_of(&header[line..])
        .is_some_and(|(name, rest)| {
            rest.is_empty() && (ASKS.contains(&name.as_str()) || roles.contains(&name))
        })
        .then_some(line)
}

/// How many bytes stand between the end of what was asked and the answer.
fn answered(rest: &str, roles: &[String]) -> Option<usize> {
    let mut header = rest.trim_start();
    while let Some(after) = ENDS.iter().find_map(|end| header.strip_prefix(end)) {
        header = after.trim_start();
    }
    let mark = ANSWERS_MARKED
        .iter()
        .find_map(|mark| header.strip_prefix(mark));
    let named = || {
        let (name, after) = name_of(header)?;
        let is_line = rest[..rest.len() - header.len()].contains('\n');
        (is_line && (ANSWERS.contains(&name.as_str()) || roles.contains(&name))).then_some(after)
    };
    let response = mark.or_else(named)?;
    let parted = ["\n\n", "\n", " "]
        .iter()
        .find_map(|gap| response.strip_prefix(gap));
    Some(rest.len() - parted.unwrap_or(response).len())
}

/// The name at the beginning of a line, `Human:` or `### Human:`, in small letters, and what follows it.
fn name_of(line: &str) -> Option<(String, &str)> {
    let plain = line.trim_start_matches(['#', ' ', '*']);
    let (name, rest) = plain.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(char::is_alphanumeric);
    is_name.then(|| (name.to_lowercase(), rest))
}
