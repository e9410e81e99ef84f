//! A client with requests on lanes, and the events that it is told.

use turnwire::connection::client::{self, Event};
use turnwire::connection::{ClientConnection, server};
use turnwire::time::Instant;
use turnwire::turn::RequestState;
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::open_websocket::open_websocket;

const NOW: Instant = Instant::ZERO;

/// A client with an open WebSocket, and the codec of its peer.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    peer: WebSocket,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let (client, _) = open_websocket(NOW, client::Config::new("localhost"), server::Config::new());
        Self { client, peer: WebSocket::new(Role::Server, Limits::default(), None, [3; 32]) }
    }

    pub(crate) fn request(&mut self, lane: Option<&str>) {
        self.client.send_request_message(NOW, lane, r#"{"type":"response.create"}"#).expect("a free lane");
        self.client.handle_written(NOW, usize::MAX);
    }

    /// Delivers an event to the client. Returns the number of events and violations that it reports.
    pub(crate) fn hear(&mut self, event: &str) -> (usize, usize) {
        let mut bytes = Vec::new();
        self.peer.send(Message::Text(event), &mut bytes).expect("a message");
        self.client.handle_input(NOW, &bytes);
        let (mut events, mut violations) = (0, 0);
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Server(_) => events += 1,
                Event::Violation(_) => violations += 1,
                other => panic!("{other:?}"),
            }
        }
        (events, violations)
    }

    pub(crate) fn state(&self, lane: Option<&str>) -> RequestState {
        self.client.state(lane)
    }
}

pub(crate) const EXPECTED: (usize, usize) = (1, 0);
pub(crate) const UNMATCHED: (usize, usize) = (0, 0);

pub(crate) fn created(id: &str, lane: &str) -> String {
    format!(r#"{{"type":"response.created","response":{{"id":"{id}"}}{lane}}}"#)
}

pub(crate) fn completed(id: &str, lane: &str) -> String {
    format!(r#"{{"type":"response.completed","response":{{"id":"{id}"}}{lane}}}"#)
}

pub(crate) fn delta(item: &str, rest: &str) -> String {
    format!(r#"{{"type":"response.output_text.delta","item_id":"{item}","delta":"x"{rest}}}"#)
}
