//! The responses that a server remembers to be continued, compared with a store that keeps everything.

use proptest::prelude::*;
use turnwire::responses::{CallStep, Chains, ErrorObject, FunctionCall, FunctionCallOutput, Item, OpenCalls};

/// A step of a server: a response is remembered, forgotten, or could not be continued.
#[derive(Clone, Debug)]
enum Step {
    Remember { lane: Option<u8>, id: u8, bytes: usize },
    Forget(u8),
    ForgetOnLane { lane: Option<u8>, id: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let lane = || prop::option::of(0..3_u8);
    prop_oneof![
        4 => (lane(), 0..6_u8, 0..40_usize).prop_map(|(lane, id, bytes)| Step::Remember { lane, id, bytes }),
        1 => (0..6_u8).prop_map(Step::Forget),
        1 => (lane(), 0..6_u8).prop_map(|(lane, id)| Step::ForgetOnLane { lane, id }),
    ]
}

/// What the naive store keeps of a response.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    lane: Option<u8>,
    id: u8,
    number: usize,
    bytes: usize,
}

const MAX_RESPONSES: usize = 4;
const MAX_BYTES: usize = 100;

/// The naive store: all responses in order, of which the last ones count.
fn keep(kept: &mut Vec<Kept>, of_connection: bool, new: Kept) {
    kept.retain(|old| old.id != new.id && !(of_connection && old.lane == new.lane));
    kept.push(new);
    while kept.len() > MAX_RESPONSES || kept.iter().map(|one| one.bytes).sum::<usize>() > MAX_BYTES {
        kept.remove(0);
    }
}

fn name(number: u8) -> String {
    format!("r{number}")
}

proptest! {
    #[test]
    fn what_is_remembered_is_what_a_naive_store_keeps(of_connection: bool, steps in prop::collection::vec(step(), 0..40)) {
        let new = if of_connection { Chains::of_connection } else { Chains::new };
        let (mut chains, mut kept) = (new(MAX_RESPONSES, MAX_BYTES), Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            let before: Vec<usize> = chains.values().copied().collect();
            match step {
                Step::Remember { lane, id, bytes } => {
                    let lane_name = lane.map(name);
                    let forgotten =
                        chains.remember(lane_name.as_deref(), &name(id), OpenCalls::default(), number, bytes);
                    keep(&mut kept, of_connection, Kept { lane, id, number, bytes });
                    let mut all: Vec<usize> = forgotten.into_iter().map(|(_, number)| number).collect();
                    all.extend(chains.values());
                    all.sort_unstable();
                    let mut expected = before;
                    expected.push(number);
                    prop_assert_eq!(all, expected, "nothing is lost without being named");
                }
                Step::Forget(id) => {
                    let expected = kept.iter().find(|one| one.id == id).map(|one| one.number);
                    prop_assert_eq!(chains.forget(&name(id)), expected);
                    kept.retain(|one| one.id != id);
                }
                Step::ForgetOnLane { lane, id } => {
                    chains.forget_on_lane(lane.map(name).as_deref(), &name(id));
                    kept.retain(|one| one.id != id || one.lane != lane);
                }
            }
            let expected: Vec<usize> = kept.iter().map(|one| one.number).collect();
            prop_assert_eq!(chains.values().copied().collect::<Vec<_>>(), expected);
            prop_assert_eq!((chains.len(), chains.is_empty()), (kept.len(), kept.is_empty()));
            prop_assert_eq!(chains.bytes(), kept.iter().map(|one| one.bytes).sum::<usize>());
            for id in 0..6 {
                let expected = kept.iter().find(|one| one.id == id).map(|one| &one.number);
                prop_assert_eq!(chains.get(&name(id)), expected);
                prop_assert_eq!(chains.resume(&name(id), []).is_some(), expected.is_some());
            }
        }
    }
}

