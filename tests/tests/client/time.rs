//! Deadlines, and the activity that resets them.

use std::time::Duration;

use turnwire::client::{Settings, TransportPreference};
use turnwire::connection::client::Timeouts;
use turnwire::connection::{Deadline, IdleActivity, LastActivity};
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire_tests::fixtures::{ask, created, delta, done, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn only_ws() -> Settings {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    settings
}

fn life(acts: usize, of: Act) -> Vec<Act> {
    (0..acts).flat_map(|_| [Act::Wait(Duration::from_millis(300)), of.clone()]).collect()
}

#[test]
fn pings_and_comments_reset_idle_timer_only_if_enabled() {
    let stream =
        [vec![Act::stream_with(&[]), Act::Send(created("a"))], life(9, Act::KeepAlive), vec![Act::Send(done("a"))]]
            .concat();
    let frames = [vec![Act::Send(created("a"))], life(9, Act::KeepAlive), vec![Act::Send(done("a"))]].concat();
    for activity in [IdleActivity::Events, IdleActivity::Bytes] {
        for ws in [false, true] {
            let (provider, script) = match ws {
                true => (provider(), Script::new().on(Kind::Text, frames.clone())),
                false => (http_provider(), Script::new().on(Kind::Post, stream.clone())),
            };
            let mut settings = if ws { only_ws() } else { Settings::default() };
            settings.connection.timeouts.activity = activity;
            let mut pair = Pair::new(provider, settings, script);
            let (start, id) = (pair.now, pair.ask(ask("one")));
            pair.run_out();
            match activity {
                IdleActivity::Bytes => assert_eq!(pair.completed(id), "a"),
                IdleActivity::Events => {
                    let words = if ws { "idle timeout waiting for websocket" } else { "idle timeout waiting for SSE" };
                    assert_eq!(
                        (pair.failure(id).message.as_str(), pair.failure(id).progress),
                        (words, RequestProgress::Created)
                    );
                    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(1));
                }
            }
        }
    }
}

#[test]
fn silence_before_and_within_head_times_out() {
    for raw in [&b""[..], b"HTTP/1.1 200 OK\r\nx: y"] {
        let script = Script::new().on(Kind::Post, vec![Act::Raw(raw.to_vec())]);
        let mut pair = Pair::new(http_provider(), Settings::default(), script);
        let (start, id) = (pair.now, pair.ask(ask("one")));
        pair.run_out();
        assert_eq!((pair.failure(id).kind, pair.failure(id).progress), (FailureKind::Timeout, RequestProgress::Sent));
        assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(1));
        assert!(!pair.is_connected());
    }
}

#[test]
fn peer_that_never_reads_times_out() {
    let mut pair = Pair::new(provider(), only_ws(), Script::new());
    pair.client.preconnect(pair.now);
    pair.run();
    pair.blocks_writes = true;
    let mut settings = only_ws();
    settings.connection.timeouts.write = Some(Duration::from_millis(200));
    let id = pair.ask(ask("one"));
    pair.run_out();
    // The idle timeout is shorter here; a shorter write timeout has its own message.
    assert_eq!(pair.failure(id).message, "idle timeout waiting for websocket");
    let mut pair = Pair::new(provider(), settings, Script::new());
    pair.client.preconnect(pair.now);
    pair.run();
    pair.blocks_writes = true;
    let (start, id) = (pair.now, pair.ask(ask("one")));
    pair.run_out();
    assert_eq!(pair.failure(id).message, "idle timeout sending websocket request");
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_millis(200));
    pair.run();
    assert!(!pair.is_connected());
}

