//! Clients of a scripted server, in each runtime, with a virtual clock.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::io;

use turnwire::client::{ConnectTarget, Credentials, Event, Outcome, Provider, Settings, TransportPreference};
use turnwire::responses::{CreateResponse, EventData, Item, Usage};
use turnwire_driver::{ClientDriver, Io};
use turnwire_testkit::{Fault, Faults, MockIo, MockServer, Reply, block_on};

/// Sends one request. Returns the text, and how it ended.
async fn ask<I: Io>(client: &mut ClientDriver<I>, question: &str) -> (String, String) {
    let mut turn = client.turn().expect("no request is in flight");
    request(&mut turn, question).await
}

async fn request<I: Io>(turn: &mut turnwire_driver::Turn<'_, I>, question: &str) -> (String, String) {
    turn.send(CreateResponse::new("gpt-x", vec![Item::user(question)])).expect("no request is in flight");
    let (mut text, mut end) = (String::new(), String::new());
    while let Some(event) = turn.next().await {
        match event {
            Event::Server { event, .. } => {
                if let EventData::OutputTextDelta { delta, .. } = event.data {
                    text.push_str(&delta);
                }
            }
            Event::Finished { outcome, .. } => {
                end = match outcome {
                    Outcome::Completed(_) => "completed".into(),
                    Outcome::Failed(failure) => format!("{:?}", failure.kind),
                    other => format!("{other:?}"),
                }
            }
            _ => {}
        }
    }
    (text, end)
}

fn over_http(server: &MockServer) -> ClientDriver<MockIo> {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::Http;
    server.client_of(Provider::openai(), Credentials::bearer("sk-test"), settings).expect("a provider")
}

#[test]
fn a_turn_over_each_transport_brings_its_token_back() {
    let reply = || [Reply::text("a b").turn_state("first"), Reply::text("c").turn_state("second"), Reply::text("d")];
    for http in [false, true] {
        let server = MockServer::new(reply());
        let mut client = if http { over_http(&server) } else { server.client() };
        let mut turn = client.turn().expect("a turn");
        for expected in ["a b", "c", "d"] {
            assert_eq!(block_on(request(&mut turn, "?")), (expected.into(), "completed".into()));
        }
        let tokens: Vec<_> = server.seen().into_iter().map(|seen| seen.turn_state).collect();
        assert_eq!(tokens, [None, Some("first".into()), Some("first".into())], "http: {http}");
        assert!(server.seen()[2].headers.get_str("authorization").is_some());
    }
}

/// The same test in each runtime: a rejected WebSocket, a status with a delay, and a response.
fn script() -> MockServer {
    let slow = Reply::status(503, "{}").header("retry-after", "30");
    MockServer::new([slow, Reply::pause(Duration::from_secs(20)).then(Reply::text("Hi"))]).refusing_websocket(426)
}

fn check(server: &MockServer, result: (String, String)) {
    assert_eq!(result, ("Hi".into(), "completed".into()));
    assert_eq!(server.seen().len(), 2);
    assert!(server.elapsed() >= Duration::from_secs(50), "{:?}", server.elapsed());
}

#[test]
fn runs_on_the_calling_thread() {
    let server = script();
    check(&server, block_on(ask(&mut server.client(), "?")));
    let again = script();
    check(&again, turnwire_blocking::block_on(ask(&mut again.client(), "?")));
    assert_eq!(server.elapsed(), again.elapsed(), "the virtual time is always the same");
}

#[tokio::test]
async fn runs_in_tokio() {
    let server = script();
    let task = server.clone();
    check(&server, tokio::spawn(async move { ask(&mut task.client(), "?").await }).await.expect("a task"));
}

#[test]
fn runs_in_smol() {
    let server = script();
    let task = server.clone();
    check(&server, smol::block_on(smol::spawn(async move { ask(&mut task.client(), "?").await })));
}

