//! The fuzz targets by name, each with its law. A target needs a line here, a file in `fuzz/fuzz_targets` and a
//! `[[bin]]` in `fuzz/Cargo.toml`. `cargo test` replays its corpus in `fuzz/corpus`.

use turnwire::ws::Role;

use crate::laws;

/// A law over arbitrary input.
pub type Law = fn(&[u8]) -> Result<(), String>;

/// All fuzz targets with their laws.
pub const TARGETS: &[(&str, Law)] = &[
    ("sse", laws::sse::anything),
    ("sse-reference", laws::sse::anything_reference),
    ("event", laws::responses::anything),
    ("item", laws::responses::anything_item),
    ("http-head", laws::http::anything),
    ("http-body", laws::http::anything_chunked),
    ("proxy", laws::proxy::anything),
    ("gzip", laws::gzip::anything),
    ("built", laws::built::anything),
    ("addressing", laws::addressing::anything),
    ("client", laws::client::anything),
    ("connection", laws::connection::anything),
    ("ends", laws::ends::anything),
    ("history", laws::history::shared),
    ("operations", laws::operations::anything),
    ("resume", laws::resume::anything),
    ("server", laws::server::anything),
    ("writer", laws::writer::anything),
    ("web", laws::web::anything),
    ("ws-client", |input| laws::ws::anything(Role::Client, input)),
    ("ws-deflate", laws::deflate::anything),
    ("ws-differential", laws::differential::anything),
    ("ws-handshake", laws::handshake::anything),
    ("ws-server", |input| laws::ws::anything(Role::Server, input)),
];

/// Checks `input` with the law of this target.
///
/// # Panics
///
/// If the input violates the law, or if there is no such target.
pub fn check(target: &str, input: &[u8]) {
    let (_, law) = TARGETS.iter().find(|(name, _)| *name == target).expect("a line in TARGETS");
    if let Err(why) = law(input) {
        panic!("{target}: {why}");
    }
}
