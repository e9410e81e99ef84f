//! The memory of WebSockets that wait for the next request, after they have used permessage-deflate.

use allocation_counter::measure;
use turnwire::connection::{ClientConnection, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::deflate::{Offer, Params, ServerPolicy};
use turnwire::ws::{Limits, Message, Role, WebSocket};
use turnwire_tests::laws::ws::peer;

const NOW: Instant = Instant::ZERO;

/// Text that compresses to about half of its length.
fn text(length: usize) -> String {
    let mut state = 1_u32;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 28) as u8)
    });
    letters.take(length).collect()
}

/// Passes on all bytes that wait on either side, and polls all events.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection) {
    while !client.poll_transmit().is_empty() || !server.poll_transmit().is_empty() {
        let sent = client.poll_transmit().to_vec();
        client.handle_written(NOW, sent.len());
        for read in sent.chunks(1400) {
            server.handle_input(NOW, read);
        }
        while server.poll_event().is_some() {}
        let sent = server.poll_transmit().to_vec();
        server.handle_written(NOW, sent.len());
        for read in sent.chunks(1400) {
            client.handle_input(NOW, read);
        }
        while client.poll_event().is_some() {}
    }
}

fn turn(client: &mut ClientConnection, server: &mut ServerConnection, text: &str) {
    let request = format!(r#"{{"type":"response.create","input":"{text}"}}"#);
    client.send_request_message(NOW, None, &request).expect("no request is in flight");
    exchange(client, server);
    server.send(NOW, r#"{"type":"response.created","response":{"id":"resp_1"}}"#).expect("the WebSocket is open");
    for delta in text.as_bytes().chunks(1000) {
        let delta = std::str::from_utf8(delta).expect("ASCII");
        let event = format!(r#"{{"type":"response.output_text.delta","item_id":"m","delta":"{delta}"}}"#);
        server.send(NOW, &event).expect("the WebSocket is open");
        exchange(client, server);
    }
    server.send(NOW, r#"{"type":"response.completed","response":{"id":"resp_1"}}"#).expect("the WebSocket is open");
    exchange(client, server);
}

/// The bytes that a client's and a server's connection hold after some turns, beyond their own size.
fn held(offer: Option<Offer>, policy: Option<ServerPolicy>, turns: usize) -> (i64, i64) {
    let (mut client, mut server) = (None, None);
    let text = text(100_000);
    let all = measure(|| {
        let mut config = client::Config::new("localhost");
        config.deflate_offer = offer;
        let mut server_config = server::Config::new();
        server_config.deflate_policy = policy;
        let client = client.insert(ClientConnection::new(config, Transport::WebSocket, [1; 32]));
        let server = server.insert(ServerConnection::new(server_config, [2; 32]));
        client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("it is new");
        exchange(client, server);
        server.accept(NOW, &Headers::new()).expect("a handshake waits");
        exchange(client, server);
        for _ in 0..turns {
            turn(client, server, &text);
        }
    });
    let client = measure(|| drop(client)).bytes_current;
    let server = measure(|| drop(server)).bytes_current;
    assert_eq!(client + server, -all.bytes_current, "all that is held is the connections'");
    (-client, -server)
}

#[test]
fn idle_websocket_after_deflate_holds_one_window() {
    let (client, server) = held(Some(Offer::default()), Some(ServerPolicy::default()), 2);
    let both = 32 * 1024 + 8 * 1024 + 4 * 1024;
    assert!(server <= both, "the server holds {server} bytes");
    // A client keeps the arena of its event queue for the next response.
    assert!(client <= both + 64 * 1024, "the client holds {client} bytes");
}

#[test]
fn idle_websocket_without_context_takeover_holds_no_window() {
    let policy = ServerPolicy::default().with_server_no_context_takeover(true).with_client_no_context_takeover(true);
    let without = held(None, None, 2);
    let with = held(Some(Offer::default()), Some(policy), 2);
    assert!(with.0 <= without.0 + 4096, "the client holds {} bytes, and {} without deflate", with.0, without.0);
    assert!(with.1 <= without.1 + 4096, "the server holds {} bytes, and {} without deflate", with.1, without.1);
    assert!(without.1 <= 8 * 1024, "the server holds {} bytes without deflate", without.1);
}

#[test]
fn websocket_that_negotiated_deflate_but_never_used_it_holds_nothing_for_it() {
    let (without, with) = (held(None, None, 0), held(Some(Offer::default()), Some(ServerPolicy::default()), 0));
    assert!(with.0 <= without.0 + 512 && with.1 <= without.1 + 512, "{with:?}, and {without:?} without deflate");
}

#[test]
fn websocket_released_within_a_message_goes_on() {
    for role in [Role::Client, Role::Server] {
        let socket = |role| WebSocket::new(role, Limits::default(), Some(&Params::default()), [3; 32]);
        let (mut sender, mut receiver, text) = (socket(peer(role)), socket(role), text(3000));
        for _ in 0..3 {
            let mut bytes = Vec::new();
            sender.send(Message::Text(&text), &mut bytes).expect("it is open");
            sender.release_output_memory();
            let mut whole = None;
            for mut byte in bytes.chunks(1) {
                if let Some(message) = receiver.decode(&mut byte).expect("a valid message") {
                    whole = Some(message == Message::Text(&text));
                }
                receiver.release_input_memory();
            }
            assert_eq!(whole, Some(true), "{role:?}");
        }
    }
}

/// The bytes that a server sends to two requests that arrive in reads of this size. It responds to each event at once.
fn responses(requests: &[u8], handshake: &[u8], size: usize) -> Vec<u8> {
    let mut config = server::Config::new();
    config.deflate_policy = Some(ServerPolicy::default());
    let mut server = ServerConnection::new(config, [2; 32]);
    server.handle_input(NOW, handshake);
    while server.poll_event().is_some() {}
    server.accept(NOW, &Headers::new()).expect("a handshake waits");
    let (mut out, text) = (Vec::new(), text(20_000));
    for read in requests.chunks(size) {
        server.handle_input(NOW, read);
        while let Some(server::Event::Text { lane: Some(lane), .. }) = server.poll_event() {
            for members in [
                r#""type":"response.created","response":{"id":"r"}"#.to_owned(),
                format!(r#""type":"response.output_text.delta","delta":"{text}""#),
                r#""type":"response.completed","response":{"id":"r"}"#.to_owned(),
            ] {
                server.send(NOW, &format!(r#"{{"stream_id":"{lane}",{members}}}"#)).expect("it is open");
            }
        }
        out.extend_from_slice(server.poll_transmit());
        server.handle_written(NOW, server.poll_transmit().len());
    }
    out
}

#[test]
fn compressed_output_does_not_depend_on_how_requests_arrive() {
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::WebSocket, [1; 32]);
    let mut server_config = server::Config::new();
    server_config.deflate_policy = Some(ServerPolicy::default());
    let mut server = ServerConnection::new(server_config, [2; 32]);
    client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("it is new");
    let handshake = client.poll_transmit().to_vec();
    client.handle_written(NOW, handshake.len());
    server.handle_input(NOW, &handshake);
    while server.poll_event().is_some() {}
    server.accept(NOW, &Headers::new()).expect("a handshake waits");
    client.handle_input(NOW, server.poll_transmit());
    while client.poll_event().is_some() {}
    for lane in ["a", "b"] {
        let request = format!(r#"{{"type":"response.create","stream_id":"{lane}","input":"{}"}}"#, text(3000));
        client.send_request_message(NOW, Some(lane), &request).expect("the lane is free");
    }
    let requests = client.poll_transmit().to_vec();
    let whole = responses(&requests, &handshake, requests.len());
    assert!(whole.len() > 20_000, "{} bytes", whole.len());
    for size in [1, 100, requests.len() / 2 + 10] {
        assert!(responses(&requests, &handshake, size) == whole, "in reads of {size} bytes");
    }
}
