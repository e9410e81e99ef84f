//! Interruption of a response, as a command and as the way to cancel a request (`docs/protocol.md` §15.2).

use std::time::Duration;

use serde_json::json;
use turnwire::client::{AbandonMode, CancelMode, CommandError, OwnedEvent, OwnedOutcome, RequestId, Settings};
use turnwire::turn::SubmissionState;
use turnwire_tests::fixtures::{ask, assistant, created, delta, done, error, msg, request, user};
use turnwire_tests::pair::{Act, Pair, Script, http_provider, provider, with_retries};

const LIMIT: Duration = Duration::from_millis(700);

fn interrupting(otherwise: AbandonMode) -> Settings {
    let mut settings = Settings::default();
    settings.cancel = CancelMode::Interrupt { limit: LIMIT, otherwise };
    settings
}

/// A client with a request whose response `r1` has begun.
fn running(settings: Settings) -> (Pair, RequestId) {
    let mut pair = Pair::new(provider(), settings, Script::new());
    let id = pair.ask(ask("one"));
    pair.act(Act::Send(created("r1")));
    (pair, id)
}

fn cancel(pair: &mut Pair, id: RequestId) {
    pair.client.cancel(pair.now, id);
    pair.run();
}

fn says(pair: &mut Pair, events: impl IntoIterator<Item = String>) {
    for event in events {
        pair.act(Act::Send(event));
    }
}

fn accepted(response: &str) -> String {
    json!({"type": "response.interrupt.accepted", "response_id": response}).to_string()
}

fn refused(response: &str) -> String {
    json!({"type": "response.interrupt.failed", "response_id": response, "error": {"code": "interrupt_not_supported"}})
        .to_string()
}

fn interrupted(response: &str) -> String {
    let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5});
    let details = json!({"reason": "interrupted"});
    let response = json!({"id": response, "status": "incomplete", "incomplete_details": details, "usage": usage});
    json!({"type": "response.incomplete", "response": response}).to_string()
}

fn is_cancelled(pair: &Pair, id: RequestId) -> bool {
    matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled))
}

#[test]
fn interrupted_request_whose_attempt_fails_is_not_made_again() {
    let failed = r#"{"type":"response.failed","response":{"id":"r1","error":{"code":"server_error","message":"x"}}}"#;
    for final_failure in [false, true] {
        let retries = if final_failure { 0 } else { 3 };
        let mut settings = Settings::default();
        settings.transport = turnwire::client::TransportPreference::WebSocket;
        let mut pair = Pair::new(with_retries(provider(), retries), settings, Script::new());
        let id = pair.ask(ask("one"));
        pair.client.interrupt(pair.now, id).expect("a request in flight");
        says(&mut pair, [created("r1"), failed.to_owned()]);
        pair.run_out();
        assert_eq!(is_cancelled(&pair, id), !final_failure, "{:?}", pair.outcome(id));
        let asked = pair.texts().iter().filter(|seen| seen.json()["type"] == "response.create").count();
        assert_eq!(asked, 1);
    }
}

#[test]
fn interrupted_request_is_cancelled_with_its_usage_and_keeps_the_connection() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    says(&mut pair, [msg("m", "hi"), delta("par")]);
    cancel(&mut pair, id);
    let expected = json!({"type": "response.interrupt", "response_id": "r1", "mode": "discard_partial_items"});
    assert_eq!((pair.texts()[1].json(), pair.outcome(id).is_none()), (expected, true));
    says(&mut pair, [accepted("r1"), interrupted("r1")]);
    assert!(is_cancelled(&pair, id));
    let usage = pair.report(id).and_then(|report| report.usage).expect("usage");
    assert_eq!((usage.input_tokens, usage.output_tokens), (3, 2));
    // The next request continues the interrupted response, with what was done of it.
    let next = pair.ask(request(vec![user("one"), assistant("m", "hi"), user("two")]));
    let sent = pair.texts()[2];
    assert_eq!((sent.previous().as_deref(), sent.input().len(), sent.socket), (Some("r1"), 1, 0));
    says(&mut pair, [created("r2"), done("r2")]);
    assert_eq!(pair.completed(next), "r2");
}

