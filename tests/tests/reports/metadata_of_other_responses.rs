//! `response.metadata` of another response than the current one: its turn token is not used (docs/differences.md row 57).

use serde_json::json;
use turnwire::client::Settings;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::pair::{Pair, Script, provider};

/// Returns metadata of this response, or of none, with a turn token.
fn token_of(response: Option<&str>, token: &str) -> String {
    let headers = json!({"x-codex-turn-state": token});
    match response {
        Some(id) => json!({"type": "response.metadata", "response_id": id, "headers": headers}),
        None => json!({"type": "response.metadata", "headers": headers}),
    }
    .to_string()
}

/// Returns the turn token after a response r1 without one, and then these events for a second request.
fn token_after(events: &[String]) -> (Option<String>, u64) {
    let mut seen = None;
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        let script = Script::new().ws([vec![created("r1"), done("r1")], events.to_vec()]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.down = chunks;
        pair.ask(ask("one"));
        pair.ask(ask("two"));
        let now = (pair.client.turn_token().map(str::to_owned), pair.client.unmatched_events());
        assert!(seen.as_ref().is_none_or(|seen| *seen == now), "the split into reads must not matter");
        seen = Some(now);
    }
    seen.expect("two runs")
}

#[test]
fn metadata_of_ended_response_is_ignored() {
    // Before the next response is created, and after.
    assert_eq!(token_after(&[token_of(Some("r1"), "late")]), (None, 1));
    assert_eq!(token_after(&[created("r2"), token_of(Some("r1"), "late")]), (None, 1));
}

#[test]
fn metadata_of_other_response_is_ignored() {
    assert_eq!(token_after(&[created("r2"), token_of(Some("r9"), "other")]), (None, 1));
}

#[test]
fn metadata_of_current_response_is_used() {
    for response in [None, Some("r2")] {
        assert_eq!(token_after(&[created("r2"), token_of(response, "own")]), (Some("own".into()), 0));
        // Before `response.created`, the id of the response is not known.
        assert_eq!(token_after(&[token_of(response, "own")]), (Some("own".into()), 0));
    }
}

#[test]
fn first_token_of_a_turn_wins() {
    let events = [created("r2"), token_of(Some("r1"), "late"), token_of(Some("r2"), "first"), token_of(None, "second")];
    assert_eq!(token_after(&events), (Some("first".into()), 1));
}
