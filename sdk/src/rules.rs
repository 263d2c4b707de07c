//! Rules that many tasks have: where a query is cut, where a response ends, how much a text repeats
//! itself. They are those of Ziegler et al. (2019), on token ids; they know no settings.

use std::collections::HashSet;

/// The query in `tokens`: after the first `start` (unless that leaves nothing), at most `len` tokens,
/// up to the last `end`. None when a wanted token is absent. The order matters.
///
/// ```
/// use attune_sdk::rules::cut_query;
///
/// let stop = Some(13);
/// assert_eq!(cut_query(&[7, 13, 1, 2, 13, 4], 4, stop, stop), Some(&[1, 2, 13][..]));
/// assert_eq!(cut_query(&[1, 2, 3], 4, stop, None), None);
/// ```
pub fn cut_query(
    tokens: &[u32],
    len: usize,
    start: Option<u32>,
    end: Option<u32>,
) -> Option<&[u32]> {
    let mut query = tokens;
    if let Some(start) = start {
        let after = tokens.iter().position(|&token| token == start)? + 1;
        if after < tokens.len() {
            query = &tokens[after..];
        }
    }
    query = &query[..query.len().min(len)];
    if let Some(end) = end {
        query = &query[..=query.iter().rposition(|&token| token == end)?];
    }
    Some(query)
}

/// A token that is wanted, and its text.
pub type Wanted<'a> = (Option<u32>, &'a Option<String>);

/// The query in `tokens` as [`cut_query`] finds it, of `least` to `most` tokens; or why there is none, by the settings of
/// these names, as dropped rows are counted by it. `field` is where the text stands.
///
/// ```
/// use attune_sdk::rules::query_or_reason;
///
/// let query = |tokens| query_or_reason("text", tokens, [2, 4], (None, &None), (None, &None));
/// assert_eq!(query(&[1, 2, 3]), Ok(&[1, 2, 3][..]));
/// assert_eq!(query(&[1]), Err("fewer than min_query_tokens 2 tokens".into()));
/// ```
///
/// # Errors
/// A wanted token is not there, or the query is too short.
pub fn query_or_reason<'t>(
    field: &str,
    tokens: &'t [u32],
    [least, most]: [usize; 2],
    start: Wanted<'_>,
    end: Wanted<'_>,
) -> Result<&'t [u32], String> {
    let text = |wanted: Wanted<'_>| format!("{:?}", wanted.1.as_deref().unwrap_or_default());
    Err(match cut_query(tokens, most, start.0, end.0) {
        Some(query) if query.len() >= least => return Ok(query),
        _ if tokens.is_empty() => format!("field {field:?} is empty"),
        Some(_) => format!("fewer than min_query_tokens {least} tokens"),
        None if start.0.is_some_and(|start| !tokens.contains(&start)) => {
            format!("has no start_text {}", text(start))
        }
        None => format!("has no end_text {} within query_len {most}", text(end)),
    })
}

/// How many tokens of a response are kept, and whether it is valid: it ends with the first `stop` at
/// or after place `after`. Without one it is kept whole and is not valid; where no `stop` is wanted,
/// it is.
///
/// ```
/// use attune_sdk::rules::end_response;
///
/// assert_eq!(end_response(&[13, 5, 13, 6], Some(13), 1), (3, true));
/// assert_eq!(end_response(&[13, 5, 7, 6], Some(13), 1), (4, false));
/// ```
pub fn end_response(response: &[u32], stop: Option<u32>, after: usize) -> (usize, bool) {
    let Some(stop) = stop else {
        return (response.len(), true);
    };
    match response.iter().skip(after).position(|&token| token == stop) {
        Some(place) => (after + place + 1, true),
        None => (response.len(), false),
    }
}

/// Distinct-n (Li et al. 2016): the share of runs of `n` neighbouring words that are different; 1 when
/// there is none.
///
/// ```
/// assert_eq!(attune_sdk::rules::distinct("a b a b", 2), 2.0 / 3.0);
/// ```
pub fn distinct(text: &str, n: usize) -> f32 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let runs = words.windows(n.max(1));
    match runs.len() {
        0 => 1.0,
        all => runs.collect::<HashSet<_>>().len() as f32 / all as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut_as_in_the_published_code() {
        let cut = |tokens| cut_query(tokens, 6, Some(13), Some(13));
        assert_eq!(
            cut(&[7, 8, 13, 1, 2, 3, 13, 4, 5, 6]),
            Some(&[1, 2, 3, 13][..])
        );
        assert_eq!(cut(&[1, 2, 13]), Some(&[1, 2, 13][..]));
        assert_eq!(cut(&[1, 2, 3]), None);
        assert_eq!(cut(&[13, 1, 2, 3, 4, 5, 6, 7, 13]), None);
        assert_eq!(cut(&[9, 13, 1, 13, 2, 3, 4, 5, 6]), Some(&[1, 13][..]));
    }

    #[test]
    fn responses_end_at_or_after_a_place() {
        let end = |tokens: &[u32]| end_response(tokens, Some(13), 3);
        assert_eq!(end(&[5, 13, 7, 8, 13, 9, 13, 2]), (5, true));
        assert_eq!(end(&[5, 13, 7, 1, 2, 3, 4, 6]), (8, false));
        assert_eq!(end(&[1, 2, 3, 13, 13, 4, 5, 13]), (4, true));
        assert_eq!(end(&[1, 2, 3, 4, 5, 6, 7, 13]), (8, true));
        assert_eq!(end(&[13]), (1, false));
        assert_eq!(end_response(&[13, 1], None, 0), (2, true));
    }

    #[test]
    fn a_text_without_runs_repeats_nothing() {
        for (text, n) in [("", 1), ("one", 2), ("a b", 3)] {
            assert_eq!(distinct(text, n), 1.0);
        }
        assert_eq!(distinct("a a a a", 1), 0.25);
    }
}
