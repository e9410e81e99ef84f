//! The law of ends over mutated recordings: what a server says between the first output of a response and its end.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::generators::responses as generators;
use turnwire_tests::laws::ends::{self, LASTS, WAYS};

/// What servers say during a response.
const RECORDED: &[&str] = &[
    r#"{"type":"response.in_progress","response":{"id":"r1","status":"in_progress","output":[]}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}}"#,
    r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi","logprobs":[]}"#,
    r#"{"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"hi"}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{\"a\":"}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]}}"#,
    r#"{"type":"response.metadata","headers":{"openai-model":"m-2","x-codex-turn-state":"t"},"sequence_number":9}"#,
    r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":42.5,"window_minutes":300,"reset_at":1700000000}}}"#,
    r#"{"type":"response.created","response":{"id":"r2"}}"#,
    r#"{"type":"response.completed","response":{"id":"r1","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}"#,
    r#"{"type":"response.failed","response":{"id":"r1","error":{"code":"server_is_overloaded","message":"m"}}}"#,
    r#"{"type":"response.incomplete","response":{"id":"r1","incomplete_details":{"reason":"max_output_tokens"}}}"#,
    r#"{"type":"response.cancelled","response":{"id":"r1"}}"#,
    r#"{"type":"error","status":429,"error":{"code":"rate_limit_exceeded","message":"try again in 1s"}}"#,
    r#"{"type":"error","status":400,"error":{"code":"websocket_connection_limit_reached","message":"60 minutes"}}"#,
    r#"{"type":"error","status":400,"error":{"code":"previous_response_not_found","message":"r0"}}"#,
    r#"{"type":"response.steer.accepted","steer":{"id":"s","previous_response_id":"r1"}}"#,
    r#"{"type":"response.interrupt.failed","response_id":"r1","error":{"code":"response_not_active"}}"#,
    "[DONE]",
    "",
];

/// Values that take the place of others.
const VALUES: &[&str] =
    &["null", "7", "-1e400", "NaN", "\"\"", "[]", "{}", "\"\\ud800\"", "[[[[[[{}]]]]]]", "\"r1\"", "\"r2\"", ""];

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    /// Cuts it here.
    Cut(Index),
    /// Removes what is between two places.
    Remove(Index, Index),
    /// Repeats what is between two places.
    Repeat(Index, Index),
    /// Puts this in the place of what follows a colon, up to the next comma or brace.
    Value(Index, &'static str),
    /// Replaces one character.
    Character(Index, char),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => Just(Change::Nothing),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
        4 => (at(), select(VALUES)).prop_map(|(at, value)| Change::Value(at, value)),
        1 => (at(), any::<char>()).prop_map(|(at, character)| Change::Character(at, character)),
    ]
}

fn changed(text: &str, change: &Change) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let length = letters.len();
    let place = |index: &Index| index.index(length + 1);
    match change {
        Change::Nothing => {}
        Change::Cut(at) => letters.truncate(place(at)),
        Change::Remove(from, to) => {
            letters.drain(place(from).min(place(to))..place(from).max(place(to)));
        }
        Change::Repeat(from, to) => {
            let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
            let copy = letters[from..to].to_vec();
            letters.splice(to..to, copy);
        }
        Change::Value(at, value) => {
            let colons: Vec<usize> = (0..length).filter(|at| letters[*at] == ':').collect();
            if !colons.is_empty() {
                let from = colons[at.index(colons.len())] + 1;
                let end = letters[from..].iter().position(|letter| matches!(letter, ',' | '}'));
                letters.splice(from..end.map_or(length, |end| from + end), value.chars());
            }
        }
        Change::Character(at, character) if length > 0 => letters[at.index(length)] = *character,
        Change::Character(..) => {}
    }
    letters.into_iter().collect()
}

/// Lines of a recording, in any order, some of them changed.
fn recording() -> impl Strategy<Value = String> {
    let recorded = select(RECORDED).prop_map(str::to_owned);
    let line = prop_oneof![4 => recorded, 1 => generators::event()];
    let line = (line, change()).prop_map(|(line, change)| changed(&line, &change));
    vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn end_is_heard_whatever_a_server_says_after_output(
        way in select(&WAYS[..]),
        last in select(&LASTS[..]),
        input in recording(),
        sizes in vec(0..40_usize, 1..4),
    ) {
        let whole = ends::end_is_heard(way, last, input.as_bytes(), Chunks::Whole);
        prop_assert!(whole.is_ok(), "{:?}", whole);
        prop_assert_eq!(ends::end_is_heard(way, last, input.as_bytes(), Chunks::Cycle(sizes)), whole);
    }

    #[test]
    fn server_delivers_the_same_for_all_splits_and_ends(input in vec(any::<u8>(), 0..200), lines in recording(), habits: u8) {
        prop_assert_eq!(turnwire_tests::laws::server::anything(&input), Ok(()));
        let input = [&[habits, input.first().copied().unwrap_or_default()], lines.as_bytes()].concat();
        prop_assert_eq!(turnwire_tests::laws::server::anything(&input), Ok(()));
    }
}
