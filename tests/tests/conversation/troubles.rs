//! Conversations with failures, over real sockets, on every runtime, with and without TLS: the server drops the socket
//! during a turn or between turns, rejects WebSocket, or rejects an expired key; the application cancels a request,
//! prewarms, or sends requests on two lanes.
//!
//! Events and requests must be the same on each runtime, and also if every future is dropped when it returns `Pending`
//! (law 12).

use core::time::Duration;

use turnwire::client::{CancelMode, TransportPreference};
use turnwire_tests::fixtures::{created, delta, done, on_lane, token};
use turnwire_tests::pair::{Act, Kind, Script};

use crate::failure_scenarios::{Command, FailureScenario, RunFn};
use crate::setup::TransportSetup;

/// Both transports.
const BOTH: &[TransportPreference] = &[TransportPreference::WebSocket, TransportPreference::Http];

/// Runs a scenario over these transports, with and without TLS.
fn everywhere(choices: &[TransportPreference], run: RunFn, scenario: impl Fn(TransportPreference) -> FailureScenario) {
    for choice in choices {
        for tls in [false, true] {
            scenario(*choice).run(TransportSetup { choice: *choice, tls }, run);
        }
    }
}

/// Returns the acts of a response, without its end.
fn answer<const N: usize>(choice: TransportPreference, turn_state: Option<&str>, events: [String; N]) -> Vec<Act> {
    let events = events.into_iter().map(Act::Send);
    match choice {
        TransportPreference::Http => {
            let headers: Vec<_> = turn_state.iter().map(|token| ("x-codex-turn-state", *token)).collect();
            [Act::stream_with(&headers)].into_iter().chain(events).collect()
        }
        _ => turn_state.iter().map(|value| Act::Send(token(value))).chain(events).collect(),
    }
}

/// Returns the acts of a complete response.
fn whole<const N: usize>(choice: TransportPreference, turn_state: Option<&str>, events: [String; N]) -> Vec<Act> {
    let mut acts = answer(choice, turn_state, events);
    if choice == TransportPreference::Http {
        acts.push(Act::End);
    }
    acts
}

fn and(mut acts: Vec<Act>, act: Act) -> Vec<Act> {
    acts.push(act);
    acts
}

