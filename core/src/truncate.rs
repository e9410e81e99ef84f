//! Truncation of text.

/// Returns the longest beginning of `text` that has at most `max` bytes and ends between two characters.
pub(crate) fn truncated(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}
