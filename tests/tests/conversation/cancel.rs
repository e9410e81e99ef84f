//! Law 12: dropping the future of `next()` at any await point loses nothing.
//!
//! Client and server drop the future of `next()` each time that it returns `Pending`, over sockets that return
//! `Pending` before every step. Both count the drops, and the conversation must have the same result as without drops.

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::scenario::{self, Talk};
use crate::setup::Place;

/// Runs the conversation and checks its result.
fn hold(choice: TransportPreference, tls: bool, by: impl FnOnce(Place, &mut Talk, &Arc<ScriptedServer>)) {
    let (mut talk, scripted) = (Talk::default(), Arc::new(scenario::scripted()));
    by(Place { choice, tls }, &mut talk, &scripted);
    talk.judge(choice, &scripted);
}

macro_rules! ways {
    ($($name:ident: $hold:path;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn websocket_plain() {
                hold(TransportPreference::WebSocket, false, $hold);
            }

            #[test]
            fn websocket_tls() {
                hold(TransportPreference::WebSocket, true, $hold);
            }

            #[test]
            fn sse_plain() {
                hold(TransportPreference::Http, false, $hold);
            }

            #[test]
            fn sse_tls() {
                hold(TransportPreference::Http, true, $hold);
            }
        })*
    };
}

ways! {
    on_tokio: crate::pending_io::hold_on_tokio;
    on_smol: crate::pending_io::hold_on_smol;
    on_async_std: crate::pending_io::hold_on_async_std;
}
