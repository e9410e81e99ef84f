//! The run in memory: a client and a `ServerConnection`, a TLS session at each end where TLS is used, reads of 7 bytes,
//! and a constant clock.

use turnwire::client::{Client, SocketCommand};
use turnwire::connection::ServerConnection;
use turnwire::time::Instant;
use turnwire_cli::serve::{self, OwnedRequest, ScriptedServer};
use turnwire_rustls::TlsSession;

use crate::endpoints::{self, Application as _};
use crate::scenario::{self, DemoConversation};
use crate::setup::TransportSetup;

const NOW: Instant = Instant::ZERO;

/// Number of bytes per read.
const READ: usize = 7;

/// The TLS sessions of both ends.
struct Layers {
    client: TlsSession,
    server: TlsSession,
}

/// Runs the conversation.
pub(crate) fn run(setup: TransportSetup) {
    let (trust, shown) = setup.tls();
    let scripted = scenario::scripted();
    let mut client = endpoints::client(setup, ([127, 0, 0, 1], 443).into(), &DemoConversation::default());
    let mut server = ServerConnection::new(serve::config(true), [4; 32]);
    let mut layers = None;
    let mut run_client = DemoConversation::default();
    for _ in 0..100_000 {
        while let Some(event) = client.poll_event() {
            run_client.handle_event(&event);
        }
        run_client.command(NOW, &mut client);
        if client.is_finished() {
            return run_client.check(setup.choice, &scripted);
        }
        match client.poll_socket() {
            Some(SocketCommand::Connect(target)) => {
                assert_eq!((target.host.as_str(), target.tls), ("127.0.0.1", setup.tls));
                layers = shown.as_ref().map(|shown| Layers {
                    client: TlsSession::client(trust.clone(), &target.host).expect("a name"),
                    server: TlsSession::server(shown.clone()).expect("a session"),
                });
                if let Some(layers) = &mut layers {
                    handshake(layers);
                }
                client.handle_connected(NOW);
            }
            Some(SocketCommand::Disconnect) => server.handle_eof(NOW),
            None => {}
        }
        carry(&mut client, &mut server, layers.as_mut());
        answer(&mut server, &scripted);
    }
    panic!("the conversation does not end");
}

/// Performs the TLS handshake.
fn handshake(layers: &mut Layers) {
    while layers.client.is_handshaking() || layers.server.is_handshaking() {
        pass(&mut layers.client, &mut layers.server);
        pass(&mut layers.server, &mut layers.client);
    }
}

/// Passes ciphertext on.
fn pass(from: &mut TlsSession, to: &mut TlsSession) {
    let bytes = from.poll_transmit().to_vec();
    from.handle_written(bytes.len());
    for read in bytes.chunks(READ) {
        to.handle_input(read).expect("a session that holds");
    }
}

/// Transfers the pending output of both ends.
fn carry(client: &mut Client, server: &mut ServerConnection, layers: Option<&mut Layers>) {
    let Some(layers) = layers else {
        let up = client.poll_transmit().to_vec();
        client.handle_written(NOW, up.len());
        up.chunks(READ).for_each(|read| server.handle_input(NOW, read));
        let down = server.poll_transmit().to_vec();
        server.handle_written(NOW, down.len());
        return down.chunks(READ).for_each(|read| client.handle_input(NOW, read));
    };
    let taken = layers.client.encrypt(client.poll_transmit());
    client.handle_written(NOW, taken);
    pass(&mut layers.client, &mut layers.server);
    let up = layers.server.poll_plaintext().to_vec();
    layers.server.consume_plaintext(up.len());
    up.chunks(READ).for_each(|read| server.handle_input(NOW, read));
    let taken = layers.server.encrypt(server.poll_transmit());
    server.handle_written(NOW, taken);
    pass(&mut layers.server, &mut layers.client);
    let down = layers.client.poll_plaintext().to_vec();
    layers.client.consume_plaintext(down.len());
    down.chunks(READ).for_each(|read| client.handle_input(NOW, read));
}

fn answer(server: &mut ServerConnection, scripted: &ScriptedServer) {
    while let Some(incoming) = server.poll_event() {
        let received = OwnedRequest::from_incoming(&incoming);
        scripted.respond(NOW, server, received).expect("a connection that holds");
    }
}
