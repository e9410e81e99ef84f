//! Law 12: dropping `next()` at any await point loses nothing.
//!
//! The conversation is held once more, by a client and a server that drop the future of `next()` each time it has to wait, over
//! sockets that make it wait before every step. Both count how often they dropped one, and the same must come of the
//! conversation as always.

#[expect(dead_code, reason = "only a listener is needed of it")]
#[path = "conversation/async_io.rs"]
mod async_io;
#[path = "conversation/ends.rs"]
mod ends;
#[path = "conversation/hesitant.rs"]
mod hesitant;
#[path = "conversation/place.rs"]
mod place;
#[path = "conversation/talk.rs"]
mod talk;

use std::sync::Arc;

use turnwire::client::TransportPreference;
use turnwire_cli::serve::ScriptedServer;

use crate::place::Place;
use crate::talk::Talk;

/// Holds the conversation, and judges it.
fn hold(choice: TransportPreference, tls: bool, by: impl FnOnce(Place, &mut Talk, &Arc<ScriptedServer>)) {
    let (mut talk, scripted) = (Talk::default(), Arc::new(talk::scripted()));
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
    on_tokio: hesitant::hold_on_tokio;
    on_smol: hesitant::hold_on_smol;
    on_async_std: hesitant::hold_on_async_std;
}
