//! The state table of a request.

use turnwire::turn::{RequestInput, RequestState, TRANSITIONS, Violation};

#[test]
fn created_after_output_keeps_output() {
    assert_eq!(RequestState::Output.apply(RequestInput::Created), Ok(RequestState::Output));
    assert_eq!(RequestState::Output.after(RequestInput::Created), Some(RequestState::Output));
}

#[test]
fn input_without_transition_is_a_violation() {
    for state in RequestState::ALL {
        for input in RequestInput::ALL {
            let listed = TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (state, input));
            let expected = listed.map_or(Err(Violation { state, input }), |(_, _, to)| Ok(*to));
            assert_eq!(state.apply(input), expected, "{state:?}, {input:?}");
            assert_eq!(state.after(input), expected.ok(), "{state:?}, {input:?}");
        }
    }
}

#[test]
fn only_requested_created_and_output_are_in_flight() {
    let in_flight: Vec<RequestState> = RequestState::ALL.into_iter().filter(|state| state.is_in_flight()).collect();
    assert_eq!(in_flight, [RequestState::Requested, RequestState::Created, RequestState::Output]);
}
