//! The fuzz targets by name: each is a law over anything. A target is a line here, a file in `fuzz/fuzz_targets` and a `[[bin]]`
//! in `fuzz/Cargo.toml`; its corpus in `fuzz/corpus` is then replayed by `cargo test`.

use turnwire::ws::Role;

use crate::laws;

/// A law over anything.
pub type Law = fn(&[u8]) -> Result<(), String>;

/// Every fuzz target and its law.
pub const TARGETS: &[(&str, Law)] = &[
    ("sse", laws::sse::anything),
    ("sse-twin", laws::sse::anything_twin),
    ("event", laws::responses::anything),
    ("item", laws::responses::anything_item),
    ("http-head", laws::http::anything),
    ("http-body", laws::http::anything_chunked),
    ("proxy", laws::proxy::anything),
    ("gzip", laws::gzip::anything),
    ("client", laws::client::anything),
    ("connection", laws::connection::anything),
    ("ws-client", |input| laws::ws::anything(Role::Client, input)),
    ("ws-deflate", laws::deflate::anything),
    ("ws-differential", laws::differential::anything),
    ("ws-handshake", laws::handshake::anything),
    ("ws-server", |input| laws::ws::anything(Role::Server, input)),
];

/// Judges `input` by the law of this target.
///
/// # Panics
///
/// When the law is broken, which is what a fuzzer looks for, or when there is no such target.
pub fn check(target: &str, input: &[u8]) {
    let (_, law) = TARGETS.iter().find(|(name, _)| *name == target).expect("a line in TARGETS");
    if let Err(why) = law(input) {
        panic!("{target}: {why}");
    }
}
