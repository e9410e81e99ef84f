//! Figures and limits at their exact values: what a request's report counts, the presets of providers, sizes, and times that a server names.

use core::time::Duration;

use turnwire::client::{
    CancelMode, Credentials, OwnedEvent, OwnedOutcome, Provider, Request, Secret, Settings, TraceContext,
    TransportPreference,
};
use turnwire::connection::IdleActivity;
use turnwire::responses::{FailureKind, RawJson};
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::fixtures::{ask, assistant, created, delta, done, msg, request, user};
use turnwire_tests::laws::resume::events;
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

/// What a preset is, by the numbers of docs/protocol.md and docs/limits.md.
#[test]
fn presets_are_the_services_that_they_are_named_after() {
    const MESSAGE: usize = 16_777_215;
    type Figures<'p> = (bool, Option<&'p str>, usize, Option<usize>, bool, bool, bool);
    let figures = |provider: &Provider, expected: Figures<'_>| {
        let known = &provider.capabilities;
        let found = (
            known.websocket,
            known.beta_header.as_deref(),
            known.max_concurrent_requests,
            known.max_request_bytes,
            known.reuse_after_failure,
            known.store_responses,
            known.item_metadata,
        );
        assert_eq!(found, expected, "{}", provider.name);
    };
    let beta = Some("responses_websockets=2026-02-06");
    figures(&Provider::openai(), (true, None, 16, Some(MESSAGE), true, false, true));
    figures(&Provider::codex(), (true, beta, 1, Some(MESSAGE), false, false, true));
    figures(&Provider::azure("https://x.openai.azure.com/openai"), (false, None, 1, None, false, true, false));
    figures(&Provider::local(1), (false, None, 1, None, false, false, false));
}

#[test]
fn provider_file_without_a_size_limit_has_none_and_azure_stores() {
    let file = |text: &str| -> Provider { toml::from_str(text).expect("a provider") };
    let custom = file("name = \"a\"\nbase_url = \"https://h/v1\"\n[profile]\nsend_cap = 0");
    assert_eq!(custom.capabilities.max_request_bytes, None);
    let custom = file("name = \"a\"\nbase_url = \"https://h/v1\"\n[profile]\nsend_cap = 1");
    assert_eq!(custom.capabilities.max_request_bytes, Some(1));
    // A preset at an address of Azure's stores, as any provider there.
    let moved = file("preset = \"openai\"\nbase_url = \"https://x.openai.azure.com/openai\"");
    assert!(moved.capabilities.store_responses);
    let moved = file("preset = \"openai\"\nbase_url = \"https://elsewhere.example/v1\"");
    assert!(!moved.capabilities.store_responses);
}

#[test]
fn request_may_be_as_long_as_the_limit() {
    let length = {
        let mut pair = Pair::new(http_provider(), Settings::default(), Script::new());
        pair.ask(ask("hello"));
        pair.posts()[0].bytes.len()
    };
    for (limit, fits) in [(length, true), (length - 1, false)] {
        let mut provider = http_provider();
        provider.capabilities.max_request_bytes = Some(limit);
        let mut pair = Pair::new(provider, Settings::default(), Script::new());
        let id = pair.ask(ask("hello"));
        assert_eq!(pair.posts().len(), usize::from(fits));
        if !fits {
            assert_eq!(pair.failure(id).kind, FailureKind::TooLarge);
        }
    }
}

/// Requests, steering and interruption count; so do all payloads.
#[test]
fn report_counts_the_bytes_of_every_message() {
    let mut settings = Settings::default();
    settings.cancel =
        CancelMode::Interrupt { limit: Duration::from_secs(1), otherwise: turnwire::client::AbandonMode::Close };
    let mut pair = Pair::new(provider(), settings, Script::new());
    let id = pair.ask(ask("one"));
    let said = [created("r1"), delta("x")];
    for event in &said {
        pair.act(Act::Send(event.clone()));
    }
    pair.client.steer(pair.now, id, &[user("left")]).expect("a response in flight");
    pair.run();
    assert_eq!(pair.client.inject(pair.now, id, &[]), Ok(()));
    pair.run();
    pair.client.cancel(pair.now, id);
    pair.run();
    let end = r#"{"type":"response.incomplete","response":{"id":"r1","incomplete_details":{"reason":"interrupted"}}}"#;
    pair.act(Act::Send(end.into()));
    let kinds: Vec<_> = pair.texts().iter().map(|text| text.json()["type"].as_str().map(String::from)).collect();
    assert_eq!(
        kinds.iter().flatten().collect::<Vec<_>>(),
        ["response.create", "response.steer", "response.inject", "response.interrupt"]
    );
    let sent: usize = pair.texts().iter().map(|text| text.bytes.len()).sum();
    let received = said.iter().map(String::len).sum::<usize>() + end.len();
    let report = pair.report(id).expect("an end");
    assert_eq!((report.sent_bytes, report.received_bytes), (sent, received));
}

