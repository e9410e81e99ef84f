//! Scenarios E: one WebSocket between a client and a server (tests/scenarios.md).

use core::time::Duration;

use serde_json::json;
use turnwire::client::{
    ConnectError, Disconnected, Event, OwnedEvent, OwnedOutcome, Provider, RequestId, Settings, TransportPreference,
};
use turnwire::connection::{
    ClientConnection, CloseReason, ServerConnection, Transport, client, client::Event as Told, server,
};
use turnwire::http::Headers;
use turnwire::responses::session::{Session, UserAgent};
use turnwire::responses::{Envelope, FailureKind, ResponseInfo, TimingMetrics};
use turnwire::time::Instant;
use turnwire_tests::fixtures::{ask, created, delta, done, done0, fail, incomplete, msg, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

fn pair(script: Script) -> Pair {
    Pair::new(provider(), Settings::default(), script)
}

/// Creates a pair that never falls back to HTTP.
fn socket_only(provider: Provider, script: Script) -> Pair {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    Pair::new(provider, settings, script)
}

/// Returns the informational events of a request, without those of its payloads.
fn derived(pair: &Pair, id: RequestId) -> Vec<ResponseInfo<'static>> {
    let of = |event: &OwnedEvent| match event {
        OwnedEvent::Info { id: Some(of), info } if *of == id => Some(info.clone()),
        _ => None,
    };
    pair.events.iter().filter_map(of).collect()
}

/// Returns the failure of a request with these acts as response, and whether the socket is gone.
fn failing(acts: Vec<Act>) -> (FailureKind, String, bool) {
    let mut pair = socket_only(provider(), Script::new().on(Kind::Text, acts));
    let id = pair.ask(ask("hi"));
    pair.run_out();
    let failure = pair.failure(id);
    (failure.kind, failure.message, !pair.is_connected())
}

#[test]
fn e01_basic() {
    let mut settings = Settings::default();
    settings.session = Some(Session::new("sess", "thr", "inst"));
    settings.default_headers = UserAgent::new("app", "1.0").defaults();
    let mut provider = provider();
    provider.capabilities.beta_header = Some("responses_websockets=2026-02-06".into());
    let script = Script::new().ws([vec![created("resp-1"), done("resp-1")]]);
    let mut pair = Pair::new(provider, settings, script);
    pair.client.set_wall_clock(pair.now, 1_700_000_000_000);
    let id = pair.ask(ask("hi"));
    assert_eq!(pair.kinds(id), ["response.created", "response.completed"]);
    let upgrade = pair.upgrades()[0];
    for (name, value) in [
        ("openai-beta", Some("responses_websockets=2026-02-06")),
        ("x-client-request-id", Some("thr")),
        ("session-id", Some("sess")),
        ("thread-id", Some("thr")),
        ("user-agent", Some("app/1.0 (unknown; unknown) unknown")),
        ("x-codex-turn-state", None),
        ("accept", None),
        ("content-type", None),
    ] {
        assert_eq!(upgrade.header(name), value, "{name}");
    }
    let frame = pair.texts()[0].json();
    assert_eq!((&frame["type"], &frame["stream"]), (&json!("response.create"), &json!(true)));
    assert_eq!((frame["input"].as_array().map(Vec::len), frame["input"][0].get("id")), (Some(1), None));
    assert_eq!(frame["client_metadata"]["x-codex-installation-id"], "inst");
    assert_eq!(frame["client_metadata"]["x-codex-ws-stream-request-start-ms"], "1700000000000");
}

#[test]
fn e02_prelude_repeats_per_request_on_the_socket() {
    let accept = Act::accept_with(&[
        ("openai-model", "hm"),
        ("x-models-etag", "et"),
        ("x-reasoning-included", ""),
        ("x-codex-primary-used-percent", "5"),
    ]);
    let script = Script::new().on(Kind::Upgrade, vec![accept]).ws([vec![done0("r1")], vec![done0("r2")]]);
    let mut pair = pair(script);
    for _ in 0..2 {
        let id = pair.ask(ask("hi"));
        let prelude =
            [ResponseInfo::Model("hm".into()), ResponseInfo::ModelsEtag("et".into()), ResponseInfo::ReasoningIncluded];
        assert_eq!(derived(&pair, id), prelude);
    }
    assert_eq!(pair.dials.len(), 1);
}

#[test]
fn e05_failed_is_immediate() {
    let (class, message, gone) = failing(vec![Act::Send(fail("invalid_prompt", "synthetic websocket failure"))]);
    assert_eq!((class, message.as_str(), gone), (FailureKind::InvalidRequest, "synthetic websocket failure", true));
}

