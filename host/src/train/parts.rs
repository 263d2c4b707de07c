//! Rows that go through a model together.

/// Splits rows into parts of at most `tokens`, padding included, short rows first; a row longer than
/// that is a part by itself.
pub(in crate::train) fn parts<T: Copy>(
    rows: &[T],
    tokens: usize,
    len: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut sorted: Vec<T> = rows.to_vec();
    sorted.sort_by_key(&len);
    let mut parts: Vec<Vec<T>> = Vec::new();
    for row in sorted {
        match parts.last_mut() {
            Some(part) if (part.len() + 1) * len(&row) <= tokens => part.push(row),
            _ => parts.push(vec![row]),
        }
    }
    parts
}