#[test]
fn lane_remembers_its_last_response_and_error_of_another_lane_does_not_forget_it() {
    let mut chains = Chains::of_connection(33, 1000);
    for (lane, id) in [(None, "a"), (None, "b"), (Some("lane"), "c")] {
        chains.remember(lane, id, OpenCalls::default(), (), 1);
    }
    assert_eq!(["a", "b", "c"].map(|id| chains.get(id).is_some()), [false, true, true]);
    assert!(chains.forget_on_lane(Some("lane"), "b").is_none() && chains.get("b").is_some());
    assert!(chains.forget_on_lane(None, "b").is_some() && chains.get("b").is_none());
}

#[test]
fn limits_hold_exactly() {
    let mut chains = Chains::new(2, 10);
    assert!(chains.remember(None, "a", OpenCalls::default(), (), 5).is_empty());
    assert!(chains.remember(None, "b", OpenCalls::default(), (), 5).is_empty(), "at both limits");
    assert_eq!(chains.remember(None, "c", OpenCalls::default(), (), 0), [("a".to_owned(), ())], "one more response");
    assert_eq!(chains.remember(None, "c", OpenCalls::default(), (), 6), [("c".to_owned(), ()), ("b".to_owned(), ())]);
    assert_eq!(chains.remember(None, "d", OpenCalls::default(), (), 11), [("c".to_owned(), ()), ("d".to_owned(), ())]);
    assert_eq!((chains.len(), chains.bytes()), (0, 0), "a response that is too long is not remembered");
}

fn call(id: &str) -> Item {
    FunctionCall::new(id, "tool", "{}").into()
}

fn output(id: &str) -> Item {
    FunctionCallOutput::new(id, "x".into()).into()
}

#[test]
fn calls_are_open_until_their_output_comes() {
    let mut chains = Chains::new(8, 1000);
    let mut calls = OpenCalls::default();
    calls.extend(&[call("1"), call("2"), Item::user("hi")]);
    chains.remember(None, "r", calls, (), 1);
    let resume = |items: &[Item]| {
        let steps: Vec<CallStep<'_>> = items.iter().filter_map(CallStep::of).collect();
        let known = chains.resume("r", steps).expect("it is known");
        known.map(|(_, calls)| ["1", "2", "3"].map(|id| calls.contains(id))).map_err(|error| error.code)
    };
    let no_such_call = Err(Some("no_such_call".to_owned()));
    assert_eq!(resume(&[]), Ok([true, true, false]));
    assert_eq!(resume(&[output("1"), call("3")]), Ok([false, true, true]));
    assert_eq!(resume(&[call("3"), output("3")]), Ok([true, true, false]), "a call of the request itself");
    assert_eq!(resume(&[output("1"), output("1")]), no_such_call, "a second output");
    assert_eq!(resume(&[output("3"), call("3")]), no_such_call, "before its call");
    assert!(chains.resume("unknown", []).is_none());
}

#[test]
fn two_hundred_and_fifty_six_calls_are_remembered_and_then_the_newest() {
    let mut calls = OpenCalls::default();
    for number in 0..256 {
        calls.step(CallStep::Call(&number.to_string()));
    }
    assert!(calls.contains("0") && calls.len() == 256 && !calls.is_empty());
    calls.step(CallStep::Call("256"));
    assert!(!calls.contains("0") && calls.contains("1") && calls.contains("256") && calls.len() == 256);
    calls.step(CallStep::Call("256"));
    assert!(calls.contains("1"), "a call that is repeated counts once");
}

#[test]
fn errors_name_the_member_of_the_request() {
    let error = ErrorObject::previous_response_not_found("resp_1");
    assert_eq!(
        error.to_raw().as_str(),
        r#"{"type":"invalid_request_error","code":"previous_response_not_found","message":"Previous response with id 'resp_1' not found.","param":"previous_response_id"}"#
    );
    let error = ErrorObject::no_such_call("call_1");
    assert_eq!((error.code.as_deref(), error.param.as_deref()), (Some("no_such_call"), Some("input")));
}
