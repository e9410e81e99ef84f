//! Background responses: streams that are lost are resumed, in one process and across processes, and cancellation reaches the
//! server.

use std::time::Duration;

use turnwire::client::{
    CancelMode, CommandError, FallbackReason, OwnedEvent, OwnedOutcome, RequestId, Settings, TransportPreference,
};
use turnwire::connection::Transport;
use turnwire::responses::RequestProgress;
use turnwire_tests::fixtures::{ask, error};
use turnwire_tests::laws::resume::{Rest, Style, deliver, events, run, same};
use turnwire_tests::pair::{Act, Cut, Kind, Pair, Script, http_provider, ok_stream, provider, with_retries};

const STYLE: Style = Style { first: Some(0), rest: Rest::Stream };

const TRANSPORTS: [Transport; 2] = [Transport::Http, Transport::WebSocket];

#[test]
fn response_cut_at_any_byte_is_delivered_as_if_uncut() {
    for transport in TRANSPORTS {
        let (uncut, length) = deliver(STYLE, transport, &[]);
        assert_eq!(uncut.payloads, events(Some(0)));
        assert!(uncut.completed && uncut.resumed == 0, "{uncut:?}");
        let mut resumed = 0;
        for at in 0..length {
            let seen = same(STYLE, transport, &[at], &uncut).unwrap_or_else(|why| panic!("{why}"));
            resumed += seen.resumed;
        }
        assert!(resumed > 1000, "{resumed} of {length} cuts were after the beginning of the response");
    }
}

#[test]
fn response_is_resumed_whatever_the_server_numbers_and_sends_again() {
    for transport in TRANSPORTS {
        for first in [Some(0), Some(1), Some(7), None] {
            for rest in Rest::ALL {
                let style = Style { first, rest };
                let (uncut, length) = deliver(style, transport, &[]);
                for at in (0..length).step_by(83) {
                    same(style, transport, &[at], &uncut).unwrap_or_else(|why| panic!("{why}"));
                }
            }
        }
    }
}

#[test]
fn resumed_stream_that_is_cut_is_resumed_again() {
    for transport in TRANSPORTS {
        let (uncut, length) = deliver(STYLE, transport, &[]);
        for second in (0..length).step_by(97) {
            let cuts = [length - 600, second, second / 2];
            same(STYLE, transport, &cuts, &uncut).unwrap_or_else(|why| panic!("{why}"));
        }
    }
}

/// Returns a pair whose first response is lost after these events.
fn lost_after(sent: &[String], retries: u32) -> Pair {
    let mut acts = vec![Act::stream_with(&[])];
    acts.extend(sent.iter().cloned().map(Act::Send));
    acts.push(Act::Drop);
    Pair::new(with_retries(http_provider(), retries), Settings::default(), Script::new().on(Kind::Post, acts))
}

#[test]
fn rest_is_requested_below_the_response_with_what_the_request_included() {
    let mut pair = lost_after(&events(Some(1))[..3], 1);
    let mut request = ask("hi").background(true);
    request.include.push("reasoning.encrypted_content".into());
    let id = pair.send(request);
    pair.run_out();
    let [post, get] = pair.posts()[..] else { panic!("{:?}", pair.posts()) };
    assert_eq!(post.json()["store"], true, "a background response is stored");
    assert_eq!((get.method.as_str(), get.header("accept")), ("GET", Some("text/event-stream")));
    assert_eq!(
        get.target,
        "/v1/responses/resp_1?stream=true&starting_after=3&include%5B%5D=reasoning.encrypted_content"
    );
    assert!(get.bytes.is_empty());
    let resuming = |event: &OwnedEvent| matches!(event, OwnedEvent::Resuming { id: of, retries: 1, .. } if *of == id);
    assert_eq!(pair.events.iter().filter(|event| resuming(event)).count(), 1);
}

#[test]
fn resumption_keeps_to_the_budget_and_its_delays() {
    let mut pair = lost_after(&events(Some(0))[..4], 2);
    for _ in 0..5 {
        pair.script.plan(Kind::Post, vec![Act::respond(503, "busy")]);
    }
    let begun = pair.now;
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!(pair.posts().len(), 3);
    let failure = pair.failure(id);
    assert_eq!((failure.status, failure.progress), (Some(503), RequestProgress::OutputSeen));
    let report = pair.report(id).expect("a report");
    assert_eq!((report.resumed, report.sequence_number, report.response_id.as_deref()), (2, Some(3), Some("resp_1")));
    let passed = pair.now.saturating_duration_since(begun);
    assert!((540..=660).contains(&passed.as_millis()), "200 ms and 400 ms: {passed:?}");
}

