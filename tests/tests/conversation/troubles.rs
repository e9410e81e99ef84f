//! Conversations with trouble in them, over real sockets, on every runtime, plain and with TLS: the server breaks the socket in
//! mid-turn, or closes it while nobody looks, will not speak WebSocket, or takes no old key; the application gives a request up,
//! prewarms, or asks on two lanes at once.
//!
//! Each must be heard and seen the same, whatever moves the bytes, and also where each future is dropped as soon as it has to wait
//! (law 12).

use core::time::Duration;

use turnwire::client::{CancelMode, TransportPreference};
use turnwire_tests::fixtures::{created, delta, done, on_lane, token};
use turnwire_tests::pair::{Act, Kind, Script};

use crate::failure_scenarios::{Do, Hold, Story};
use crate::setup::Place;

/// Either transport.
const BOTH: &[TransportPreference] = &[TransportPreference::WebSocket, TransportPreference::Http];

/// Over these transports, plain and with TLS.
fn everywhere(choices: &[TransportPreference], hold: Hold, story: impl Fn(TransportPreference) -> Story) {
    for choice in choices {
        for tls in [false, true] {
            story(*choice).happen(Place { choice: *choice, tls }, hold);
        }
    }
}

/// The answer to a request over this transport, from its token to its last words; what follows ends it, or does not.
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

/// A whole answer.
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

