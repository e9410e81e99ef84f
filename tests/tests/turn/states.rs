//! The state table of a request.

use turnwire::turn::{RequestInput, RequestState, SUBMISSION_TRANSITIONS, SubmissionInput, SubmissionState};
use turnwire::turn::{TRANSITIONS, Violation};

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

#[test]
fn successor_follows_an_end_and_keeps_output() {
    for state in RequestState::ALL {
        let is_end = matches!(state, RequestState::Completed | RequestState::Failed | RequestState::Incomplete);
        assert_eq!(state.after(RequestInput::Successor), is_end.then_some(RequestState::Output), "{state:?}");
    }
}

#[test]
fn submission_changes_as_its_table_says_and_ends_once() {
    for state in SubmissionState::ALL {
        for input in SubmissionInput::ALL {
            let listed = SUBMISSION_TRANSITIONS.iter().filter(|(from, by, _)| (*from, *by) == (state, input));
            let targets: Vec<_> = listed.map(|(_, _, to)| *to).collect();
            assert!(targets.len() <= 1, "{state:?}, {input:?}");
            assert_eq!(state.after(input), targets.first().copied(), "{state:?}, {input:?}");
            assert!(!state.is_final() || targets.is_empty(), "{state:?} is final");
        }
        // Every state that is not final can end in every way that is left.
        assert_eq!(state.after(SubmissionInput::Lost), (!state.is_final()).then_some(SubmissionState::Unknown));
        assert!(!(state.is_final() && state.holds_lane()), "{state:?}");
    }
}
