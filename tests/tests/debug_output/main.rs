//! `Debug` of a public type shows no turn token, credential, payload or body.
//!
//! The public types are read from the sources of the core. Each type that can hold text or bytes from outside is in one
//! of two lists: [`shown`] constructs a value with [`SECRET`] in each place for content, and [`VALUES`] names the types
//! whose `Debug` shows their text, with the reason. A new public type in neither list fails the test.

mod shown;
mod sources;

use std::collections::BTreeSet;

/// The text that must not be shown.
const SECRET: &str = "s3cr3t-c0nt3nt";

/// Types whose `Debug` shows their text, because the application reads or builds them field by field: the types of the
/// protocol, and names, identifiers and reasons.
const VALUES: &[&str] = &[
    // Names, URLs without credentials, identifiers, reasons of errors.
    "client::Capabilities",
    "client::CommandError",
    "client::ConnectError",
    "client::ConnectTarget",
    "client::Disconnected",
    "client::FallbackReason",
    "client::HappyEyeballs",
    "client::InvalidProvider",
    "client::RequestReport",
    "client::SignError",
    "client::SocketCommand",
    "client::TokenCommand",
    "client::TraceContext",
    "connection::CloseReason",
    "connection::LossReason",
    "connection::client::Config",
    "connection::server::Config",
    "web::ReadResult",
    "web::Settings",
    "proxy::Error",
    "responses::CompactionMetadata",
    "responses::CompletedResponse",
    "responses::Credits",
    "responses::ErrorObject",
    "responses::FailureDetails",
    "responses::IncompleteResponse",
    "responses::Malformed",
    "responses::RateLimits",
    "responses::ResponseInfoTracker",
    "responses::SafetyBuffering",
    "responses::Session",
    "responses::SessionSource",
    "responses::TurnMetadata",
    "responses::UserAgent",
    "responses::Workspace",
    "ws::Negotiated",
    "ws::ServerOptions",
    // Input and output of a model, parameters and results of operations.
    "responses::CancelResponse",
    "responses::Container",
    "responses::Conversation",
    "responses::CountInputTokens",
    "responses::DeleteResponse",
    "responses::Deleted",
    "responses::Input",
    "responses::InputItems",
    "responses::ItemReference",
    "responses::Items",
    "responses::ListInputItems",
    "responses::RetrieveResponse",
    "responses::TextFormat",
    "responses::ToolChoice",
    "responses::ClientEvent",
    "responses::Compact",
    "responses::Compacted",
    "responses::ContentPart",
    "responses::ContextLimits",
    "responses::CreateMessage",
    "responses::EditImage",
    "responses::GenerateImage",
    "responses::Image",
    "responses::ImageSource",
    "responses::Images",
    "responses::Item",
    "responses::ListModels",
    "responses::LocalShellAction",
    "responses::MemoryTrace",
    "responses::Model",
    "responses::Models",
    "responses::ReasoningLevel",
    "responses::ReasoningOptions",
    "responses::Search",
    "responses::SearchInput",
    "responses::SearchResults",
    "responses::ServiceTier",
    "responses::ResponseCommand",
    "responses::SteerError",
    "responses::SteerMessage",
    "responses::Summaries",
    "responses::Summarize",
    "responses::Summary",
    "responses::TextOptions",
    "responses::ToolOutput",
    "responses::ToolSupport",
    "responses::TruncationPolicy",
    "client::ServerViolation",
    "client::SteeringUpdate",
    // Generic types: `Debug` shows only what they contain.
    "client::Rejected",
    "client::Submitted",
];

#[test]
fn debug_of_public_types_shows_no_content() {
    let shown = shown::all();
    let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    for (name, text) in &shown {
        assert!(!text.is_empty(), "{name} shows nothing at all");
        assert!(!text.contains(SECRET), "{name} shows its content: {text}");
        assert!(!text.contains(&bytes(SECRET)), "{name} shows the bytes of its content: {text}");
    }
}

#[test]
fn every_public_type_with_content_is_checked_or_named() {
    let found = sources::types_with_content();
    let checked: BTreeSet<&str> = shown::all().iter().map(|(name, _)| *name).collect();
    let named: BTreeSet<&str> = VALUES.iter().copied().collect();
    let missing: Vec<&String> =
        found.iter().filter(|name| !checked.contains(name.as_str()) && !named.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "public types with content whose `Debug` is not checked: {missing:?}");
    let stale: Vec<&&str> = named.iter().filter(|name| !found.contains(**name)).collect();
    assert!(stale.is_empty(), "names that are not public types with content: {stale:?}");
    let twice: Vec<&&str> = named.iter().filter(|name| checked.contains(**name)).collect();
    assert!(twice.is_empty(), "types in both lists: {twice:?}");
}
