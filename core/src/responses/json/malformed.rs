//! Payloads that cannot be parsed.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// Why a payload cannot be parsed. Its stream goes on; the raw text is delivered with the error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The text is not JSON, or not a JSON object.
    InvalidJson {
        /// The position of the error, if known.
        offset: usize,
    },
    /// A required member is missing.
    Missing {
        /// The `type` of the event or item.
        kind: Cow<'static, str>,
        /// The missing member.
        member: &'static str,
    },
    /// A member has the wrong type.
    WrongType {
        /// The `type` of the event or item.
        kind: Cow<'static, str>,
        /// The member.
        member: &'static str,
    },
    /// An object contains a member twice. Only a server refuses that.
    Duplicate {
        /// The name of the member, truncated.
        member: String,
    },
    /// The JSON is nested more deeply than 128 levels in a part that is parsed.
    TooDeep,
    /// An object that is parsed member by member has too many members.
    TooManyMembers {
        /// The limit for an object of its length.
        limit: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson { offset } => write!(f, "the payload is not a JSON object, at byte {offset}"),
            Self::Missing { kind, member } => write!(f, "`{kind}` has no `{member}`"),
            Self::WrongType { kind, member } => write!(f, "`{member}` of `{kind}` has the wrong type"),
            Self::Duplicate { member } => write!(f, "duplicate member `{member}`"),
            Self::TooDeep => f.write_str("the payload is nested too deeply"),
            Self::TooManyMembers { limit } => write!(f, "an object has more than {limit} members"),
        }
    }
}

impl core::error::Error for Malformed {}

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
        // Payloads usually have one line; the column is then the offset.
        Self::InvalidJson { offset: error.column() }
    }
}

/// Truncates a type: it comes from the peer and may be long.
fn short(kind: &str) -> String {
    kind.chars().take(64).collect()
}
