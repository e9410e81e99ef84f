//! The scanner accepts and rejects the same texts as `serde_json`, over texts built from JSON tokens.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use turnwire_tests::laws::responses as laws;

/// Pieces of payloads, valid and invalid.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    " ",
    "\n",
    "\t",
    "\u{b}",
    "\u{0}",
    "\u{1f}",
    "\u{7f}",
    "é",
    "日本",
    "🙂",
    "null",
    "true",
    "false",
    "nul",
    "0",
    "-",
    "-0",
    "00",
    "1.5",
    "1.",
    ".5",
    "1e9",
    "1E+",
    "1e-3",
    "12345678901234567890",
    "\\n",
    "\\u0041",
    "\\u00",
    "\\ud83d",
    "\\ude42",
    "\\x",
    "\\\"",
    "\\\\",
    "\"\"",
    "\"a\"",
    "\"type\"",
    "\"typ\\u0065\"",
    "\"delta\"",
    "\"delt\\u0061\"",
    "\"item\"",
    "\"response\"",
    "\"stream_id\"",
    "\"headers\"",
    "\"sequence_number\"",
    "\"response.output_text.delta\"",
    "\"deltas\"",
    "\"itme\"",
    "abcdefgh",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "{\"type\":\"response.output_text.delta\",\"delta\":\"",
    "\"}",
    "{\"z\":[1}]}",
    "[[[]]]",
    "[{\"a\":[]},{}]",
];

/// Values, valid and invalid.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => vec(select(PIECES), 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat())),
        2 => vec(select(PIECES), 1..4).prop_map(|pieces| pieces.concat()),
        1 => Just("null".to_owned()),
        1 => "[ -~é]{0,90}".prop_map(|text| serde_json::to_string(&text).expect("text")),
        1 => (0_usize..140).prop_map(|depth| "[".repeat(depth.min(126)) + &"]".repeat(depth.min(126))),
    ]
}

/// Objects, whose members may be invalid.
fn object() -> impl Strategy<Value = String> {
    let name =
        select(&["\"type\"", "\"delta\"", "\"item\"", "\"response\"", "\"stream_id\"", "\"x\"", "\"type\\u0000\""][..]);
    vec((name, value()), 0..5).prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
        format!(
            "{{\"sequence_number\":1,\"type\":\"k\"{}{}}}",
            if members.is_empty() { "" } else { "," },
            members.join(",")
        )
    })
}

proptest! {
    #[test]
    fn token_sequences_parse_like_serde_json(pieces in vec(select(PIECES), 0..12)) {
        laws::matches_reference(&pieces.concat()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn objects_parse_like_serde_json(text in object()) {
        laws::matches_reference(&text).map_err(TestCaseError::fail)?;
    }

    /// A byte is removed, duplicated or replaced.
    #[test]
    fn damaged_objects_parse_like_serde_json(text in object(), at in any::<prop::sample::Index>(), with in select(PIECES), cut in 0_usize..3) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let end = (at + cut).min(characters.len());
        characters.splice(at..end, with.chars());
        laws::matches_reference(&characters.into_iter().collect::<String>()).map_err(TestCaseError::fail)?;
    }
}