#[test]
fn silence_ends_with_the_idle_timeout_of_the_client_in_no_time() {
    let server = MockServer::new([Reply::text("a ").then(Reply::silence()), Reply::silence(), Reply::text("b")]);
    let mut client = server.client();
    let start = std::time::Instant::now();
    let (_, end) = block_on(ask(&mut client, "?"));
    assert!(server.elapsed() >= Duration::from_secs(300) && start.elapsed() < Duration::from_secs(10), "{end}");
}

#[test]
fn a_response_hangs_up_at_each_byte() {
    let whole = |reply: Reply| {
        let server = MockServer::new([reply]);
        let mut settings = Settings::default();
        settings.transport = TransportPreference::Http;
        let mut provider = Provider::new("mock", "http://localhost/v1");
        provider.retry.max_retries = 0;
        let mut client = server.client_of(provider, Credentials::None, settings).expect("a provider");
        block_on(ask(&mut client, "?"))
    };
    let ended: Vec<_> = (0..16_000).step_by(389).map(|at| whole(Reply::hang_up(at)).1).collect();
    let cut = ended.iter().take_while(|end| *end != "completed").count();
    assert!(cut > 5 && ended.len() > cut, "{ended:?}");
    assert!(ended[cut..].iter().all(|end| end == "completed"), "later cuts come after the end: {ended:?}");
}

