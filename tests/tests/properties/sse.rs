//! Laws of event streams, over streams built from the byte sequences that have a meaning in the format.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::sse::OutgoingEvent;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::generators::sse::stream;
use turnwire_tests::laws::sse as laws;

fn cuts() -> impl Strategy<Value = Chunks> {
    prop_oneof![
        Just(Chunks::Bytes),
        (0_usize..300).prop_map(Chunks::Split),
        vec(0_usize..9, 1..6).prop_map(Chunks::Cycle),
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z .:]{0,12}",
        "\\PC{0,8}",
        prop::sample::select(vec!["message", "", " ", "\u{feff}", "\u{2028}", "a\nb", "\n", "a\rb", "\0", "data: x"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn reads_split_anywhere_give_equal_results(input in stream(), cuts in cuts(), limits in 0_u8..8) {
        for seed in ["", "seed"] {
            for cuts in [&cuts, &Chunks::Bytes] {
                laws::chunking(laws::limits(limits), seed, &input, cuts).map_err(TestCaseError::fail)?;
            }
        }
    }

    #[test]
    fn decoder_equals_reference_implementations(input in stream(), limits in 0_u8..8) {
        laws::matches_reference(laws::limits(limits), &input).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn decoded_input_round_trips(input in stream()) {
        let whole = laws::receive(laws::limits(7), "", &input, &Chunks::Whole).map_err(TestCaseError::fail)?;
        laws::again(&whole.events).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn encoded_events_round_trip(
        events in vec((prop::option::of(line()), prop::option::of(line()), prop::option::of(line()), prop::option::of(any::<u64>())), 0..6),
        heartbeat in prop::option::of("[^\r\n]{0,6}"),
    ) {
        let outgoing: Vec<OutgoingEvent<'_>> = events
            .iter()
            .map(|(event, data, id, retry)| OutgoingEvent {
                event_type: event.as_deref(),
                data: data.as_deref(),
                id: id.as_deref(),
                retry: retry.map(Duration::from_millis),
            })
            .collect();
        laws::round_trip(&outgoing, heartbeat.as_deref()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn fuzz_laws_hold_over_streams(choice in any::<u8>(), sizes in any::<u8>(), input in stream()) {
        let input = [&[choice, sizes], &input[..]].concat();
        laws::anything(&input).map_err(TestCaseError::fail)?;
        laws::anything_reference(&input).map_err(TestCaseError::fail)?;
    }
}