#[test]
fn e06_incomplete() {
    // Differs: `response.incomplete` is a terminal event of its own, and the request is not retried
    // (docs/differences.md row 36).
    let script = Script::new().on(Kind::Text, vec![Act::Send(incomplete("r", "max_output_tokens"))]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    let Some(OwnedOutcome::Incomplete(response)) = pair.outcome(id) else { panic!("{:?}", pair.outcome(id)) };
    assert_eq!((response.id.as_deref(), response.reason.as_deref()), (Some("r"), Some("max_output_tokens")));
    assert_eq!(pair.texts().len(), 1);
}

#[test]
fn e07_binary() {
    let (class, message, gone) = failing(vec![Act::Raw(vec![0x82, 1, 0])]);
    assert_eq!((class, message.as_str(), gone), (FailureKind::Stream, "unexpected binary websocket event", true));
}

#[test]
fn e09_abrupt_tcp_end() {
    let (class, _, gone) = failing(vec![Act::Send(created("r")), Act::Drop]);
    assert_eq!((class, gone), (FailureKind::Stream, true));
}

#[test]
fn e10_pings_do_not_feed_idle() {
    let mut provider = provider();
    provider.idle_timeout = Duration::from_millis(150);
    let pings = (0..10).flat_map(|_| [Act::Wait(Duration::from_millis(30)), Act::KeepAlive]);
    let mut pair = socket_only(provider, Script::new().on(Kind::Text, pings.collect::<Vec<_>>()));
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.failure(id).message, "idle timeout waiting for websocket");
    assert_eq!(pair.report(id).expect("a report").total, Duration::from_millis(150));
    let pongs = pair.carried[0].0.windows(2).filter(|bytes| bytes == &[0x8a, 0x80]).count();
    assert!(pongs >= 3, "number of pongs: {pongs}");
}

/// Differs: a message that cannot be parsed is reported (docs/differences.md row 7).
#[test]
fn e11_garbage_text() {
    let garbage = Act::Raw([&[0x81, 4][..], b"nope"].concat());
    let script = Script::new().on(Kind::Text, vec![garbage, Act::Send(done0("r"))]);
    let mut pair = pair(script);
    let id = pair.ask(ask("hi"));
    assert_eq!(pair.completed(id), "r");
    assert!(pair.is_connected());
    let told = |event: &OwnedEvent| matches!(event, OwnedEvent::Malformed { text, .. } if text == "nope");
    assert!(pair.events.iter().any(told));
}

/// The client ignores the turn token of a handshake: the first one of the turn is that of an event.
#[test]
fn e18_handshake_cell() {
    let script = Script::new()
        .on(Kind::Upgrade, vec![Act::accept_with(&[("x-codex-turn-state", "hs-1")])])
        .ws([vec![token("md-2"), done0("r1")], vec![done0("r2")]]);
    let mut pair = pair(script);
    pair.ask(ask("hi"));
    pair.ask(ask("again"));
    let states: Vec<Option<String>> = pair.texts().iter().map(|text| text.turn_state()).collect();
    assert_eq!(states, [None, Some("md-2".into())]);
}

/// Differs: events after the end belong to no request (docs/differences.md row 9).
#[test]
fn e19_late_frames() {
    let script = Script::new().ws([vec![done0("r1"), delta("LATE")], vec![delta("own"), done0("r2")]]);
    let mut pair = pair(script);
    pair.ask(ask("hi"));
    let id = pair.ask(ask("again"));
    assert_eq!(pair.kinds(id), ["response.output_text.delta", "response.completed"]);
    assert_eq!(pair.completed(id), "r2");
}

/// Differs: cancelling closes the socket with a close frame (docs/differences.md rows 11 and 12).
#[test]
fn e21_consumer_drop_and_verification() {
    let mut pair = pair(Script::new().on(Kind::Text, vec![Act::Send(created("r"))]).ws([vec![done0("r2")]]));
    let id = pair.ask(ask("hi"));
    pair.client.cancel(pair.now, id);
    pair.run();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)));
    assert!(matches!(&pair.closed[0], (0, CloseReason::Peer { code: 1000, .. })), "{:?}", pair.closed);
    let verification = json!({"type":"response.metadata","metadata":{"openai_verification_recommendation":["trusted_access_for_cyber"]}});
    pair.act(Act::Send(verification.to_string()));
    pair.run_out();
    let next = pair.ask(ask("again"));
    pair.run_out();
    assert_eq!((pair.completed(next).as_str(), pair.dials.len()), ("r2", 2));
    assert!(derived(&pair, next).is_empty());
}

/// Differs: the end of the socket is noticed when it happens, and does not affect the next request (docs/differences.md
/// row 10).
#[test]
fn e22_idle_closed_socket() {
    let mut pair = pair(Script::new().ws([vec![done0("r1")], vec![done0("r2")]]));
    pair.ask(ask("hi"));
    pair.act(Act::Close(1000, String::new()));
    pair.run_out();
    assert!(!pair.is_connected());
    let id = pair.ask(ask("again"));
    assert_eq!((pair.completed(id).as_str(), pair.report(id).expect("a report").attempts), ("r2", 1));
    assert_eq!(pair.dials.len(), 2);
}

