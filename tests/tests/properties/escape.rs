//! JSON strings: our escapes are those of serde_json.

use proptest::prelude::*;
use turnwire::responses::RawJson;

/// Pieces of text, of which some need no escape and some nothing else.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z é🙂\u{7f}\u{80}]{0,80}".boxed(),
        "[\u{0}-\u{1f}\"\\\\/]{0,40}".boxed(),
        "[\"\\\\\n]".boxed(),
        "\\PC{0,12}".boxed(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn string_is_written_as_serde_json_writes_it(text in text()) {
        let expected = serde_json::to_string(&text).expect("a string can be serialized");
        let written = RawJson::string(&text);
        prop_assert_eq!(written.as_str(), expected);
    }
}

#[test]
fn each_character_at_each_position_is_written_as_serde_json_writes_it() {
    for length in [1, 7, 8, 31, 32, 33, 63, 64, 65, 100] {
        for at in 0..length {
            for character in (0..=0x80).map(char::from) {
                let text: String = (0..length).map(|place| if place == at { character } else { 'x' }).collect();
                let expected = serde_json::to_string(&text).expect("a string can be serialized");
                assert_eq!(RawJson::string(&text).as_str(), expected);
            }
        }
    }
}

#[test]
fn long_string_of_nothing_but_escapes_is_written_as_serde_json_writes_it() {
    for piece in ["\u{1}", "\"", "\u{1}\n", "x\\"] {
        let text = piece.repeat(3000);
        let expected = serde_json::to_string(&text).expect("a string can be serialized");
        assert!(RawJson::string(&text).as_str() == expected, "{piece:?}");
    }
}
