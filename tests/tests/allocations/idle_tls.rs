//! The memory of TLS sessions that wait.

use std::sync::Arc;

use allocation_counter::measure;
use turnwire_rustls::rustls::RootCertStore;
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;
use turnwire_rustls::{TlsSession, client_config_with_roots, server_config};

/// Passes on all ciphertext, and returns the number of bytes that the receiver read.
fn pass(from: &mut TlsSession, to: &mut TlsSession) -> usize {
    let mut read = 0;
    while !from.poll_transmit().is_empty() {
        let bytes = from.poll_transmit().to_vec();
        from.handle_written(bytes.len());
        for part in bytes.chunks(1400) {
            to.handle_input(part).expect("a session that holds");
            let length = to.poll_plaintext().len();
            to.consume_plaintext(length);
            read += length;
        }
    }
    read
}

#[test]
fn idle_session_holds_no_buffer_beyond_that_of_rustls() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let trust = client_config_with_roots(roots).expect("a configuration");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let shown = server_config(vec![made.cert.der().clone()], key).expect("a configuration");
    let mut sessions = None;
    measure(|| {
        let client = TlsSession::client(Arc::clone(&trust), "localhost").expect("a name");
        let server = TlsSession::server(Arc::clone(&shown)).expect("a session");
        let (client, server) = sessions.insert((client, server));
        while client.is_handshaking() || server.is_handshaking() {
            pass(client, server);
            pass(server, client);
        }
        let text = [7; 100_000];
        for ends in [true, false, true] {
            let (from, to) = if ends { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
            let (mut sent, mut read) = (0, 0);
            while sent < text.len() {
                sent += from.encrypt(&text[sent..]);
                read += pass(from, to);
            }
            assert_eq!(read, text.len());
        }
    });
    let (client, server) = sessions.expect("it was created");
    for (end, session) in [("client", client), ("server", server)] {
        let held = -measure(|| drop(session)).bytes_current;
        assert!(held <= 9 * 1024, "the {end} holds {held} bytes");
    }
}