#[test]
fn e24_handshake_rejections() {
    for (status, class) in
        [(426, FailureKind::UnexpectedStatus), (401, FailureKind::Unauthorized), (503, FailureKind::UnexpectedStatus)]
    {
        let refusal = Act::respond_with(status, &[("x-request-id", "req")], "hello");
        let mut pair = socket_only(provider(), Script::new().on(Kind::Upgrade, vec![refusal]));
        let id = pair.ask(ask("hi"));
        pair.run_out();
        let failure = pair.failure(id);
        assert_eq!((failure.kind, failure.status, failure.raw.as_deref()), (class, Some(status), Some("hello")));
        assert_eq!(failure.details.url.as_deref(), Some("ws://127.0.0.1:8080/v1/responses"));
        assert_eq!(failure.details.request_id.as_deref(), Some("req"));
    }
    let refused = ConnectError::Network("Connection refused (os error 111)".into());
    let mut pair = socket_only(provider(), Script::new().on(Kind::Dial, vec![Act::Fail(refused)]));
    let id = pair.ask(ask("hi"));
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!(failure.kind, FailureKind::Connect);
    assert_eq!(failure.message, "network error: Connection refused (os error 111)");
}

/// Returns how a probe of a server ends the connection within 100 ms, and how many messages the server received.
fn probed(act: impl FnOnce(&mut ServerConnection, Instant)) -> (Option<(u16, String)>, bool, usize) {
    let now = Instant::ZERO;
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    client.upgrade(now, "/v1/responses", &Headers::new()).expect("a handshake");
    server.handle_input(now, client.poll_transmit());
    client.handle_written(now, client.poll_transmit().len());
    assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
    let mut headers = Headers::new();
    headers.set("x-models-etag", "et").expect("a header");
    server.accept(now, &headers).expect("an upgrade");
    act(&mut server, now);
    client.handle_input(now, server.poll_transmit());
    let sent = client.poll_transmit().len();
    let (mut close, mut etag) = (None, false);
    while let Some(event) = client.poll_event() {
        match event {
            Told::Upgraded { head } => {
                assert_eq!(head.status(), 101);
                etag = head.headers.contains("x-models-etag");
            }
            Told::Closed(CloseReason::Peer { code, reason }) if *code != 1005 => close = Some((*code, reason.clone())),
            _ => {}
        }
    }
    (close, etag, sent)
}

#[test]
fn e25_probe() {
    let (close, etag, _) = probed(|server, now| server.close(now, 1008, "policy"));
    assert_eq!((close, etag), (Some((1008, "policy".into())), true));
    assert_eq!(probed(|_, _| {}), (None, true, 0));
    assert_eq!(probed(|server, now| server.send(now, &created("r")).expect("an event")).0, None);
}

#[test]
fn e26_timing_header_and_metrics() {
    let timing = json!({"type":"responsesapi.websocket_timing","timing_metrics":{
        "responses_duration_excl_engine_and_client_tool_time_ms":120,"engine_service_total_ms":450,
        "engine_iapi_ttft_total_ms":310,"engine_service_ttft_total_ms":340,
        "engine_iapi_tbt_across_engine_calls_ms":220,"engine_service_tbt_across_engine_calls_ms":260}});
    let read = timing.to_string();
    let read = TimingMetrics::from_event(&Envelope::scan(&read).expect("an event")).expect("metrics");
    let all = [
        read.overhead,
        read.engine,
        read.api_first_token,
        read.engine_first_token,
        read.api_between_tokens,
        read.engine_between_tokens,
    ];
    assert_eq!(all, [120, 450, 310, 340, 220, 260].map(|ms| Some(Duration::from_millis(ms))));
    for on in [true, false] {
        let mut settings = Settings::default();
        let mut session = Session::new("s", "t", "i");
        session.timing_metrics = on;
        settings.session = Some(session);
        let script = Script::new().ws([vec![timing.to_string(), done0("r")]]);
        let mut pair = Pair::new(provider(), settings, script);
        let id = pair.ask(ask("hi"));
        let header = pair.upgrades()[0].header("x-responsesapi-include-timing-metrics");
        assert_eq!(header, on.then_some("true"));
        assert_eq!(pair.kinds(id)[0], "responsesapi.websocket_timing");
        assert!(derived(&pair, id).is_empty());
    }
}

#[test]
fn e27_telemetry_counts() {
    let mut pair = pair(Script::new().ws([vec![created("r"), done("r")], vec![msg("msg_1", "x"), done("r2")]]));
    let first = pair.ask(ask("hi"));
    let report = pair.report(first).expect("a report");
    assert_eq!((report.transport, report.attempts, report.reused), (Some(Transport::WebSocket), 1, false));
    assert_eq!((pair.texts().len(), pair.posts().len(), pair.kinds(first).len()), (1, 0, 2));
    let second = pair.ask(ask("again"));
    assert!(pair.report(second).expect("a report").reused);
    let ends = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Disconnected(Disconnected::Failed(_))));
    assert_eq!(ends.count(), 0);
    assert!(pair.client.poll_event().is_none_or(|event: Event<'_>| event.id().is_none()));
}
