//! Limits of what a server names (`docs/limits.md`, `docs/differences.md` row 62).

/// The pairs of an event's `headers` that are read. Later ones are ignored.
pub(in crate::responses) const EVENT_HEADERS: usize = 128;

/// The families of rate limits that are read from the headers of a response or an event. Later ones are ignored.
pub(in crate::responses) const RATE_LIMIT_FAMILIES: usize = 64;

/// The bytes of a name that are kept: a model, a `type`, a code, the id of a family of rate limits.
pub(in crate::responses) const NAME: usize = 256;

/// The words of a list that are kept, such as the use cases of a safety buffering.
pub(in crate::responses) const WORDS: usize = 64;

/// Truncates a name to its limit, between two characters.
pub(in crate::responses) fn name(text: &str) -> &str {
    let end = (0..=NAME.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[..end]
}
