//! Compression of request bodies (`docs/protocol.md` §4.1).

use turnwire::responses::request::ZSTD_LEVEL;

/// Compresses a body into one zstd frame, for [`Settings::compress`](turnwire::client::Settings::compress). It takes effect where
/// the provider's profile says that zstd is taken.
#[must_use]
pub fn zstd(body: &[u8]) -> Vec<u8> {
    // A slice is read to its end, and a vector takes everything: no step of this can fail.
    zstd::encode_all(body, ZSTD_LEVEL).unwrap_or_default()
}