#[test]
fn report_counts_the_bytes_of_deltas_in_one_read() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new());
    let id = pair.ask(ask("one"));
    let said = [&[created("r1")][..], &["a", "bc", "", "def"].map(delta), &[done("r1")]].concat();
    let mut peer = WebSocket::new(Role::Server, Limits::default(), None, [3; 32]);
    let mut bytes = Vec::new();
    for event in &said {
        peer.send(Message::Text(event), &mut bytes).expect("a message");
    }
    pair.client.handle_input(pair.now, &bytes);
    pair.run();
    assert_eq!(pair.report(id).expect("an end").received_bytes, said.iter().map(String::len).sum::<usize>());
}

#[test]
fn report_counts_the_bytes_of_all_attempts() {
    let script = Script::new().on(Kind::Post, vec![Act::respond(503, "busy")]);
    let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
    pair.script.plan(Kind::Post, turnwire_tests::pair::ok_stream());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.completed(id), "ok");
    let sent: usize = pair.posts().iter().map(|post| post.bytes.len()).sum();
    assert_eq!((pair.posts().len(), pair.report(id).expect("an end").sent_bytes), (2, sent));
}

/// The date is a point in time, the clock of the client is not: only with the wall clock is one the other.
#[test]
fn date_of_retry_after_is_a_delay_by_the_wall_clock() {
    for (clock, expected) in [(Some(784_111_777_000), Some(60)), (None, None)] {
        let headers = [("Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT")];
        let script = Script::new().on(Kind::Post, vec![Act::respond_with(429, &headers, "{}")]);
        let mut pair = Pair::new(http_provider(), Settings::default(), script);
        if let Some(millis) = clock {
            pair.client.set_wall_clock(pair.now, millis);
        }
        let id = pair.ask(ask("one"));
        assert_eq!(pair.failure(id).delay.map(|delay| delay.as_secs()), expected);
    }
}

/// A request about a response that exists is one of the same application, with the same credentials and trace.
#[test]
fn resumption_has_the_headers_of_its_request() {
    let mut acts = vec![Act::stream_with(&[])];
    acts.extend(events(Some(0)).into_iter().take(4).map(Act::Send));
    acts.push(Act::Drop);
    let script = Script::new().on(Kind::Post, acts);
    let credentials = Credentials::bearer(Secret::from("key"));
    let mut pair = Pair::with(with_retries(http_provider(), 1), credentials, Settings::default(), script);
    let mut request = Request::from(ask("hi").background(true));
    request.headers.push(("x-own".into(), "1".into()));
    request.trace = Some(TraceContext { parent: "00-1-2-01".into(), state: Some("s=1".into()) });
    pair.send(request);
    pair.run_out();
    let [post, get] = pair.posts()[..] else { panic!("{:?}", pair.posts()) };
    for (name, value) in
        [("authorization", "Bearer key"), ("x-own", "1"), ("traceparent", "00-1-2-01"), ("tracestate", "s=1")]
    {
        assert_eq!((post.header(name), get.header(name)), (Some(value), Some(value)), "{name}");
    }
}