/// What is heard, whichever transport connects.
fn told(choice: TransportPreference, lines: &[&'static str]) -> Vec<&'static str> {
    let connected = if choice == TransportPreference::Http { "connected by Http" } else { "connected by WebSocket" };
    lines.iter().map(|line| if *line == "connected" { connected } else { line }).collect()
}

/// What a request is called on this transport.
fn kind(choice: TransportPreference) -> Kind {
    if choice == TransportPreference::Http { Kind::Post } else { Kind::Text }
}

/// The socket breaks after output: the request fails, and nothing is asked again. The turn goes on, on a new socket, with its
/// token, and with everything.
fn broken_after_output(choice: TransportPreference) -> Story {
    let first = answer(choice, Some("t1"), [created("r1"), delta("Hel")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    Story {
        script: Script::new().on(kind(choice), and(first, Act::Drop)).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |provider, _| provider.retry.max_retries = 3,
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("disconnected"), Do::Ask("one")],
        heard: told(
            choice,
            &[
                "connected",
                "0: sent on a new one, all, no token",
                "0: \"Hel\"",
                "0: Stream, OutputSeen",
                "disconnected",
                "connected",
                "1: sent on a new one, all, t1",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// The socket breaks before any output: the request is made again, with the token that it had been given.
fn broken_before_output(choice: TransportPreference) -> Story {
    let first = answer(choice, Some("t1"), [created("r1")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    Story {
        script: Script::new().on(kind(choice), and(first, Act::Drop)).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |provider, _| provider.retry.max_retries = 1,
        plot: vec![Do::Turn, Do::Ask("one")],
        heard: told(
            choice,
            &[
                "connected",
                "0: sent on a new one, all, no token",
                "0: retry 1, Stream",
                "disconnected",
                "connected",
                "0: sent on a new one, all, t1",
                "0: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// The server closes while nobody asks for anything: that is known at once, and the next turn begins on a new socket, with
/// everything and without a token.
fn closed_while_idle(choice: TransportPreference) -> Story {
    let first = and(whole(choice, Some("t1"), [created("r1"), done("r1")]), Act::Close(1000, String::new()));
    let second = whole(choice, None, [created("r2"), done("r2")]);
    Story {
        script: Script::new().on(kind(choice), first).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |_, _| {},
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("disconnected"), Do::Turn, Do::Ask("one")],
        heard: told(
            choice,
            &[
                "connected",
                "0: sent on a new one, all, no token",
                "0: completed, r1",
                "disconnected",
                "connected",
                "1: sent on a new one, all, no token",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, None, 1)],
    }
}

/// The server will not upgrade: HTTP is spoken at once, and from then on.
fn no_websocket() -> Story {
    let answer = |id| whole(TransportPreference::Http, Some("t1"), [created(id), done(id)]);
    Story {
        script: Script::new()
            .on(Kind::Upgrade, [Act::respond(426, "speak http")])
            .on(Kind::Post, answer("r1"))
            .on(Kind::Post, answer("r2")),
        key: "Bearer test-key",
        set_up: |_, _| {},
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("0: completed, r1"), Do::Turn, Do::Ask("two")],
        heard: vec![
            "no connection, Some(426)",
            "fell back, 426",
            "connected by Http",
            "0: sent on a new one, all, no token",
            "0: completed, r1",
            "1: sent again on the same, all, no token",
            "1: completed, r2",
        ],
        seen: vec![(1, None, 1), (1, None, 1)],
    }
}

/// The server takes no old key: the application shows another, and nothing else is lost.
fn another_key(choice: TransportPreference) -> Story {
    let refused = if choice == TransportPreference::Http { Kind::Post } else { Kind::Upgrade };
    let answer = whole(choice, None, [created("r1"), done("r1")]);
    let websocket = [
        "no connection, Some(401)",
        "0: Some(401) is no key",
        "connected by WebSocket",
        "0: sent on a new one, all, no token",
        "0: completed, r1",
    ];
    let sse = [
        "connected by Http",
        "0: sent on a new one, all, no token",
        "0: Some(401) is no key",
        "0: sent again on the same, all, no token",
        "0: completed, r1",
    ];
    Story {
        script: Script::new().on(refused, [Act::respond(401, "{}")]).on(kind(choice), answer),
        key: "Bearer other-key",
        set_up: |_, settings| settings.max_credential_requests = 1,
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("0: Some(401) is no key"), Do::Authorize("other-key")],
        heard: if choice == TransportPreference::Http { sse.to_vec() } else { websocket.to_vec() },
        seen: if choice == TransportPreference::Http { vec![(0, None, 1), (0, None, 1)] } else { vec![(1, None, 1)] },
    }
}

/// A request is given up, and the next one goes on a new socket.
fn given_up(choice: TransportPreference) -> Story {
    let first = answer(choice, Some("t1"), [created("r1"), delta("Hel")]);
    let second = whole(choice, Some("t2"), [created("r2"), done("r2")]);
    Story {
        script: Script::new().on(kind(choice), first).on(kind(choice), second),
        key: "Bearer test-key",
        set_up: |_, _| {},
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("0: \"Hel\""), Do::Cancel, Do::Ask("two")],
        heard: told(
            choice,
            &[
                "connected",
                "0: sent on a new one, all, no token",
                "0: \"Hel\"",
                "0: cancelled",
                "disconnected",
                "connected",
                "1: sent on a new one, all, t1",
                "1: completed, r2",
            ],
        ),
        seen: vec![(0, None, 1), (1, Some("t1"), 1)],
    }
}

/// A request is given up, the rest of its response is passed over, and the next one goes on the same socket.
fn drained() -> Story {
    let ws = TransportPreference::WebSocket;
    // More than one read takes, so that most of it is still to come when it is given up.
    let rest = "lo".repeat(100_000);
    let first = whole(ws, Some("t1"), [created("r1"), delta("Hel"), delta(&rest), done("r1")]);
    let second = whole(ws, Some("t2"), [created("r2"), done("r2")]);
    Story {
        script: Script::new().on(Kind::Text, first).on(Kind::Text, second),
        key: "Bearer test-key",
        set_up: |provider, settings| {
            provider.capabilities.deflate = false;
            settings.cancel = CancelMode::Drain { limit: Duration::from_secs(60) };
        },
        plot: vec![Do::Turn, Do::Ask("one"), Do::Hear("0: \"Hel\""), Do::Cancel, Do::Ask("two")],
        heard: vec![
            "connected by WebSocket",
            "0: sent on a new one, all, no token",
            "0: \"Hel\"",
            "0: cancelled",
            "1: sent again on the same, all, t1",
            "1: completed, r2",
        ],
        seen: vec![(0, None, 1), (0, Some("t1"), 1)],
    }
}

/// The server is let prepare, and then only asked for what it has not seen; over HTTP there is nothing to prepare.
fn prewarmed(choice: TransportPreference) -> Story {
    let websocket = choice == TransportPreference::WebSocket;
    let warm = whole(choice, Some("t1"), [created("r0"), done("r0")]);
    let answer = whole(choice, Some("t2"), [created("r1"), done("r1")]);
    let script = if websocket { Script::new().on(Kind::Text, warm) } else { Script::new() };
    Story {
        script: script.on(kind(choice), answer),
        key: "Bearer test-key",
        set_up: |_, _| {},
        plot: match websocket {
            true => vec![Do::Turn, Do::Prewarm("one"), Do::Hear("0: completed, r0"), Do::Ask("one")],
            false => vec![Do::Turn, Do::Prewarm("one"), Do::Ask("one")],
        },
        heard: match websocket {
            true => vec![
                "connected by WebSocket",
                "0: sent on a new one, all, no token",
                "0: completed, r0",
                "1: sent again on the same, what is new, t1",
                "1: completed, r1",
            ],
            false => vec![
                "nothing to prewarm",
                "connected by Http",
                "0: sent on a new one, all, no token",
                "0: completed, r1",
            ],
        },
        seen: if websocket { vec![(0, None, 1), (0, Some("t1"), 0)] } else { vec![(0, None, 1)] },
    }
}

/// Two requests are under way on one socket, each on its lane; the second is answered first.
fn two_lanes() -> Story {
    let answers = [
        on_lane("b", &created("rb")),
        on_lane("a", &created("ra")),
        on_lane("b", &delta("B")),
        on_lane("a", &delta("A")),
        on_lane("b", &done("rb")),
        on_lane("a", &done("ra")),
    ];
    Story {
        script: Script::new().on(Kind::Text, []).on(Kind::Text, answers.map(Act::Send)),
        key: "Bearer test-key",
        set_up: |provider, _| provider.capabilities.max_concurrent_requests = 2,
        plot: vec![Do::Turn, Do::AskOn("a", "one"), Do::AskOn("b", "two")],
        heard: vec![
            "connected by WebSocket",
            "0: sent on a new one, all, no token",
            "1: sent again on the same, all, no token",
            "1: \"B\"",
            "0: \"A\"",
            "1: completed, rb",
            "0: completed, ra",
        ],
        seen: vec![(0, None, 1), (0, None, 1)],
    }
}

/// Every story, in one way of moving bytes.
macro_rules! ways {
    ($($name:ident: $hold:path;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn broken_after_output() {
                everywhere(BOTH, $hold, super::broken_after_output);
            }

            #[test]
            fn broken_before_output() {
                everywhere(BOTH, $hold, super::broken_before_output);
            }

            #[test]
            fn closed_while_idle() {
                everywhere(BOTH, $hold, super::closed_while_idle);
            }

            #[test]
            fn no_websocket() {
                everywhere(&[TransportPreference::Auto], $hold, |_| super::no_websocket());
            }

            #[test]
            fn another_key() {
                everywhere(BOTH, $hold, super::another_key);
            }

            #[test]
            fn given_up() {
                everywhere(BOTH, $hold, super::given_up);
            }

            #[test]
            fn drained() {
                everywhere(&[TransportPreference::WebSocket], $hold, |_| super::drained());
            }

            #[test]
            fn prewarmed() {
                everywhere(BOTH, $hold, super::prewarmed);
            }

            #[test]
            fn two_lanes() {
                everywhere(&[TransportPreference::WebSocket], $hold, |_| super::two_lanes());
            }
        })*
    };
}

ways! {
    on_tokio: crate::tokio::hold;
    on_async_std: crate::async_io::hold_on_async_std;
    on_smol: crate::async_io::hold_on_smol;
    on_a_custom_loop: crate::custom::hold;
    on_a_blocking_thread: crate::custom::hold_blocking;
    dropping_on_tokio: crate::pending_io::hold_on_tokio;
    dropping_on_async_std: crate::pending_io::hold_on_async_std;
    dropping_on_smol: crate::pending_io::hold_on_smol;
}