#[test]
fn websocket_is_pinged_about_every_25_seconds() {
    let mut provider = provider();
    provider.capabilities.ping_interval = turnwire::client::Capabilities::default().ping_interval;
    assert_eq!(provider.capabilities.ping_interval, Some(Duration::from_secs(25)));
    let gaps = |seed: u8| {
        let script = Script::new().ws([vec![done("a")]]);
        let none = turnwire::client::Credentials::None;
        let mut pair = Pair::seeded(provider.clone(), none, Settings::default(), script, [seed; 32]);
        pair.ask(ask("one"));
        let mut gaps = Vec::new();
        for _ in 0..10 {
            let (before, carried) = (pair.now, pair.carried[0].0.len());
            assert!(pair.jump());
            assert!(pair.carried[0].0.len() > carried, "a ping");
            gaps.push(pair.now.saturating_duration_since(before));
        }
        gaps
    };
    let (one, two) = (gaps(1), gaps(2));
    let near = |gap: &Duration| (22.5..=27.5).contains(&gap.as_secs_f64());
    assert!(one.iter().chain(&two).all(near), "{one:?} {two:?}");
    assert!(one != two && one.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn http_is_never_pinged() {
    let mut provider = http_provider();
    provider.capabilities.ping_interval = Some(Duration::from_secs(25));
    let mut pair = Pair::new(provider, Settings::default(), Script::new().sse([vec![done("a")]]));
    pair.ask(ask("one"));
    assert!(pair.is_connected() && !pair.jump());
}

#[test]
fn clock_jump_is_tolerated() {
    let script = Script::new().ws([vec![created("a")]]);
    let mut pair = Pair::new(provider(), only_ws(), script);
    let id = pair.ask(ask("one"));
    pair.now = pair.now + Duration::from_secs(10_000_000);
    pair.client.handle_timeout(pair.now);
    pair.run();
    assert_eq!(pair.failure(id).message, "idle timeout waiting for websocket");
    pair.now = turnwire::time::Instant::ZERO;
    pair.client.handle_timeout(pair.now);
    pair.client.close(pair.now);
    pair.run_down();
    assert!(pair.client.is_finished());
}

#[test]
fn error_response_with_late_body_is_reported() {
    let dripping =
        |status: &str| vec![Act::Raw(format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n{{").into())];
    let mut provider = provider();
    provider.connect_timeout = Duration::from_millis(500);
    for (status, class) in [("401", FailureKind::Unauthorized), ("429", FailureKind::RateLimited)] {
        let script = Script::new().on(Kind::Upgrade, dripping(status));
        let mut pair = Pair::new(provider.clone(), Settings::default(), script);
        let (start, id) = (pair.now, pair.ask(ask("one")));
        pair.run_out();
        assert_eq!((pair.failure(id).kind, pair.dials.len()), (class, 1));
        assert_eq!(pair.now.saturating_duration_since(start), Duration::from_millis(500));
        let mut pair = Pair::new(http_provider(), Settings::default(), Script::new().on(Kind::Post, dripping(status)));
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!((pair.failure(id).kind, pair.failure(id).raw.as_deref()), (class, Some("{")));
        assert!(!pair.is_connected());
    }
}

#[test]
fn body_of_rejected_handshake_is_not_read_to_its_end() {
    let endless = vec![Act::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n".to_vec())];
    let script = Script::new().on(Kind::Upgrade, endless).sse([vec![done("a")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    let (start, id) = (pair.now, pair.ask(ask("one")));
    assert_eq!((pair.completed(id).as_str(), pair.now), ("a", start));
}

#[test]
fn unanswered_handshake_is_retried_and_falls_back() {
    let mut provider = provider();
    provider.connect_timeout = Duration::from_millis(100);
    provider.retry.max_retries = 1;
    let script = Script::new().on(Kind::Upgrade, vec![]).on(Kind::Dial, vec![Act::Connect]).on(Kind::Dial, vec![]);
    let mut pair = Pair::new(provider, Settings::default(), script.sse([vec![done("a")]]));
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), pair.delays().len()), ("a", 3, 1));
    assert!(pair.client.is_http_fallback());
}

/// The limit that is set to one second; the act every 300 ms for three seconds; the transports; and the outcome.
#[test]
fn every_timeout_has_its_own_limit() {
    type Limit = fn(&mut Timeouts);
    let progress: Limit = |timeouts| timeouts.progress = Some(Duration::from_secs(1));
    let bytes: Limit = |timeouts| timeouts.bytes = Some(Duration::from_secs(1));
    let control: Limit = |timeouts| timeouts.control = Some(Duration::from_secs(1));
    let note = || Act::Send(token("t"));
    let output = || Act::Send(delta("x"));
    let rows: [(Limit, Act, &[bool], Option<Deadline>); 8] = [
        (progress, output(), &[false, true], None),
        (progress, note(), &[false, true], Some(Deadline::Progress)),
        (progress, Act::KeepAlive, &[false, true], Some(Deadline::Progress)),
        (bytes, note(), &[false, true], None),
        (bytes, Act::KeepAlive, &[false, true], None),
        (bytes, Act::Wait(Duration::ZERO), &[false, true], Some(Deadline::Bytes)),
        (control, Act::KeepAlive, &[true], None),
        (control, output(), &[true], Some(Deadline::Control)),
    ];
    for (limit, act, transports, expected) in rows {
        for ws in transports {
            let begin = if *ws { vec![] } else { vec![Act::stream_with(&[])] };
            let acts =
                [begin, vec![Act::Send(created("a"))], life(10, act.clone()), vec![Act::Send(done("a"))]].concat();
            let (mut provider, kind) = if *ws { (provider(), Kind::Text) } else { (http_provider(), Kind::Post) };
            provider.idle_timeout = Duration::from_secs(60);
            let mut settings = if *ws { only_ws() } else { Settings::default() };
            limit(&mut settings.connection.timeouts);
            let mut pair = Pair::new(provider, settings, Script::new().on(kind, acts));
            let (start, id) = (pair.now, pair.ask(ask("one")));
            pair.run_out();
            match expected {
                None => assert_eq!(pair.completed(id), "a", "{act:?}"),
                Some(deadline) => {
                    assert_eq!(pair.failure(id).message, format!("{deadline} timeout expired"), "{act:?}");
                    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(1));
                }
            }
        }
    }
}

#[test]
fn missing_pongs_close_idle_websocket() {
    let mut provider = provider();
    provider.capabilities.ping_interval = Some(Duration::from_millis(400));
    let mut settings = only_ws();
    settings.connection.timeouts.control = Some(Duration::from_secs(1));
    let mut pair = Pair::new(provider, settings, Script::new());
    pair.client.preconnect(pair.now);
    pair.pass(Duration::from_secs(60));
    assert!(pair.is_connected(), "pings are answered");
    pair.mute();
    pair.pass(Duration::from_secs(3));
    assert!(!pair.is_connected());
    assert_eq!((pair.dials.len(), pair.client.has_pending_requests()), (1, false));
}

#[test]
fn last_activity_is_reported_by_kind() {
    let mut pair = Pair::new(provider(), only_ws(), Script::new());
    assert_eq!(pair.client.last_seen(), LastActivity::default());
    pair.ask(ask("one"));
    let start = pair.now;
    for act in [Act::Send(created("a")), Act::Send(token("t")), Act::KeepAlive] {
        pair.pass(Duration::from_millis(100));
        pair.act(act);
    }
    let seen = pair.client.last_seen();
    let at = |millis| Some(start + Duration::from_millis(millis));
    assert_eq!((seen.progress, seen.event, seen.control, seen.bytes), (at(100), at(200), at(300), at(300)));
}
