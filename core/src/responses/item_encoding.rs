//! `ItemEncoding`: which members of items are sent.

/// Which members of an item are sent.
///
/// ```
/// use turnwire::responses::{Item, Message, request::ItemEncoding};
///
/// let item = Item::Message(Message::new("user", Vec::new()).with_id("msg_1"));
/// let mut out = Vec::new();
/// item.encode_for(ItemEncoding::new(false, false, true), &mut out);
/// assert_eq!(out, br#"{"type":"message","role":"user","content":[]}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemEncoding {
    /// Which ids are sent.
    pub ids: ItemIds,
    /// Whether passed-through metadata is sent. Only the provider that gave it may receive it
    /// ([docs/protocol.md §1.6](crate::docs::protocol#16-effects-of-the-provider-name-being-exactly-openai)).
    pub passthrough: bool,
}

/// Which ids of items are sent ([docs/protocol.md §3.6](crate::docs::protocol#36-item-ids-on-the-wire)).
///
/// ```
/// use turnwire::responses::request::{ItemEncoding, ItemIds};
///
/// let encoding = ItemEncoding { ids: ItemIds::Prefixed, passthrough: false };
/// assert_eq!(encoding, ItemEncoding::new(true, false, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemIds {
    /// All ids.
    All,
    /// Ids with a prefix, such as `msg_1`.
    Prefixed,
    /// No ids.
    None,
}

impl ItemEncoding {
    /// The encoding for a provider
    /// ([docs/protocol.md §1.6](crate::docs::protocol#16-effects-of-the-provider-name-being-exactly-openai),
    /// [§3.6](crate::docs::protocol#36-item-ids-on-the-wire)). Ids with a prefix are sent when the response is stored
    /// or the application wants it. Passed-through metadata is sent to the provider that gave it.
    #[must_use]
    pub const fn new(sends_ids: bool, stores: bool, first_party: bool) -> Self {
        let ids = if sends_ids || stores { ItemIds::Prefixed } else { ItemIds::None };
        Self { ids, passthrough: first_party }
    }

    /// Sends every member.
    pub const EVERYTHING: Self = Self { ids: ItemIds::All, passthrough: true };

    pub(crate) fn sends_id(self, id: &str) -> bool {
        match self.ids {
            ItemIds::All => true,
            ItemIds::Prefixed => is_prefixed(id),
            ItemIds::None => false,
        }
    }
}

/// Returns whether an id has a prefix (`docs/protocol.md` §3.6): it contains `_` with text on both sides of the first
/// one.
#[must_use]
pub fn is_prefixed(id: &str) -> bool {
    id.split_once('_').is_some_and(|(before, after)| !before.is_empty() && !after.is_empty())
}
