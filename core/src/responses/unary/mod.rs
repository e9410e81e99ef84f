//! Operations that are answered by one body: compaction, memories, the model catalogue, search, images (`docs/protocol.md` §11).
//!
//! Each is an [`Operation`]: what it asks is encoded, its answer is read, and everything else about it (path, headers, whether
//! the turn's token travels, how long it may take) is said by the type. A server reads and writes the same types.
//!
//! ```
//! use turnwire::responses::Item;
//! use turnwire::responses::request::ItemEncoding;
//! use turnwire::responses::unary::{Compact, Operation};
//!
//! let compact = Compact::new("gpt-x", vec![Item::user("a long story")]);
//! let mut body = Vec::new();
//! compact.encode(ItemEncoding::new(false, false, true), &mut body);
//! let answer = Compact::read(&[], r#"{"output":[{"type":"compaction","encrypted_content":"opaque"}]}"#)?;
//! assert_eq!(answer.output[0].kind(), "compaction");
//! # Ok::<(), turnwire::responses::Failure>(())
//! ```

mod compact;
mod images;
mod memories;
mod model;
mod models;
mod search;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Serialize;

pub use compact::{Compact, Compacted};
pub use images::{EditImage, GenerateImage, Image, ImageSource, Images};
pub use memories::{MemoryTrace, Summaries, Summarize, Summary};
pub use model::{ContextLimits, Model, ReasoningLevel, ServiceTier, ToolSupport, TruncationPolicy};
pub use models::{ListModels, Models};
pub use search::{
    Approximate, Click, Commands, Filters, Finance, Find, ImageSettings, Open, Query, Screenshot, Search, SearchInput,
    SearchResults, SearchSettings, Sports, TimeZone, Weather,
};

use super::HeaderPairs;
use super::failure::Failure;
use super::request::ItemEncoding;
use super::session::HeaderSet;

/// An operation that is answered by one body.
pub trait Operation {
    /// What comes back.
    type Answer;

    /// The method.
    const METHOD: &'static str = "POST";

    /// The path below the provider's base URL.
    const PATH: &'static str;

    /// Which headers of the session's it bears.
    const SURFACE: HeaderSet;

    /// Whether the turn's token travels with it, both ways (§8).
    const TURN_STATE: bool = false;

    /// Query parameters, beside the provider's.
    fn query(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// How long one attempt may take, at this idle timeout; none where only the idle timeout itself holds.
    #[must_use]
    fn timeout(idle: Duration) -> Option<Duration> {
        let _ = idle;
        None
    }

    /// The answer where there is nothing to ask: an empty input makes no request.
    fn immediate_answer(&self) -> Option<Self::Answer> {
        None
    }

    /// Appends the body; nothing for a `GET`.
    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>);

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// A [`Failure`] of the class `Stream`, which can be retried, when the body is none of the operation's; the body is in it.
    fn read(fields: HeaderPairs<'_>, body: &str) -> Result<Self::Answer, Failure>;
}

/// The failure of a body that cannot be read; `what` comes before the reader's own words.
fn unreadable(what: &str, error: &dyn fmt::Display, body: &str) -> Failure {
    let mut failure = Failure::stream(&alloc::format!("{what}{error}"));
    failure.raw = Some(body.to_string());
    failure
}

/// Appends what can be serialized, which all of these types can.
fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend(serde_json::to_vec(value).unwrap_or_default());
}