#[test]
fn ids_are_shown_as_numbers_and_are_never_the_same() {
    let mut settings = Settings::default();
    settings.queue_on_busy_lane = true;
    let mut pair = Pair::new(provider(), settings, Script::new());
    let first = pair.ask(ask("one"));
    pair.act(Act::Send(created("r1")));
    let resumed: Vec<_> =
        (0..2).map(|_| pair.client.resume(pair.now, "resp_1", None).expect("a queued request")).collect();
    let last = pair.ask(ask("two"));
    let ids = [first, resumed[0], resumed[1], last];
    let shown: Vec<String> = ids.iter().map(ToString::to_string).collect();
    assert!(shown.iter().all(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())), "{shown:?}");
    assert_eq!(shown.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    let submission = pair.client.steer(pair.now, first, &[user("left")]).expect("a response in flight");
    assert!(submission.to_string().bytes().all(|byte| byte.is_ascii_digit()) && !submission.to_string().is_empty());
    assert!(!pair.events.iter().any(|event| matches!(event, OwnedEvent::Violation { .. })));
    pair.act(Act::Send(done("r1")));
}

/// The server names what it serves in the handshake: each request is told so once.
#[test]
fn headers_of_the_handshake_are_told_to_each_request_once() {
    let accept = Act::accept_with(&[("openai-model", "gpt-served")]);
    let answer = |id| vec![created(id), delta("x"), delta("y"), done(id)];
    let script = Script::new().on(Kind::Upgrade, vec![accept]).ws([answer("a"), answer("b")]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    for number in 1..=2 {
        pair.ask(ask("one"));
        let told = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Info { .. })).count();
        assert_eq!(told, number);
    }
}

/// A request has the members of both kinds, and each is sent once.
#[test]
fn previous_response_among_the_other_members_is_sent_once() {
    for typed in [None, Some("resp_typed")] {
        let mut create = ask("hello");
        create.extra.push(("previous_response_id".into(), RawJson::string("resp_other")));
        create.previous_response_id = typed.map(Into::into);
        let mut pair = Pair::new(http_provider(), Settings::default(), Script::new());
        pair.ask(create);
        let body = String::from_utf8(pair.posts()[0].bytes.clone()).expect("text");
        assert_eq!(body.matches("previous_response_id").count(), 1, "{body}");
        assert_eq!(pair.posts()[0].json()["previous_response_id"], typed.unwrap_or("resp_other"));
    }
    // What the application continues is not what the connection would continue.
    let mut pair = Pair::new(provider(), Settings::default(), Script::new().ws([vec![msg("m", "hi"), done("r1")]]));
    pair.ask(ask("one"));
    let mut create = request(vec![user("one"), assistant("m", "hi"), user("two")]);
    create.extra.push(("previous_response_id".into(), RawJson::string("resp_other")));
    pair.ask(create);
    let sent = pair.texts()[1];
    assert_eq!((sent.previous().as_deref(), sent.input().len()), (Some("resp_other"), 3));
    assert_eq!(String::from_utf8_lossy(&sent.bytes).matches("previous_response_id").count(), 1);
}

/// Keep-alives count where any bytes do, with one request at a time and with several.
#[test]
fn keep_alives_of_a_wide_connection_count_as_configured() {
    for activity in [IdleActivity::Bytes, IdleActivity::Events] {
        let mut wide = provider();
        wide.capabilities.max_concurrent_requests = 4;
        let mut settings = Settings::default();
        settings.connection.timeouts.activity = activity;
        let mut acts = vec![Act::Send(created("a"))];
        for _ in 0..9 {
            acts.extend([Act::Wait(Duration::from_millis(300)), Act::KeepAlive]);
        }
        acts.push(Act::Send(done("a")));
        let mut pair = Pair::new(wide, settings, Script::new().on(Kind::Text, acts));
        let id = pair.ask(ask("one"));
        pair.run_out();
        let completed = matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_)));
        assert_eq!(completed, activity == IdleActivity::Bytes, "{activity:?}");
    }
}

#[test]
fn request_that_the_peer_does_not_read_fails_with_the_words_of_its_transport() {
    for (transport, words) in [
        (TransportPreference::WebSocket, "idle timeout sending websocket request"),
        (TransportPreference::Http, "idle timeout sending the request"),
    ] {
        let mut settings = Settings::default();
        settings.transport = transport;
        settings.connection.timeouts.write = Some(Duration::from_millis(100));
        let mut pair = Pair::new(provider(), settings, Script::new());
        pair.client.preconnect(pair.now);
        pair.run();
        pair.blocks_writes = true;
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.failure(id).message, words);
    }
}
