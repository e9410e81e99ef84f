//! Law 12: dropping the future of `next()` at any await point loses nothing.
//!
//! Client and server drop the future of `next()` each time that it returns `Pending`, over sockets that return
//! `Pending` before every step. Both count the drops, and the conversation must have the same result as without drops.

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::scenario::{self, DemoConversation};
use crate::setup::TransportSetup;

/// Runs the conversation and checks its result.
fn run(
    choice: TransportPreference,
    tls: bool,
    by: impl FnOnce(TransportSetup, &mut DemoConversation, &Arc<ScriptedServer>),
) {
    let (mut run_client, scripted) = (DemoConversation::default(), Arc::new(scenario::scripted()));
    by(TransportSetup { choice, tls }, &mut run_client, &scripted);
    run_client.check(choice, &scripted);
}

macro_rules! every_runtime {
    ($($name:ident: $run:path;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn websocket_plain() {
                run(TransportPreference::WebSocket, false, $run);
            }

            #[test]
            fn websocket_tls() {
                run(TransportPreference::WebSocket, true, $run);
            }

            #[test]
            fn sse_plain() {
                run(TransportPreference::Http, false, $run);
            }

            #[test]
            fn sse_tls() {
                run(TransportPreference::Http, true, $run);
            }
        })*
    };
}

every_runtime! {
    on_tokio: crate::pending_io::run_on_tokio;
    on_smol: crate::pending_io::run_on_smol;
    on_async_std: crate::pending_io::run_on_async_std;
}
