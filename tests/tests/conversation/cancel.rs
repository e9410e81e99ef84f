//! Law 12: dropping `next()` at any await point loses nothing.
//!
//! The conversation is held once more, by a client and a server that drop the future of `next()` each time it has to wait, over
//! sockets that make it wait before every step. Both count how often they dropped one, and the same must come of the
//! conversation as always.

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::scenario::{self, Talk};
use crate::setup::Place;

/// Holds the conversation, and judges it.
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
