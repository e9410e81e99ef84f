//! Laws of one connection: over arbitrary bytes, over events in any order, and over malformed events.

use proptest::prelude::*;
use turnwire::connection::{ExpectedBody, Transport};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{created, delta, done, done0, error, fail, incomplete, msg, token};
use turnwire_tests::laws::connection;

const BOTH: [Transport; 2] = [Transport::Http, Transport::WebSocket];

fn event() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(created("a")),
        Just(done("a")),
        Just(done0("b")),
        Just(delta("€ and more")),
        Just(msg("msg_1", "x")),
        Just(token("t")),
        Just(fail("odd", "x")),
        Just(error(429, "rate_limit_exceeded", "x")),
        Just(incomplete("a", "steered")),
        Just("[DONE]".to_owned()),
        Just("nope".to_owned()),
        Just(r#"{"type":"odd"}"#.to_owned()),
    ]
}

fn written(transport: Transport, events: &[String]) -> Vec<u8> {
    match transport {
        Transport::Http => {
            let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
            [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", body.as_bytes()].concat()
        }
        Transport::WebSocket => events
            .iter()
            .flat_map(|event| {
                let length = u16::try_from(event.len()).expect("a short event").to_be_bytes();
                let head =
                    if event.len() < 126 { vec![0x81, length[1]] } else { vec![0x81, 126, length[0], length[1]] };
                [head, event.as_bytes().to_vec()].concat()
            })
            .collect(),
    }
}

proptest! {
    #[test]
    fn arbitrary_input_obeys_laws(input in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(connection::anything(&input), Ok(()));
    }

    #[test]
    fn events_in_any_order_are_equal_for_all_splits(
        events in prop::collection::vec(event(), 0..12),
        sizes in prop::collection::vec(0_usize..40, 1..4),
    ) {
        for transport in BOTH {
            let input = written(transport, &events);
            let heard = connection::chunking(transport, ExpectedBody::EventStream, &input, &Chunks::Cycle(sizes.clone()));
            prop_assert!(heard.is_ok(), "{:?}", heard);
            prop_assert_eq!(connection::deadlines(transport, ExpectedBody::EventStream, &input), Ok(()));
        }
    }

    #[test]
    fn both_ends_agree_on_state(script in prop::collection::vec(any::<u8>(), 0..60), size in 1_usize..50) {
        for transport in BOTH {
            prop_assert_eq!(connection::mirror(transport, &script, &Chunks::Size(size)), Ok(()));
        }
    }
}

#[test]
fn input_split_in_two_gives_equal_events() {
    let events = [created("a"), delta("€"), msg("msg_1", "x"), done("a")];
    for transport in BOTH {
        let input = written(transport, &events);
        for chunks in Chunks::all(input.len()) {
            connection::chunking(transport, ExpectedBody::EventStream, &input, &chunks).expect("the same");
        }
    }
}

#[test]
fn queued_events_are_bounded() {
    let ping = [0x89, 0x01, b'x'];
    for (transport, unit) in [
        (Transport::Http, written(Transport::Http, &[delta("x")])[57..].to_vec()),
        (Transport::WebSocket, written(Transport::WebSocket, &[delta("x")])),
        (Transport::Http, b": comment\n".to_vec()),
        (Transport::WebSocket, ping.repeat(100)),
    ] {
        assert_eq!(connection::bounded(transport, &unit), Ok(()));
    }
}
