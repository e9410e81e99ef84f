//! Compression of request bodies (docs/protocol.md §4.1).

use turnwire::responses::request::ZSTD_LEVEL;

/// Compresses a body into one zstd frame, for [`Settings::compress`](turnwire::client::Settings::compress). The client uses it only if
/// the provider's profile allows zstd.
#[must_use]
pub fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, ZSTD_LEVEL).expect("reading a slice and writing a vector cannot fail")
}