#[test]
fn unknown_response_is_requested_anew_before_output_and_fails_after_it() {
    for (seen, posts) in [(2, 2), (3, 1)] {
        let mut pair = lost_after(&events(Some(0))[..seen], 3);
        pair.script.plan(Kind::Post, vec![Act::respond(404, r#"{"error":{"message":"no such response"}}"#)]);
        pair.script.plan(Kind::Post, ok_stream());
        let id = pair.send(ask("hi").background(true));
        pair.run_out();
        assert_eq!(pair.posts().iter().filter(|seen| seen.method == "POST").count(), posts, "{seen} events");
        if posts == 1 {
            let failure = pair.failure(id);
            assert_eq!((failure.status, failure.progress), (Some(404), RequestProgress::OutputSeen));
            assert_eq!(pair.posts().len(), 2, "404 is final");
        }
    }
}

/// A response that is made anew has events of its own: that some were numbered like those of the lost one drops none.
#[test]
fn response_that_is_requested_anew_is_delivered_whole() {
    let all = events(Some(0));
    let mut pair = lost_after(&all[..2], 3);
    pair.script.plan(Kind::Post, vec![Act::respond(404, r#"{"error":{"message":"no such response"}}"#)]);
    let mut again = vec![Act::stream_with(&[])];
    again.extend(all.iter().cloned().map(Act::Send));
    pair.script.plan(Kind::Post, again);
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!(pair.completed(id), "resp_1");
    assert_eq!(pair.kinds(id).len(), 2 + all.len());
    let resumed: Vec<bool> = (pair.events.iter())
        .filter_map(|event| match event {
            OwnedEvent::Sent { sent, .. } => Some(sent.resumed),
            _ => None,
        })
        .collect();
    assert_eq!(resumed, [false, true, false]);
}

#[test]
fn response_in_the_foreground_is_not_resumed() {
    let mut pair = lost_after(&events(Some(0))[..4], 3);
    let id = pair.send(ask("hi"));
    pair.run_out();
    assert_eq!(pair.posts().len(), 1);
    assert_eq!(pair.failure(id).progress, RequestProgress::OutputSeen);
}

#[test]
fn silent_stream_of_a_background_response_is_resumed() {
    let mut acts = vec![Act::stream_with(&[])];
    acts.extend(events(Some(0))[..4].iter().cloned().map(Act::Send));
    let mut pair = Pair::new(
        with_retries(http_provider(), 1),
        Settings::default(),
        Script::new().on(Kind::Post, acts).sse([events(Some(0))[4..].to_vec()]),
    );
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!(pair.completed(id), "resp_1");
    assert_eq!(pair.kinds(id).len(), 10);
}

#[test]
fn connection_limit_of_a_websocket_does_not_end_a_background_response() {
    let mut sent = events(Some(0))[..4].to_vec();
    sent.push(error(400, "websocket_connection_limit_reached", "too old"));
    let script = Script::new().ws([sent]).sse([events(Some(0))[4..].to_vec()]);
    let mut pair = Pair::new(with_retries(provider(), 1), Settings::default(), script);
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!(pair.completed(id), "resp_1");
    assert_eq!((pair.texts().len(), pair.posts().len()), (1, 1));
}

/// Returns a client's events after its server has rejected a background request on a WebSocket.
fn rejected_on_websocket(settings: Settings) -> (Pair, RequestId) {
    let rejection = error(400, "unsupported_parameter", "A background response cannot be requested over WebSocket.");
    let script = Script::new().ws([vec![rejection]]).sse([events(Some(0))]);
    let mut pair = Pair::new(with_retries(provider(), 0), settings, script);
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    (pair, id)
}

#[test]
fn background_request_that_is_rejected_on_a_websocket_takes_http() {
    let (mut pair, id) = rejected_on_websocket(Settings::default());
    assert_eq!(pair.completed(id), "resp_1");
    assert_eq!((pair.texts().len(), pair.posts().len()), (1, 1));
    let is_it =
        |event: &OwnedEvent| matches!(event, OwnedEvent::HttpFallback(FallbackReason::Background(of)) if *of == id);
    assert_eq!(pair.events.iter().filter(|event| is_it(event)).count(), 1);
    pair.send(ask("next"));
    pair.run_out();
    assert_eq!(pair.texts().len(), 2, "other requests still use the WebSocket");
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let (pair, id) = rejected_on_websocket(settings);
    assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(400), 0));
}

#[test]
fn response_of_another_process_is_resumed_by_its_id() {
    for after in [None, Some(0), Some(5), Some(8)] {
        let mut pair = Pair::new(with_retries(provider(), 4), Settings::default(), Script::new());
        pair.cuts.push_back(Cut { up: None, down: Some(700) });
        let id = pair.client.resume(pair.now, "resp_1", after).expect("an open client");
        run(&mut pair, STYLE);
        assert_eq!(pair.completed(id), "resp_1");
        let payloads: Vec<String> = pair
            .events
            .iter()
            .filter_map(|event| match event {
                OwnedEvent::Server { event, .. } => event.raw().map(Into::into),
                _ => None,
            })
            .collect();
        let from = after.map_or(0, |number| usize::try_from(number).expect("a number") + 1);
        assert_eq!(payloads, events(Some(0))[from..], "after {after:?}");
        assert!(pair.upgrades().is_empty() && pair.seen.iter().all(|seen| seen.method == "GET"));
        let first = &pair.posts()[0].target;
        assert_eq!(first.contains("starting_after"), after.is_some(), "{first}");
    }
}

#[test]
fn resumption_of_another_process_that_fails_is_final_where_a_retry_cannot_help() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(404, "{}")]);
    let mut pair = Pair::new(with_retries(provider(), 4), Settings::default(), script);
    assert_eq!(pair.client.resume(pair.now, "", None), Err(CommandError::ResponseId));
    let id = pair.client.resume(pair.now, "resp/1", Some(3)).expect("an open client");
    pair.run_out();
    assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(404), 1));
    assert_eq!(pair.posts()[0].target, "/v1/responses/resp%2F1?stream=true&starting_after=3");
    pair.client.close(pair.now);
    assert_eq!(pair.client.resume(pair.now, "resp_1", None), Err(CommandError::Closed));
}

