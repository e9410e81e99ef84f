//! Surrogate pairs that a server splits over two deltas: `DeltaJoiner` and `Collector` join them (`docs/differences.md` row 45).

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::responses::{Collector, DeltaJoiner, Item, ServerEvent};

/// A text delta of these UTF-16 units, as escapes, in this part of a message.
fn delta(units: &[u16], part: usize) -> String {
    let mut escapes = String::new();
    for unit in units {
        write!(escapes, "\\u{unit:04x}").expect("a string");
    }
    format!(
        r#"{{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":{part},"delta":"{escapes}"}}"#
    )
}

/// Joins the deltas of one text.
fn joined(payloads: &[String]) -> (String, bool) {
    let (mut joiner, mut text) = (DeltaJoiner::new(), String::new());
    for payload in payloads {
        joiner.append(&mut text, &ServerEvent::parse(payload).expect("an event"));
    }
    (text, joiner.is_split())
}

fn collected(payloads: &[String]) -> String {
    let mut collector = Collector::new();
    for payload in payloads {
        collector.add(&ServerEvent::parse(payload).expect("an event"));
    }
    collector.finish().output_text()
}

#[test]
fn pair_that_two_deltas_share_is_joined() {
    let halves = [delta(&[0x61, 0xd83d], 0), delta(&[0xde00, 0x62], 0)];
    assert_eq!(joined(&halves), ("a😀b".to_owned(), false));
    assert_eq!(joined(&halves[..1]), ("a\u{fffd}".to_owned(), true));
    assert_eq!(collected(&halves), "a😀b");
    // A delta without text, and one that is no half, between them.
    let with = |between: String| [halves[0].clone(), between, halves[1].clone()];
    assert_eq!(collected(&with(delta(&[], 0))), "a😀b");
    assert_eq!(collected(&with(delta(&[0x20], 0))), "a\u{fffd} \u{fffd}b");
}

#[test]
fn text_that_looks_like_an_escape_is_no_half() {
    let payload = |delta: &str| format!(r#"{{"type":"response.output_text.delta","item_id":"m","delta":"{delta}"}}"#);
    for (first, second, expected) in [
        (r"\\ud83d", r"\ude00", "\\ud83d\u{fffd}"),
        (r"\ud83d", r"\\ude00", "\u{fffd}\\ude00"),
        (r"\ufffd", r"\ude00", "\u{fffd}\u{fffd}"),
        (r"\ud83d", "\u{fffd}", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d", r"\ude00\ude00", "\u{fffd}😀\u{fffd}"),
    ] {
        assert_eq!(joined(&[payload(first), payload(second)]).0, expected, "{first} {second}");
    }
}

#[test]
fn pair_in_the_arguments_of_a_call_is_joined() {
    let payload = |delta: &str| {
        format!(
            r#"{{"type":"response.function_call_arguments.delta","item_id":"f","output_index":0,"delta":"{delta}"}}"#
        )
    };
    let mut collector = Collector::new();
    for delta in [r#"{\"a\":\"\ud83d"#, r#"\ude00\"}"#] {
        collector.add(&ServerEvent::parse(&payload(delta)).expect("an event"));
    }
    let output = collector.finish().output;
    assert!(matches!(&output[..], [Item::FunctionCall(call)] if call.arguments == r#"{"a":"😀"}"#), "{output:?}");
}

/// UTF-16 units: letters, and halves of pairs more often than not.
fn units() -> impl Strategy<Value = Vec<u16>> {
    vec(prop_oneof![Just(0x61_u16), 0xd83d_u16..0xd83f, 0xde00_u16..0xde02], 0..4)
}

proptest! {
    /// Whatever units the deltas of two parts have, and however they are interleaved, each text is that of its units.
    #[test]
    fn deltas_of_units_give_the_text_of_the_units(deltas in vec((units(), 0_usize..2), 0..12)) {
        let payloads: Vec<String> = deltas.iter().map(|(units, part)| delta(units, *part)).collect();
        let text = |part: usize| {
            let of_part = deltas.iter().filter(|(_, known)| *known == part);
            String::from_utf16_lossy(&of_part.flat_map(|(units, _)| units.clone()).collect::<Vec<u16>>())
        };
        prop_assert_eq!(collected(&payloads), text(0) + &text(1));
        let first: Vec<String> = deltas.iter().filter(|(_, part)| *part == 0).map(|(units, _)| delta(units, 0)).collect();
        prop_assert_eq!(joined(&first).0, text(0));
    }
}