/// Returns the expected events, with the connect event of the transport.
fn expected_events(choice: TransportPreference, lines: &[&'static str]) -> Vec<&'static str> {
    let connected = if choice == TransportPreference::Http { "connected, Http" } else { "connected, WebSocket" };
    lines.iter().map(|line| if *line == "connected" { connected } else { line }).collect()
}

/// Returns the kind of a request over this transport.
fn kind(choice: TransportPreference) -> Kind {
    if choice == TransportPreference::Http { Kind::Post } else { Kind::Text }
}

/// The socket drops after output: the request fails and is not retried. The turn goes on with a full request on a new
/// socket, with its turn token.
fn broken_after_output(choice: TransportPreference) -> FailureScenario {
    let first = answer(choice, Some("t1"), [created("r1"), delta("Hel")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    FailureScenario {
        script: Script::new().on(kind(choice), and(first, Act::Drop)).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |provider, _| provider.retry.max_retries = 3,
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("disconnected"),
            Command::Send("one"),
        ],
        events: expected_events(
            choice,
            &[
                "connected",
                "0: sent, new connection, full, no turn token",
                "0: \"Hel\"",
                "0: Stream, OutputSeen",
                "disconnected",
                "connected",
                "1: sent, new connection, full, t1",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// The socket drops before output: the request is retried, with the turn token from the first attempt.
fn broken_before_output(choice: TransportPreference) -> FailureScenario {
    let first = answer(choice, Some("t1"), [created("r1")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    FailureScenario {
        script: Script::new().on(kind(choice), and(first, Act::Drop)).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |provider, _| provider.retry.max_retries = 1,
        commands: vec![Command::BeginTurn, Command::Send("one")],
        events: expected_events(
            choice,
            &[
                "connected",
                "0: sent, new connection, full, no turn token",
                "0: retry 1, Stream",
                "disconnected",
                "connected",
                "0: sent, new connection, full, t1",
                "0: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// The server closes between turns: the client notices at once, and the next turn begins on a new socket, with a full
/// request and without a turn token.
fn closed_while_idle(choice: TransportPreference) -> FailureScenario {
    let first = and(whole(choice, Some("t1"), [created("r1"), done("r1")]), Act::Close(1000, String::new()));
    let second = whole(choice, None, [created("r2"), done("r2")]);
    FailureScenario {
        script: Script::new().on(kind(choice), first).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |_, _| {},
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("disconnected"),
            Command::BeginTurn,
            Command::Send("one"),
        ],
        events: expected_events(
            choice,
            &[
                "connected",
                "0: sent, new connection, full, no turn token",
                "0: completed, r1",
                "disconnected",
                "connected",
                "1: sent, new connection, full, no turn token",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, None, 1)],
    }
}

/// The server rejects the upgrade: the client uses HTTP at once and from then on.
fn no_websocket() -> FailureScenario {
    let answer = |id| whole(TransportPreference::Http, Some("t1"), [created(id), done(id)]);
    FailureScenario {
        script: Script::new()
            .on(Kind::Upgrade, [Act::respond(426, "speak http")])
            .on(Kind::Post, answer("r1"))
            .on(Kind::Post, answer("r2")),
        key: "Bearer test-key",
        set_up: |_, _| {},
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("0: completed, r1"),
            Command::BeginTurn,
            Command::Send("two"),
        ],
        events: vec![
            "connect failed, Some(426)",
            "fallback, 426",
            "connected, Http",
            "0: sent, new connection, full, no turn token",
            "0: completed, r1",
            "1: sent, reused connection, full, no turn token",
            "1: completed, r2",
        ],
        seen: vec![(1, None, 1), (1, None, 1)],
    }
}

/// The server rejects an expired key: the application sets another, and the request is sent again.
fn another_key(choice: TransportPreference) -> FailureScenario {
    let refused = if choice == TransportPreference::Http { Kind::Post } else { Kind::Upgrade };
    let answer = whole(choice, None, [created("r1"), done("r1")]);
    let websocket = [
        "connect failed, Some(401)",
        "0: Some(401) needs credentials",
        "connected, WebSocket",
        "0: sent, new connection, full, no turn token",
        "0: completed, r1",
    ];
    let sse = [
        "connected, Http",
        "0: sent, new connection, full, no turn token",
        "0: Some(401) needs credentials",
        "0: sent, reused connection, full, no turn token",
        "0: completed, r1",
    ];
    FailureScenario {
        script: Script::new().on(refused, [Act::respond(401, "{}")]).on(kind(choice), answer),
        key: "Bearer other-key",
        set_up: |_, settings| settings.max_credential_requests = 1,
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("0: Some(401) needs credentials"),
            Command::Authorize("other-key"),
        ],
        events: if choice == TransportPreference::Http { sse.to_vec() } else { websocket.to_vec() },
        seen: if choice == TransportPreference::Http { vec![(0, None, 1), (0, None, 1)] } else { vec![(1, None, 1)] },
    }
}

/// A request is cancelled, and the next one uses a new socket.
fn given_up(choice: TransportPreference) -> FailureScenario {
    let first = answer(choice, Some("t1"), [created("r1"), delta("Hel")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    FailureScenario {
        script: Script::new().on(kind(choice), first).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |_, _| {},
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("0: \"Hel\""),
            Command::Cancel,
            Command::Send("two"),
        ],
        events: expected_events(
            choice,
            &[
                "connected",
                "0: sent, new connection, full, no turn token",
                "0: \"Hel\"",
                "0: cancelled",
                "disconnected",
                "connected",
                "1: sent, new connection, full, t1",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// A request is cancelled, its response drains, and the next request uses the same socket.
fn drained() -> FailureScenario {
    let ws = TransportPreference::WebSocket;
    // More than one read, so that most of it arrives after the cancellation.
    let rest = "lo".repeat(100_000);
    let first = whole(ws, Some("t1"), [created("r1"), delta("Hel"), delta(&rest), done("r1")]);
    let second = whole(ws, Some("t2"), [created("r2"), done("r2")]);
    FailureScenario {
        script: Script::new().on(Kind::Text, first).on(Kind::Text, second),
        key: "Bearer test-key",
        set_up: |provider, settings| {
            provider.capabilities.deflate = false;
            settings.cancel = CancelMode::Drain { limit: Duration::from_secs(60) };
        },
        commands: vec![
            Command::BeginTurn,
            Command::Send("one"),
            Command::WaitFor("0: \"Hel\""),
            Command::Cancel,
            Command::Send("two"),
        ],
        events: vec![
            "connected, WebSocket",
            "0: sent, new connection, full, no turn token",
            "0: \"Hel\"",
            "0: cancelled",
            "1: sent, reused connection, full, t1",
            "1: completed, r2",
        ],
        seen: vec![(0, None, 1), (0, Some("t1"), 1)],
    }
}

/// A prewarm makes the next request incremental; over HTTP there is no prewarm.
fn prewarmed(choice: TransportPreference) -> FailureScenario {
    let websocket = choice == TransportPreference::WebSocket;
    let warm = whole(choice, Some("t1"), [created("r0"), done("r0")]);
    let answer = whole(choice, Some("t2"), [created("r1"), done("r1")]);
    let script = if websocket { Script::new().on(Kind::Text, warm) } else { Script::new() };
    FailureScenario {
        script: script.on(kind(choice), answer),
        key: "Bearer test-key",
        set_up: |_, _| {},
        commands: match websocket {
            true => vec![
                Command::BeginTurn,
                Command::Prewarm("one"),
                Command::WaitFor("0: completed, r0"),
                Command::Send("one"),
            ],
            false => vec![Command::BeginTurn, Command::Prewarm("one"), Command::Send("one")],
        },
        events: match websocket {
            true => vec![
                "connected, WebSocket",
                "0: sent, new connection, full, no turn token",
                "0: completed, r0",
                "1: sent, reused connection, incremental, t1",
                "1: completed, r1",
            ],
            false => vec![
                "nothing to prewarm",
                "connected, Http",
                "0: sent, new connection, full, no turn token",
                "0: completed, r1",
            ],
        },
        seen: if websocket { vec![(0, None, 1), (0, Some("t1"), 0)] } else { vec![(0, None, 1)] },
    }
}

/// Two requests are in flight on one socket, on different lanes; the second one ends first.
fn two_lanes() -> FailureScenario {
    let answers = [
        on_lane("b", &created("rb")),
        on_lane("a", &created("ra")),
        on_lane("b", &delta("B")),
        on_lane("a", &delta("A")),
        on_lane("b", &done("rb")),
        on_lane("a", &done("ra")),
    ];
    FailureScenario {
        script: Script::new().on(Kind::Text, []).on(Kind::Text, answers.map(Act::Send)),
        key: "Bearer test-key",
        set_up: |provider, _| provider.capabilities.max_concurrent_requests = 2,
        commands: vec![Command::BeginTurn, Command::SendOnLane("a", "one"), Command::SendOnLane("b", "two")],
        events: vec![
            "connected, WebSocket",
            "0: sent, new connection, full, no turn token",
            "1: sent, reused connection, full, no turn token",
            "1: \"B\"",
            "0: \"A\"",
            "1: completed, rb",
            "0: completed, ra",
        ],
        seen: vec![(0, None, 1), (0, None, 1)],
    }
}

/// Every scenario on one runtime.
macro_rules! every_runtime {
    ($($name:ident: $run:path;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn broken_after_output() {
                everywhere(BOTH, $run, super::broken_after_output);
            }

            #[test]
            fn broken_before_output() {
                everywhere(BOTH, $run, super::broken_before_output);
            }

            #[test]
            fn closed_while_idle() {
                everywhere(BOTH, $run, super::closed_while_idle);
            }

            #[test]
            fn no_websocket() {
                everywhere(&[TransportPreference::Auto], $run, |_| super::no_websocket());
            }

            #[test]
            fn another_key() {
                everywhere(BOTH, $run, super::another_key);
            }

            #[test]
            fn given_up() {
                everywhere(BOTH, $run, super::given_up);
            }

            #[test]
            fn drained() {
                everywhere(&[TransportPreference::WebSocket], $run, |_| super::drained());
            }

            #[test]
            fn prewarmed() {
                everywhere(BOTH, $run, super::prewarmed);
            }

            #[test]
            fn two_lanes() {
                everywhere(&[TransportPreference::WebSocket], $run, |_| super::two_lanes());
            }
        })*
    };
}

every_runtime! {
    on_tokio: crate::tokio::run;
    on_async_std: crate::async_io::run_on_async_std;
    on_smol: crate::async_io::run_on_smol;
    on_a_custom_loop: crate::custom::run;
    on_a_blocking_thread: crate::custom::run_blocking;
    dropping_on_tokio: crate::pending_io::run_on_tokio;
    dropping_on_async_std: crate::pending_io::run_on_async_std;
    dropping_on_smol: crate::pending_io::run_on_smol;
}
