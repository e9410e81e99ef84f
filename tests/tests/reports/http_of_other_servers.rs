//! HTTP that a client accepts and a server rejects (RFC 9112 §2.2, §6.1, §6.3; RFC 9110 §8.4, §15.2.2).

use turnwire::client::{Settings, TransportPreference};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

use crate::{BEGIN, END, completed, each_cut, events, frame, stream, text};

fn body() -> String {
    events(&format!("{BEGIN}\n{END}"))
}

#[test]
fn rfc9112_6_3_chunked_counts_beside_a_content_length() {
    let body = body();
    let bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    each_cut(bytes.as_bytes(), completed);
}

#[test]
fn rfc9110_8_4_names_without_coding_mean_identity() {
    for coding in ["none", "utf-8", "identity", "", "NONE"] {
        let bytes = String::from_utf8(stream(&format!("{BEGIN}\n{END}"))).expect("text");
        let bytes = bytes.replacen("\r\n", &format!("\r\nContent-Encoding: {coding}\r\n"), 1);
        each_cut(bytes.as_bytes(), completed);
    }
}

#[test]
fn rfc9112_2_2_bare_line_feed_ends_head_line() {
    let body = body();
    let bytes = format!("HTTP/1.1 200 OK\nContent-Type: text/event-stream\nContent-Length: {}\n\n{body}", body.len());
    each_cut(bytes.as_bytes(), completed);
}

#[test]
fn rfc9110_15_2_2_status_101_has_no_body() {
    let wait = core::time::Duration::from_millis(10);
    // The same seed gives the same key.
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut first = Pair::new(provider(), settings.clone(), Script::new());
    first.ask(ask("hello"));
    let accepted = String::from_utf8_lossy(&first.carried[0].1).into_owned();
    let accept =
        accepted.lines().find(|line| line.to_ascii_lowercase().starts_with("sec-websocket-accept")).expect("it");
    for header in ["Transfer-Encoding: chunked", "Content-Length: 5", "Content-Length: x"] {
        for chunks in [Chunks::Whole, Chunks::Bytes] {
            let payloads = format!("{BEGIN}\n{END}");
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{accept}\r\n{header}\r\n\r\n"
            );
            let frames: Vec<u8> = payloads.lines().flat_map(frame).collect();
            let script =
                Script::new().on(Kind::Upgrade, vec![Act::Raw(head.into_bytes()), Act::Wait(wait), Act::Raw(frames)]);
            let mut pair = Pair::new(provider(), settings.clone(), script);
            pair.down = chunks;
            let id = pair.ask(ask("hello"));
            pair.run_out();
            pair.completed(id);
            assert_eq!(text(&pair, id), "Hi");
        }
    }
}
