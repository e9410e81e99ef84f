//! Operations whose response is one body: compaction, memories, the model catalogue, search, images, and those on stored responses
//! ([docs/protocol.md §11](crate::docs::protocol#11-other-endpoints)).
//!
//! Each implements [`Operation`]: it encodes its request and parses its response, and its type defines the path, the
//! headers, the
//! timeout, and whether the turn token is sent. A server reads and writes the same types.
//!
//! ```
//! use turnwire::responses::Item;
//! use turnwire::responses::request::ItemEncoding;
//! use turnwire::responses::operations::{Compact, Operation};
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
mod input_items;
mod input_tokens;
mod memories;
mod model;
mod models;
mod operation;
mod search;
mod stored;

pub use compact::{Compact, Compacted};
pub use images::{EditImage, GenerateImage, Image, ImageSource, Images};
pub use input_items::{InputItems, ListInputItems};
pub use input_tokens::{CountInputTokens, InputTokens};
pub use memories::{MemoryTrace, Summaries, Summarize, Summary};
pub use model::{ContextLimits, Model, ReasoningLevel, ServiceTier, ToolSupport, TruncationPolicy};
pub use models::{ListModels, Models};
pub use operation::*;
pub use search::{
    Approximate, Click, Commands, Filters, Finance, Find, ImageSettings, Open, Query, Screenshot, Search, SearchInput,
    SearchResults, SearchSettings, Sports, TimeZone, Weather,
};
pub(crate) use stored::path_of as path_of_response;
pub use stored::{CancelResponse, DeleteResponse, Deleted, RetrieveResponse};
