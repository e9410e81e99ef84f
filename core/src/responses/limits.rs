//! Limits of names and headers from a server (`docs/limits.md`, `docs/differences.md` row 62).

use crate::truncate::truncated;

/// Maximum number of headers of an event. Later ones are ignored.
pub(in crate::responses) const EVENT_HEADERS: usize = 128;

/// Maximum number of rate limit families in the headers of a response or an event. Later ones are ignored.
pub(in crate::responses) const RATE_LIMIT_FAMILIES: usize = 64;

/// The bytes of text and JSON that a collector keeps, unless set otherwise.
pub(in crate::responses) const COLLECTED: usize = 64 << 20;

/// Maximum length in bytes of a name: a model, a `type`, a code, the id of a rate limit family.
pub(in crate::responses) const NAME: usize = 256;

/// Maximum number of strings of a list, such as the use cases of a safety buffering.
pub(in crate::responses) const WORDS: usize = 64;

/// Maximum length in bytes of the JSON text of a response's id. Some servers encrypt theirs.
pub(in crate::responses) const RESPONSE_ID: usize = 4 * 1024;

/// Maximum length in bytes of the JSON text of the usage that is kept of a response. A longer one is in its event only.
pub(in crate::responses) const USAGE: usize = 64 * 1024;

/// Maximum length in bytes of an item's id, and of a call's id and name, by which a collector finds the item of an event. Some servers
/// encrypt theirs.
pub(in crate::responses) const ITEM_ID: usize = 4 * 1024;

/// Maximum length in bytes of the message of a failure. Its payload or body is beside it.
pub(in crate::responses) const MESSAGE: usize = 64 * 1024;

/// Maximum length in bytes of the JSON text of a header's value in an event. A longer one is ignored.
pub(in crate::responses) const EVENT_HEADER: usize = 64 * 1024;

/// Truncates a message to its limit, between two characters.
pub(crate) fn message(text: &str) -> &str {
    truncated(text, MESSAGE)
}

/// Truncates a name to its limit, between two characters.
pub(in crate::responses) fn name(text: &str) -> &str {
    truncated(text, NAME)
}

/// Returns whether the id of an item, or the id or name of a call, is kept beside the item, which contains one of any length.
pub(in crate::responses) const fn is_item_id(id: &&str) -> bool {
    id.len() <= ITEM_ID
}