#[test]
fn item_that_is_kept_after_the_interruption_is_part_of_the_response() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    cancel(&mut pair, id);
    let gone =
        json!({"type": "response.output_item.interrupted", "response_id": "r1", "item_id": "m2", "output_index": 1});
    says(&mut pair, [accepted("r1"), msg("m", "hi"), gone.to_string(), interrupted("r1")]);
    assert!(is_cancelled(&pair, id));
    assert!(pair.kinds(id).contains(&"response.output_item.done".to_owned()));
    pair.ask(request(vec![user("one"), assistant("m", "hi"), user("two")]));
    assert_eq!(pair.texts()[2].previous().as_deref(), Some("r1"));
}

#[test]
fn completion_wins_the_race_and_the_late_reply_concerns_nobody() {
    for late in [None, Some(error(400, "response_not_found", "no such response"))] {
        let (mut pair, id) = running(interrupting(AbandonMode::Close));
        cancel(&mut pair, id);
        says(&mut pair, [done("r1")]);
        assert_eq!(pair.completed(id), "r1");
        let next = pair.ask(ask("two"));
        says(&mut pair, late);
        says(&mut pair, [created("r2"), delta("x"), done("r2")]);
        assert_eq!((pair.completed(next).as_str(), pair.dials.len()), ("r2", 1));
        assert!(!pair.kinds(next).contains(&"error".to_owned()));
    }
}

#[test]
fn error_of_that_code_ends_a_request_when_nothing_was_interrupted() {
    let (mut pair, id) = running(Settings::default());
    says(&mut pair, [error(400, "response_not_found", "no such response")]);
    assert_eq!(pair.failure(id).status, Some(400));
}

#[test]
fn request_that_is_cancelled_before_its_response_exists_is_interrupted_when_it_does() {
    let mut pair = Pair::new(provider(), interrupting(AbandonMode::Close), Script::new());
    let id = pair.ask(ask("one"));
    cancel(&mut pair, id);
    assert_eq!((pair.texts().len(), pair.outcome(id).is_none()), (1, true));
    says(&mut pair, [created("r1")]);
    assert_eq!(pair.texts()[1].json()["response_id"], "r1");
    says(&mut pair, [accepted("r1"), interrupted("r1")]);
    assert!(is_cancelled(&pair, id));
}

#[test]
fn interruption_that_takes_too_long_closes_the_connection() {
    for begun in [true, false] {
        let mut pair = Pair::new(provider(), interrupting(AbandonMode::Close), Script::new());
        let id = pair.ask(ask("one"));
        says(&mut pair, begun.then(|| created("r1")));
        cancel(&mut pair, id);
        let start = pair.now;
        while pair.outcome(id).is_none() {
            assert!(pair.jump());
        }
        assert_eq!((is_cancelled(&pair, id), pair.now.saturating_duration_since(start)), (true, LIMIT));
        pair.run();
        pair.ask(ask("two"));
        assert_eq!(pair.dials.len(), 2);
    }
}

#[test]
fn interruption_by_command_that_is_never_confirmed_ends_the_request_as_cancelled_in_time() {
    let mut settings = Settings::default();
    settings.interrupt_timeout = LIMIT;
    settings.resend_after_output = true;
    // Events that go on without the end count for nothing: the time begins with the interruption.
    for says_more in [false, true] {
        for (confirmed, output) in [(false, false), (true, false), (true, true)] {
            let mut pair = Pair::new(with_retries(provider(), 3), settings.clone(), Script::new());
            let id = pair.ask(ask("one"));
            says(&mut pair, [created("r1")]);
            says(&mut pair, output.then(|| delta("x")));
            assert_eq!(pair.client.interrupt(pair.now, id), Ok(()));
            pair.run();
            let start = pair.now;
            says(&mut pair, confirmed.then(|| accepted("r1")));
            pair.pass(LIMIT / 2);
            says(&mut pair, says_more.then(|| delta("y")));
            while pair.outcome(id).is_none() {
                assert!(pair.jump());
            }
            assert!(is_cancelled(&pair, id), "{:?}", pair.outcome(id));
            assert_eq!(pair.now.saturating_duration_since(start), LIMIT);
            pair.run_out();
            assert_eq!((pair.texts().len(), pair.delays().len()), (2, 0), "the request and its interruption");
        }
    }
}

