//! Collected responses: the end of a request carries the whole response when it is asked for.

use turnwire::client::{OwnedOutcome, Request, Settings};
use turnwire::responses::Response;
use turnwire_tests::fixtures::{ask, created, delta, done, incomplete, msg};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

/// Returns the collected response of an outcome.
fn collected(outcome: Option<&OwnedOutcome>) -> Option<Response> {
    match outcome {
        Some(OwnedOutcome::Completed(completed)) => completed.response.as_deref().cloned(),
        Some(OwnedOutcome::Incomplete(incomplete)) => incomplete.response.as_deref().cloned(),
        other => panic!("{other:?}"),
    }
}

fn answer() -> Vec<String> {
    vec![created("r"), delta("Ro"), delta("me"), done("r")]
}

#[test]
fn response_is_collected_when_the_request_or_the_settings_ask_for_it() {
    for (by_request, by_settings) in [(true, false), (false, true), (false, false)] {
        for (provider, script) in
            [(provider(), Script::new().ws([answer()])), (http_provider(), Script::new().sse([answer()]))]
        {
            let mut settings = Settings::default();
            settings.collect = by_settings;
            let mut pair = Pair::new(provider, settings, script);
            let request = Request::from(ask("hi"));
            let id = pair.send(if by_request { request.collected() } else { request });
            pair.run_out();
            let response = collected(pair.outcome(id));
            assert_eq!(response.is_some(), by_request || by_settings);
            if let Some(response) = response {
                assert_eq!((response.id.as_deref(), response.output_text().as_str()), (Some("r"), "Rome"));
                assert_eq!(response.status.as_deref(), Some("completed"));
                assert!(response.usage.is_some());
            }
        }
    }
}

#[test]
fn incomplete_response_is_collected_as_far_as_it_was_made() {
    let script = Script::new().ws([vec![created("r"), delta("Ro"), incomplete("r", "max_output_tokens")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.send(Request::from(ask("hi")).collected());
    pair.run_out();
    let response = collected(pair.outcome(id)).expect("a response");
    assert_eq!((response.output_text().as_str(), response.status.as_deref()), ("Ro", Some("incomplete")));
}

#[test]
fn attempt_that_failed_leaves_nothing_in_the_collected_response() {
    let begun = r#"{"type":"response.created","response":{"id":"a","model":"first"}}"#;
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"again"}}}"#;
    for first in [begun, failed] {
        let script = Script::new()
            .on(Kind::Post, vec![Act::stream_with(&[]), Act::Send(first.into()), Act::Drop])
            .sse([vec![created("b"), msg("m", "whole"), done("b")]]);
        let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
        let id = pair.send(Request::from(ask("hi")).collected());
        pair.run_out();
        let response = collected(pair.outcome(id)).expect("a response");
        assert_eq!((response.id.as_deref(), response.output_text().as_str()), (Some("b"), "whole"), "{first}");
        assert_eq!((response.model, response.error), (None, None), "{first}");
    }
}

#[test]
fn resumed_response_is_collected_whole() {
    let numbered = |number: usize, event: &str| event.replacen('{', &format!("{{\"sequence_number\":{number},"), 1);
    let events: Vec<String> = answer().iter().enumerate().map(|(number, event)| numbered(number, event)).collect();
    let mut lost = vec![Act::stream_with(&[])];
    lost.extend(events[..2].iter().cloned().map(Act::Send));
    lost.push(Act::Drop);
    let script = Script::new().on(Kind::Post, lost).sse([events[1..].to_vec()]);
    let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
    let id = pair.send(Request::from(ask("hi").background(true)).collected());
    pair.run_out();
    assert_eq!(collected(pair.outcome(id)).expect("a response").output_text(), "Rome");
}