#[test]
fn events_pauses_and_ends_are_sent_as_the_reply_says() {
    let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
    let cases = [
        (Reply::events([created, r#"{"type":"response.completed","response":{"id":"r"}}"#]), "completed"),
        (Reply::text("x").usage(Usage::new(3, 4)), "completed"),
        (Reply::text("x").incomplete("max_output_tokens"), "Incomplete"),
        (Reply::text("x").fail("invalid_prompt", "no"), "InvalidRequest"),
    ];
    for (reply, expected) in cases {
        for http in [false, true] {
            let server = MockServer::new([reply.clone()]);
            let mut client = if http { over_http(&server) } else { server.client() };
            let (_, end) = block_on(ask(&mut client, "?"));
            assert!(end.contains(expected), "{end} and not {expected}");
        }
    }
    let server = MockServer::new([Reply::text("a b c").typing(Duration::from_secs(2))]);
    block_on(ask(&mut server.client(), "?"));
    assert_eq!(server.elapsed(), Duration::from_secs(6));
}

#[test]
fn faults_of_a_seed_end_each_request_and_repeat_exactly() {
    let run = |seed| {
        let server = MockServer::with(|_| Reply::text("one two three")).with_faults(Faults::new(seed, 0.4));
        let mut client = if seed % 2 == 0 { server.client() } else { over_http(&server) };
        let ends: Vec<_> = (0..5).map(|_| block_on(ask(&mut client, "?"))).collect();
        (ends, server.seen().len(), server.elapsed())
    };
    let mut more = 0;
    for seed in 0..40 {
        let (ends, seen, elapsed) = run(seed);
        assert_eq!(ends.len(), 5);
        assert!(ends.iter().all(|(text, end)| end != "completed" || text.ends_with("three")), "seed {seed}: {ends:?}");
        more += usize::from(seen > 5);
        assert_eq!(run(seed), (ends, seen, elapsed), "seed {seed}");
    }
    assert!(more > 20, "{more} runs had retries");
}

#[test]
fn a_refused_connection_is_tried_again() {
    let server = MockServer::new([Reply::text("Hi")]).refusing_connections(2);
    assert_eq!(block_on(ask(&mut server.client(), "?")).0, "Hi");
}

#[test]
fn a_manual_clock_moves_only_by_command() {
    let server = MockServer::new([Reply::pause(Duration::from_secs(5)).then(Reply::text("Hi"))]).with_manual_clock();
    let (task, clock) = (server.clone(), server.clone());
    let run = std::thread::spawn(move || block_on(ask(&mut task.client(), "?")));
    while clock.seen().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(server.elapsed(), Duration::ZERO);
    server.advance(Duration::from_secs(5));
    assert_eq!(run.join().expect("an end").0, "Hi");
    assert_eq!(server.elapsed(), Duration::from_secs(5));
}

#[test]
fn a_response_is_interrupted_and_steered() {
    let server = MockServer::new([Reply::text("a b ").then(Reply::silence()), Reply::text("c")]);
    let mut client = server.client();
    let mut turn = client.turn().expect("a turn");
    let id = turn.send(CreateResponse::new("gpt-x", vec![Item::user("?")])).expect("a request");
    let (mut text, mut kinds) = (String::new(), Vec::new());
    while let Some(event) = block_on(turn.next()) {
        let Event::Server { event, .. } = event else { continue };
        kinds.push(event.kind().to_owned());
        if let EventData::OutputTextDelta { delta, .. } = &event.data {
            text.push_str(delta);
            if text == "a b " {
                let now = turn.now();
                turn.client().steer(now, id, &[Item::user("other")]).expect("a response in progress");
            }
        }
    }
    assert_eq!(text, "a b c");
    assert!(kinds.iter().any(|kind| kind == "response.steer.accepted"), "{kinds:?}");
    assert_eq!(server.seen()[1].json()["type"], "response.steer");
}

/// Sends a request on a socket of its own. Returns how long each read was, and how the bytes ended.
fn read_raw(server: &MockServer) -> (Vec<usize>, io::Result<usize>) {
    let body = r#"{"model":"m","input":"?","stream":true}"#;
    let length = body.len();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let (mut socket, mut buffer, mut lengths) = (server.io(), vec![0; 1 << 16], Vec::new());
    block_on(async {
        let target = ConnectTarget::new("a", 80, false);
        poll_fn(|cx| socket.poll_connect(cx, &target)).await.expect("it accepts");
        poll_fn(|cx| socket.poll_write(cx, request.as_bytes())).await.expect("it is open");
        loop {
            let read = poll_fn(|cx| match socket.poll_read(cx, &mut buffer) {
                // The clock moves while it is waited for.
                Poll::Pending if socket.poll_wait(cx, None).is_ready() => socket.poll_read(cx, &mut buffer),
                read => read,
            });
            match read.await {
                Ok(0) => return (lengths, Ok(0)),
                Ok(length) => lengths.push(length),
                Err(error) => return (lengths, Err(error)),
            }
        }
    })
}

/// Returns the faults of the first seed whose first fault is such.
fn first(is_it: impl Fn(Fault) -> bool) -> (Fault, Faults) {
    let faults = (0..1000).map(|seed| Faults::new(seed, 1.0));
    let mut faults = faults.map(|faults| (faults.clone().draw().expect("the rate is 1"), faults));
    faults.find(|(fault, _)| is_it(*fault)).expect("one of a thousand")
}

#[test]
fn cut_comes_at_its_byte_as_an_end_or_a_reset_and_uses_no_reply() {
    let is_cut = |fault| match fault {
        Fault::HangUp(at) => Some((at, None)),
        Fault::Reset(at) => Some((at, Some(io::ErrorKind::ConnectionReset))),
        _ => None,
    };
    let script = [Reply::text(&"one ".repeat(500)), Reply::text("two")];
    for is_reset in [false, true] {
        let (fault, faults) =
            first(|fault| is_cut(fault).is_some_and(|(at, reset)| at > 0 && reset.is_some() == is_reset));
        let (at, reset) = is_cut(fault).expect("a cut");
        let server = MockServer::new(script.clone()).with_faults(faults);
        let (lengths, end) = read_raw(&server);
        assert_eq!((lengths.iter().sum::<usize>() as u64, end.err().map(|error| error.kind())), (at, reset));
        // Faults go on: the reply that is sent at last is still the first one.
        let server = server.with_faults(Faults::new(0, 0.0));
        assert!(block_on(ask(&mut server.client(), "?")).0.starts_with("one one"), "{fault:?}");
        assert_eq!(block_on(ask(&mut server.client(), "?")).0, "two");
    }
}

#[test]
fn faults_split_what_is_read() {
    let (_, faults) = first(|fault| matches!(fault, Fault::Pause(_)));
    let whole = read_raw(&MockServer::new([Reply::text("one two three")]).with_faults(faults)).0;
    assert!(whole.iter().any(|length| *length <= 64) && whole.iter().any(|length| *length > 64), "{whole:?}");
}