#[test]
fn server_that_cannot_interrupt_is_treated_as_configured() {
    for (otherwise, dials) in [(AbandonMode::Close, 2), (AbandonMode::Drain { limit: LIMIT }, 1)] {
        let (mut pair, id) = running(interrupting(otherwise));
        cancel(&mut pair, id);
        says(&mut pair, [refused("r1")]);
        assert!(is_cancelled(&pair, id));
        let next = pair.ask(ask("two"));
        if dials == 1 {
            assert_eq!(pair.texts().len(), 2, "the response goes on");
            says(&mut pair, [done("r1")]);
        }
        says(&mut pair, [created("r2"), done("r2")]);
        assert_eq!((pair.completed(next).as_str(), pair.dials.len()), ("r2", dials));
    }
}

#[test]
fn command_interrupts_and_leaves_the_response_to_go_on_where_the_server_cannot() {
    let (mut pair, id) = running(Settings::default());
    assert_eq!(pair.client.interrupt(pair.now, id), Ok(()));
    assert_eq!(pair.client.interrupt(pair.now, id), Ok(()));
    pair.run();
    assert_eq!(pair.texts().len(), 2, "it is asked once");
    says(&mut pair, [refused("r1"), delta("x"), done("r1")]);
    assert_eq!(pair.completed(id), "r1");
    assert_eq!(pair.client.interrupt(pair.now, id), Err(CommandError::NoRequest));
}

#[test]
fn command_is_a_cancel_over_http_and_before_the_request_is_sent() {
    let script =
        Script::new().on(turnwire_tests::pair::Kind::Post, vec![Act::stream_with(&[]), Act::Send(created("r1"))]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    let (id, queued) = (pair.ask(ask("one")), pair.ask(ask("two")));
    for id in [queued, id] {
        assert_eq!(pair.client.interrupt(pair.now, id), Ok(()));
    }
    pair.run();
    assert!(is_cancelled(&pair, id) && is_cancelled(&pair, queued));
}

#[test]
fn second_cancel_does_not_wait() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    cancel(&mut pair, id);
    assert!(pair.outcome(id).is_none());
    cancel(&mut pair, id);
    assert!(is_cancelled(&pair, id));
}

#[test]
fn requests_are_interrupted_by_default_where_the_server_can() {
    let able = || {
        let mut provider = provider();
        provider.capabilities.interrupt = true;
        provider
    };
    for (provider, texts) in [(able(), 2), (provider(), 1)] {
        let mut pair = Pair::new(provider, Settings::default(), Script::new());
        let id = pair.ask(ask("one"));
        pair.act(Act::Send(created("r1")));
        cancel(&mut pair, id);
        assert_eq!(pair.texts().len(), texts);
    }
}

#[test]
fn steering_that_is_not_committed_fails_with_the_interruption() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    let submission = pair.client.steer(pair.now, id, &[user("left")]).expect("a response in flight");
    let reply = json!({"type": "response.steer.accepted", "steer": {"id": "s", "previous_response_id": "r1"}});
    says(&mut pair, [reply.to_string()]);
    cancel(&mut pair, id);
    says(&mut pair, [accepted("r1"), interrupted("r1")]);
    assert!(is_cancelled(&pair, id));
    let last = pair.events.iter().rev().find_map(|event| match event {
        OwnedEvent::Steering { update, .. } => Some((update.submission, update.state, update.input.is_some())),
        _ => None,
    });
    assert_eq!(last, Some((submission, SubmissionState::Failed, true)));
}

#[test]
fn successor_of_a_response_that_is_interrupted_is_interrupted() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    pair.client.steer(pair.now, id, &[user("left")]).expect("a response in flight");
    cancel(&mut pair, id);
    let accepted_steer = json!({"type": "response.steer.accepted", "steer": {"id": "s", "previous_response_id": "r1"}});
    let steered =
        json!({"type": "response.incomplete", "response": {"id": "r1", "incomplete_details": {"reason": "steered"}}});
    says(&mut pair, [accepted_steer.to_string(), steered.to_string(), created("r2")]);
    assert_eq!(pair.texts().last().expect("a message").json()["response_id"], "r2");
    says(&mut pair, [error(400, "response_not_found", "r1"), accepted("r2"), interrupted("r2")]);
    assert!(is_cancelled(&pair, id));
}

#[test]
fn lost_connection_ends_a_request_that_is_being_cancelled_as_cancelled() {
    let (mut pair, id) = running(interrupting(AbandonMode::Close));
    cancel(&mut pair, id);
    pair.act(Act::Drop);
    assert!(is_cancelled(&pair, id));
}
