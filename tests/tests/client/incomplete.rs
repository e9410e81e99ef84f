//! `response.incomplete`: a separate outcome, which is not retried (docs/differences.md row 36).

use turnwire::client::{OwnedEvent, OwnedOutcome, Settings};
use turnwire::responses::Usage;
use turnwire_tests::fixtures::{ask, created, delta, done, incomplete, msg};
use turnwire_tests::pair::{Pair, Script, http_provider, provider};

fn incomplete_with_usage(id: &str, reason: &str) -> String {
    format!(
        r#"{{"type":"response.incomplete","response":{{"id":"{id}","incomplete_details":{{"reason":"{reason}"}},"usage":{{"input_tokens":5,"output_tokens":7,"total_tokens":12}}}}}}"#
    )
}

#[test]
fn incomplete_response_ends_the_request_with_reason_id_and_usage() {
    for (websocket, provider) in [(true, provider()), (false, http_provider())] {
        for events in [
            vec![incomplete_with_usage("r", "max_output_tokens")],
            vec![created("r"), delta("text"), incomplete_with_usage("r", "max_output_tokens")],
        ] {
            let mut provider = provider.clone();
            provider.retry.max_retries = 5;
            let script = if websocket { Script::new().ws([events]) } else { Script::new().sse([events]) };
            let mut pair = Pair::new(provider, Settings::default(), script);
            let id = pair.ask(ask("one"));
            pair.run_out();
            let Some(OwnedOutcome::Incomplete(response)) = pair.outcome(id) else { panic!("{:?}", pair.outcome(id)) };
            assert_eq!((response.reason.as_deref(), response.id.as_deref()), (Some("max_output_tokens"), Some("r")));
            assert_eq!(response.usage, Some(Usage::new(5, 7)));
            assert_eq!(pair.report(id).expect("a report").usage, Some(Usage::new(5, 7)));
            assert_eq!((pair.texts().len() + pair.posts().len(), pair.delays().len()), (1, 0));
        }
    }
}

#[test]
fn incomplete_response_leaves_the_websocket_to_the_next_request() {
    let script = Script::new().ws([vec![incomplete("a", "content_filter")], vec![done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    let next = pair.ask(ask("two"));
    assert_eq!((pair.completed(next).as_str(), pair.dials.len()), ("b", 1));
    // The output of an incomplete response may be partial, so the next request is sent in full.
    assert_eq!(pair.texts()[1].previous(), None);
}

#[test]
fn steered_response_goes_on_after_its_incomplete_event() {
    let script = Script::new().ws([vec![
        created("a"),
        incomplete("a", "steered"),
        created("b"),
        msg("m", "after all"),
        done("b"),
    ]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.ask(ask("one"));
    assert_eq!(pair.completed(id), "b");
    let ends = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Finished { .. })).count();
    assert_eq!(ends, 1);
}

#[test]
fn failed_response_reports_its_usage() {
    let failed = r#"{"type":"response.failed","response":{"id":"r","error":{"code":"invalid_prompt","message":"no"},"usage":{"input_tokens":3,"output_tokens":0,"total_tokens":3}}}"#;
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![failed.into()]]));
    let id = pair.ask(ask("one"));
    assert_eq!(pair.failure(id).code.as_deref(), Some("invalid_prompt"));
    assert_eq!(pair.report(id).expect("a report").usage, Some(Usage::new(3, 0)));
}
