//! Surrogate pairs that a server splits over two deltas: the answer shows each as one character, and waits for its second half.

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::responses::ServerEvent;
use turnwire_cli::chat::{Answer, Piece};

fn event(delta: &str) -> String {
    format!(
        r#"{{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"{delta}"}}"#
    )
}

/// Returns the text that each event shows, and that the end shows.
fn shown(payloads: &[String]) -> Vec<String> {
    let mut answer = Answer::default();
    let text = |pieces: Vec<Piece>| {
        let texts =
            pieces.into_iter().map(|piece| if let Piece::Text { text, .. } = piece { text } else { String::new() });
        texts.collect::<String>()
    };
    let mut texts: Vec<String> =
        payloads.iter().map(|payload| text(answer.event(&ServerEvent::parse(payload).expect("an event")))).collect();
    texts.push(text(answer.end()));
    texts
}

#[test]
fn half_of_a_pair_is_shown_when_the_other_half_is_known() {
    assert_eq!(shown(&[event(r"a\ud83d"), event(r"\ude00b")]), ["a", "😀b", ""]);
    assert_eq!(shown(&[event(r"a\ud83d"), event("b")]), ["a", "\u{fffd}b", ""]);
    assert_eq!(shown(&[event(r"a\ud83d")]), ["a", "\u{fffd}"]);
}

#[test]
fn whole_text_after_half_a_pair_shows_the_rest_once() {
    let done = |text: &str| {
        format!(
            r#"{{"type":"response.output_text.done","item_id":"m","output_index":0,"content_index":0,"text":"{text}"}}"#
        )
    };
    assert_eq!(shown(&[event(r"a\ud83d"), done(r"a\ud83d\ude00")]), ["a", "😀", ""]);
    assert_eq!(shown(&[event(r"a\ud83d"), event(r"\ude00"), done("a😀")]), ["a", "😀", "", ""]);
    assert_eq!(shown(&[event(r"a\ud83d"), done("other")]), ["a", "\u{fffd}", ""]);
}

proptest! {
    #[test]
    fn deltas_of_units_show_the_text_of_the_units(
        deltas in vec(vec(prop_oneof![Just(0x61_u16), Just(0xd83d), Just(0xde00)], 0..4), 0..8),
    ) {
        let payload = |units: &Vec<u16>| event(&units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>());
        let texts = shown(&deltas.iter().map(payload).collect::<Vec<_>>());
        prop_assert_eq!(texts.concat(), String::from_utf16_lossy(&deltas.concat()));
    }
}
