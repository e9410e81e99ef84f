//! Event streams built from the byte sequences that have a meaning in the format.

use proptest::collection::vec;
use proptest::prelude::*;

/// Pieces of which streams are built.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\r",
    b":",
    b" ",
    b": ",
    b"data",
    b"data:",
    b"data: ",
    b"event",
    b"event:",
    b"event: ",
    b"id",
    b"id:",
    b"id: ",
    b"retry",
    b"retry:",
    b"retry: ",
    b"dat",
    b"even",
    b"datas",
    b"Data:",
    b"x",
    b"yes",
    // Events that begin like the previous one, or nearly so.
    b"event: x\ndata: 1\n\n",
    b"event: x\ndata: 23\n\n",
    b"event: xy\ndata: 1\n\n",
    b"event:  x\ndata: 1\n\n",
    b"event: x\ndata: 1\ndata: 2\n\n",
    b"event: x\ndata: \xFF\n\n",
    b"event: \xFF\ndata: 1\n\n",
    b"event: x\r\ndata: 1\r\n\r\n",
    b"data: 1\n\n",
    b"data: 23\n\n",
    b"12",
    b"0",
    b"+5",
    b"99999999999999999999999",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xBF",
    b"\xEF\xBB",
    b"\xE2\x82\xAC",
    b"\xE2\x82",
    b"\xAC",
    b"\xF0\x9F\x98\x80",
    b"\xF0\x9F",
    b"\xC3",
    b"\xA9",
    b"\xFF",
    b"\xED\xA0\x80",
    b"\xC0\xAF",
    b"\xE2\x80\xA8",
    b"{\"type\":\"response.output_text.delta\"}",
    b": ping\n",
    b"data: one\n\n",
    b"id: 7\n",
    b"event: add\n",
    b"0123456789012345678901234567890123456789",
];

const FIELDS: &[&str] = &["data", "data", "event", "id", "retry", "", "dat", "events"];
const VALUES: &[&str] =
    &["", "x", "1", "a b", " two", "é€😀", "\0", "\u{feff}", "{\"a\":1}", ":", "id: 1", "0123456789"];

/// A whole line, mostly with a known field name.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let select = prop::sample::select::<&str>;
    (select(FIELDS), select(&[":", ": ", ":  ", ""]), select(VALUES), select(&["\n", "\r", "\r\n", "\n\n", "\r\n\r\n"]))
        .prop_map(|(name, colon, value, end)| {
            [name, colon, if colon.is_empty() { "" } else { value }, end].concat().into_bytes()
        })
}

/// Bytes that mostly form a valid event stream.
pub fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => field(),
        8 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
