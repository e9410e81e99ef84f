//! A payload that cannot be read.

use alloc::borrow::Cow;
use alloc::string::String;

/// Why a payload cannot be read. The stream it came in goes on; the raw text is delivered beside it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The text is not JSON, or not a JSON object.
    #[error("the payload is not a JSON object, at byte {offset}")]
    InvalidJson {
        /// Where in the text reading failed, as far as that is known.
        offset: usize,
    },
    /// A member that is required is not there.
    #[error("`{kind}` has no `{member}`")]
    Missing {
        /// The `type` of the event or item.
        kind: Cow<'static, str>,
        /// The missing member.
        member: &'static str,
    },
    /// A member has another type than the one it is read as.
    #[error("`{member}` of `{kind}` has the wrong type")]
    WrongType {
        /// The `type` of the event or item.
        kind: Cow<'static, str>,
        /// The member.
        member: &'static str,
    },
    /// An object contains a member twice. Only a server refuses that.
    #[error("duplicate member `{member}`")]
    Duplicate {
        /// The name of the member, truncated.
        member: String,
    },
    /// The JSON is nested more deeply than 128 levels in a part that is read.
    #[error("the payload is nested too deeply")]
    TooDeep,
}

impl Malformed {
    pub(crate) fn missing(kind: &str, member: &'static str) -> Self {
        Self::Missing { kind: Cow::Owned(short(kind)), member }
    }

    pub(crate) fn wrong_type(kind: &str, member: &'static str) -> Self {
        Self::WrongType { kind: Cow::Owned(short(kind)), member }
    }

    pub(crate) fn duplicate(member: &str) -> Self {
        Self::Duplicate { member: short(member) }
    }

    pub(crate) fn json(error: &serde_json::Error) -> Self {
        // Payloads rarely have more than one line; the column is the offset then.
        Self::InvalidJson { offset: error.column() }
    }
}

/// A kind is the peer's word: enough of it to recognise, not more.
fn short(kind: &str) -> String {
    kind.chars().take(64).collect()
}
