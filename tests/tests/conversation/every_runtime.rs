//! One conversation on tokio, on async-std, on smol, on a thread with a custom loop, with the blocking adapter, and in
//! memory; over both transports, with and without TLS.
//!
//! `scenario.rs` contains the conversation and its expected result, the same for all. The runtimes only move bytes.

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::scenario::{self, Talk};
use crate::setup::Place;

/// Runs the conversation and checks its result.
fn hold(place: Place, by: impl FnOnce(Place, &mut Talk, &Arc<ScriptedServer>)) {
    let (mut talk, scripted) = (Talk::default(), Arc::new(scenario::scripted()));
    by(place, &mut talk, &scripted);
    talk.judge(place.choice, &scripted);
}

/// The conversation on every runtime, over this transport, with or without TLS.
macro_rules! ways {
    ($($name:ident: $choice:ident, $tls:literal;)*) => {
        $(mod $name {
            use super::*;

            const PLACE: Place = Place { choice: TransportPreference::$choice, tls: $tls };

            #[test]
            fn on_tokio() {
                hold(PLACE, crate::tokio::hold);
            }

            #[test]
            fn on_async_std() {
                hold(PLACE, crate::async_io::hold_on_async_std);
            }

            #[test]
            fn on_smol() {
                hold(PLACE, crate::async_io::hold_on_smol);
            }

            #[test]
            fn on_a_custom_loop() {
                hold(PLACE, crate::custom::hold);
            }

            #[test]
            fn on_a_blocking_thread() {
                hold(PLACE, crate::custom::hold_blocking);
            }

            #[test]
            fn in_memory() {
                crate::memory::hold(PLACE);
            }
        })*
    };
}

ways! {
    websocket_plain: WebSocket, false;
    websocket_tls: WebSocket, true;
    http_plain: Http, false;
    http_tls: Http, true;
}
