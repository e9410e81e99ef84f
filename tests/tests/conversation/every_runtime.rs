//! One conversation on tokio, on async-std, on smol, on a thread with a custom loop, with the blocking adapter, and in
//! memory; over both transports, with and without TLS.
//!
//! `scenario.rs` contains the conversation and its expected result, the same for all. The runtimes only move bytes.

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::scenario::{self, DemoConversation};
use crate::setup::TransportSetup;

/// Runs the conversation and checks its result.
fn run(setup: TransportSetup, by: impl FnOnce(TransportSetup, &mut DemoConversation, &Arc<ScriptedServer>)) {
    let (mut run_client, scripted) = (DemoConversation::default(), Arc::new(scenario::scripted()));
    by(setup, &mut run_client, &scripted);
    run_client.check(setup.choice, &scripted);
}

/// The conversation on every runtime, over this transport, with or without TLS.
macro_rules! every_runtime {
    ($($name:ident: $choice:ident, $tls:literal;)*) => {
        $(mod $name {
            use super::*;

            const PLACE: TransportSetup = TransportSetup { choice: TransportPreference::$choice, tls: $tls };

            #[test]
            fn on_tokio() {
                run(PLACE, crate::tokio::run);
            }

            #[test]
            fn on_async_std() {
                run(PLACE, crate::async_io::run_on_async_std);
            }

            #[test]
            fn on_smol() {
                run(PLACE, crate::async_io::run_on_smol);
            }

            #[test]
            fn on_a_custom_loop() {
                run(PLACE, crate::custom::run);
            }

            #[test]
            fn on_a_blocking_thread() {
                run(PLACE, crate::custom::run_blocking);
            }

            #[test]
            fn in_memory() {
                crate::memory::run(PLACE);
            }
        })*
    };
}

every_runtime! {
    websocket_plain: WebSocket, false;
    websocket_tls: WebSocket, true;
    http_plain: Http, false;
    http_tls: Http, true;
}