#[test]
fn failed_background_response_is_not_resumed() {
    let mut sent = events(Some(0))[..3].to_vec();
    sent.push(r#"{"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","error":{"code":"server_error","message":"x"}}}"#.into());
    let mut pair = Pair::new(with_retries(http_provider(), 3), Settings::default(), Script::new().sse([sent]));
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!((pair.failure(id).code.as_deref(), pair.posts().len()), (Some("server_error"), 1));
}

/// Returns the requests for cancellation.
fn cancellations(pair: &Pair) -> usize {
    pair.posts().iter().filter(|seen| seen.target == "/v1/responses/resp_1/cancel" && seen.method == "POST").count()
}

#[test]
fn cancelled_background_response_is_cancelled_at_the_server() {
    let body = r#"{"id":"resp_1","object":"response","status":"cancelled","output":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    for transport in TRANSPORTS {
        let mut settings = Settings::default();
        settings.cancel = CancelMode::Close;
        let begun = events(Some(0))[..4].to_vec();
        let script = match transport {
            Transport::Http => {
                settings.transport = TransportPreference::Http;
                let sent = begun.into_iter().map(Act::Send);
                Script::new().on(Kind::Post, [Act::stream_with(&[])].into_iter().chain(sent).collect::<Vec<_>>())
            }
            Transport::WebSocket => Script::new().ws([begun]),
        };
        let script = script.on(Kind::Post, vec![Act::respond(200, body)]);
        let mut pair = Pair::new(provider(), settings, script);
        let id = pair.ask(ask("hi").background(true));
        pair.client.cancel(pair.now, id);
        assert!(pair.outcome(id).is_none(), "the server has not answered");
        pair.run_out();
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)), "{:?}", pair.outcome(id));
        assert_eq!(cancellations(&pair), 1, "{transport:?}");
        let usage = pair.report(id).and_then(|report| report.usage).expect("a usage");
        assert_eq!(usage.output_tokens, 4);
    }
}

#[test]
fn cancellation_of_a_background_response_is_bounded_and_a_second_one_is_at_once() {
    for again in [false, true] {
        // A cancellation that is not answered is tried again.
        let mut pair = lost_after(&events(Some(0))[..4], 9);
        let id = pair.ask(ask("hi").background(true));
        pair.client.cancel(pair.now, id);
        pair.run();
        assert_eq!(cancellations(&pair), 1);
        let begun = pair.now;
        if again {
            pair.client.cancel(pair.now, id);
        }
        pair.run_out();
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)));
        let waited = pair.now.saturating_duration_since(begun);
        let limit = if again { Duration::ZERO } else { Duration::from_secs(5) };
        assert_eq!(waited, limit, "again: {again}");
    }
}

#[test]
fn cancellation_that_the_server_refuses_ends_the_request_as_cancelled() {
    let mut pair = lost_after(&events(Some(0))[..4], 3);
    pair.script.plan(Kind::Post, vec![Act::respond(400, "{}")]);
    let id = pair.ask(ask("hi").background(true));
    pair.client.cancel(pair.now, id);
    pair.run_out();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)));
    assert_eq!(pair.posts().len(), 2);
}

#[test]
fn request_without_a_response_is_cancelled_at_once() {
    let script = Script::new().on(Kind::Post, vec![Act::stream_with(&[])]);
    let mut pair = Pair::new(http_provider(), Settings::default(), script);
    let id = pair.ask(ask("hi").background(true));
    pair.client.cancel(pair.now, id);
    pair.run();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)));
    assert_eq!((cancellations(&pair), pair.posts().len()), (0, 1));
}
