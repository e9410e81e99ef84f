//! A client's and a server's connection with an open WebSocket between them.

use turnwire::connection::{ClientConnection, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;

/// Opens a WebSocket at this time. Neither end has output or events left.
///
/// # Panics
///
/// If one of the ends does not accept the handshake.
#[must_use]
pub fn open_websocket(
    now: Instant,
    client: client::Config,
    server: server::Config,
) -> (ClientConnection, ServerConnection) {
    let mut client = ClientConnection::new(client, Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server, [2; 32]);
    client.upgrade(now, "/v1/responses", &Headers::new()).expect("the connection is new");
    server.handle_input(now, client.poll_transmit());
    client.handle_written(now, usize::MAX);
    assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
    server.accept(now, &Headers::new()).expect("a handshake waits");
    client.handle_input(now, server.poll_transmit());
    server.handle_written(now, usize::MAX);
    assert!(matches!(client.poll_event(), Some(client::Event::Upgraded { .. })));
    assert!(client.poll_event().is_none());
    (client, server)
}
