//! Laws of the `connection` layer: one end that reads arbitrary input, and two ends that exchange messages.

use std::time::Duration;

use turnwire::connection::{
    ClientConnection, CloseReason, ExpectedBody, OutgoingRequest, ServerConnection, Transport,
    client::{Config, Event},
    server,
};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::{Decoder, Limits, Message, Role};

use crate::chunks::Chunks;

const START: Instant = Instant::from_duration(Duration::from_secs(1000));

/// The result of a client connection for an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its events, formatted for comparison.
    pub events: Vec<String>,
    /// What it wrote after its request, message by message, without pongs: only the newest ping needs a pong (RFC 6455
    /// §5.5.3), so their number depends on when they are written.
    pub written: Vec<String>,
    /// The close reason.
    pub closed: Option<CloseReason>,
}

fn config() -> Config {
    let mut config = Config::new("localhost");
    config.max_backlog = 64 * 1024;
    config.ping_interval = Some(Duration::from_secs(25));
    config.gzip = Some(turnwire::http::gzip::Limits::default());
    config
}

fn server_config() -> server::Config {
    let mut config = server::Config::new();
    config.max_backlog = 64 * 1024;
    config.ping_interval = Some(Duration::from_secs(25));
    config
}

fn format_event(event: &Event<'_>) -> String {
    match event {
        Event::Server(event) => event.to_json(),
        Event::Malformed { text, .. } => format!("malformed {text}"),
        Event::Body { head, body } | Event::Rejected { head, body } => format!("{} {body:?}", head.status()),
        other => format!("{other:?}"),
    }
}

fn post(expect: ExpectedBody) -> OutgoingRequest {
    OutgoingRequest::new("/v1/responses", Headers::new(), b"{}".to_vec(), expect)
}

/// Creates a connection that has sent a request. Returns also the bytes that a server sends before the response.
fn client_with_request(transport: Transport, expect: ExpectedBody) -> (ClientConnection, Vec<u8>) {
    let mut client = ClientConnection::new(config(), transport, [1; 32]);
    match transport {
        Transport::Http => {
            client.send_request(START, post(expect)).expect("a request");
            let length = client.poll_transmit().len();
            client.handle_written(START, length);
            (client, Vec::new())
        }
        Transport::WebSocket => {
            client.upgrade(START, "/v1/responses", &Headers::new()).expect("a handshake");
            let mut server = ServerConnection::new(server_config(), [2; 32]);
            server.handle_input(START, client.poll_transmit());
            let length = client.poll_transmit().len();
            client.handle_written(START, length);
            assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
            server.accept(START, &Headers::new()).expect("an upgrade");
            let head = server.poll_transmit().to_vec();
            (client, head)
        }
    }
}

/// Reads `input` in these reads, then the end. `extra_polls`: calls `poll_*` more often than needed.
pub fn observe(
    transport: Transport,
    expect: ExpectedBody,
    input: &[u8],
    chunks: &Chunks,
    extra_polls: bool,
) -> Result<Observed, String> {
    let (mut client, mut bytes) = client_with_request(transport, expect);
    if transport == Transport::WebSocket {
        client.handle_input(START, &bytes);
        bytes.clear();
        client.send_request_message(START, None, r#"{"type":"response.create"}"#).map_err(|why| why.to_string())?;
        let length = client.poll_transmit().len();
        client.handle_written(START, length);
    }
    bytes.extend_from_slice(input);
    let mut observed = Observed { events: Vec::new(), written: Vec::new(), closed: None };
    let mut written = Vec::new();
    for read in chunks.cut(&bytes) {
        client.handle_input(START, read);
        if extra_polls {
            poll_all(&client);
        }
        collect(&mut client, &mut observed, &mut written)?;
    }
    client.handle_eof(START);
    collect(&mut client, &mut observed, &mut written)?;
    observed.written = messages(transport, &written)?;
    if observed.closed.is_none() {
        return Err("the input ended without a close reason".into());
    }
    check_closed(&mut client)?;
    Ok(observed)
}

fn poll_all(client: &ClientConnection) {
    let _ = (client.poll_timeout(), client.poll_transmit().len(), client.wants_input(), client.is_finished());
    let _ = (client.state(None), client.state(Some("a")), client.unmatched_events());
}

/// Polls the available events. Law 3: no event follows the close reason.
fn collect(client: &mut ClientConnection, observed: &mut Observed, written: &mut Vec<u8>) -> Result<(), String> {
    loop {
        // A pending reply is written only after everything before it: write first, as a prompt event loop does.
        let length = client.poll_transmit().len();
        written.extend_from_slice(client.poll_transmit());
        client.handle_written(START, length);
        let Some(event) = client.poll_event() else { return Ok(()) };
        if observed.closed.is_some() {
            return Err(format!("event after the close reason: {event:?}"));
        }
        if let Event::Closed(closed) = &event {
            observed.closed = Some((*closed).clone());
        }
        observed.events.push(format_event(&event));
    }
}

/// Decodes what a client wrote, without the pongs.
fn messages(transport: Transport, written: &[u8]) -> Result<Vec<String>, String> {
    if transport == Transport::Http {
        return Ok(Vec::from_iter((!written.is_empty()).then(|| format!("{written:?}"))));
    }
    let mut decoder = Decoder::new(Role::Server, Limits::default(), None);
    let (mut rest, mut messages) = (written, Vec::new());
    loop {
        match decoder.decode(&mut rest) {
            Ok(None) => return Ok(messages),
            Ok(Some(Message::Pong(_))) => {}
            Ok(Some(message)) => messages.push(format!("{message:?}")),
            Err(error) => return Err(format!("the client's output cannot be decoded: {error}")),
        }
    }
}

/// Law 3: a connection with a close reason takes no input and emits no event.
fn check_closed(client: &mut ClientConnection) -> Result<(), String> {
    client.handle_input(START, b"HTTP/1.1 200 OK\r\n\r\n\x81\x02{}");
    client.handle_eof(START);
    client.handle_timeout(START + Duration::from_secs(100_000));
    client.close(START, 1000);
    let refused = client.send_request_message(START, None, "{}").is_err()
        && client.send_request(START, post(ExpectedBody::Whole)).is_err();
    let quiet = client.poll_event().is_none() && client.poll_transmit().is_empty() && client.poll_timeout().is_none();
    match refused && quiet && client.is_finished() && !client.wants_input() {
        true => Ok(()),
        false => Err(format!("the connection is closed but continues: {client:?}")),
    }
}

/// Laws 1, 3 and 6: every split into reads gives the same events, with and without extra polls.
pub fn chunking(transport: Transport, expect: ExpectedBody, input: &[u8], chunks: &Chunks) -> Result<Observed, String> {
    let whole = observe(transport, expect, input, &Chunks::Whole, false)?;
    let cut = observe(transport, expect, input, chunks, true)?;
    if whole == cut { Ok(whole) } else { Err(format!("{chunks:?}: {cut:?}, but whole: {whole:?}")) }
}

/// Law 7: if the time is reported at every deadline, each next deadline is later, and at some time there is none.
pub fn deadlines(transport: Transport, expect: ExpectedBody, input: &[u8]) -> Result<(), String> {
    let (mut client, mut bytes) = client_with_request(transport, expect);
    bytes.extend_from_slice(input);
    client.handle_input(START, &bytes);
    let mut now = START;
    for _ in 0..2000 {
        if client.poll_event().is_some() {
            continue;
        }
        let Some(at) = client.poll_timeout() else { return Ok(()) };
        // A peer that receives output is pinged for ever; one hour is enough.
        if at.saturating_duration_since(START) > Duration::from_secs(3600) {
            return Ok(());
        }
        now = now.max(at);
        client.handle_timeout(now);
        if client.poll_timeout().is_some_and(|next| next <= now) {
            return Err(format!("at {now:?} the next deadline is not later"));
        }
        let written = client.poll_transmit().len();
        client.handle_written(now, written);
    }
    Err("deadlines never end".into())
}

/// Law 4: a caller that honours `wants_input` holds at most the limit and one read of unpolled input.
pub fn bounded(transport: Transport, unit: &[u8]) -> Result<(), String> {
    let (mut client, head) = client_with_request(transport, ExpectedBody::EventStream);
    client.handle_input(START, &head);
    if transport == Transport::Http {
        client.handle_input(START, b"HTTP/1.1 200 OK\r\n\r\n");
    }
    let mut given = 0;
    while client.wants_input() {
        client.handle_input(START, unit);
        given += unit.len();
        if given > 4 * config().max_backlog + unit.len() {
            // Bytes that cause no event take no memory.
            let of_heads = |event: Event<'_>| matches!(event, Event::Upgraded { .. } | Event::Head { .. });
            while let Some(event) = client.poll_event() {
                if !of_heads(event) {
                    return Err(format!("{given} bytes are queued, and the connection still wants input"));
                }
            }
            return Ok(());
        }
    }
    Ok(())
}

/// Law 8: each end receives what the other sends, and with no bytes in transit both agree on the state of every lane.
pub fn mirror(transport: Transport, script: &[u8], chunks: &Chunks) -> Result<(), String> {
    let mut client = ClientConnection::new(config(), transport, [1; 32]);
    let mut server = ServerConnection::new(server_config(), [2; 32]);
    let lanes: &[Option<&str>] = match transport {
        Transport::Http => &[None],
        Transport::WebSocket => &[None, Some("a"), Some("b")],
    };
    if transport == Transport::WebSocket {
        client.upgrade(START, "/", &Headers::new()).map_err(|why| why.to_string())?;
        exchange(&mut client, &mut server, chunks);
        server.accept(START, &Headers::new()).map_err(|why| why.to_string())?;
        exchange(&mut client, &mut server, chunks);
    }
    for (at, byte) in script.iter().enumerate() {
        let lane = lanes[usize::from(byte >> 4) % lanes.len()];
        let named = |event: &str| match lane {
            Some(lane) => event.replacen('{', &format!(r#"{{"stream_id":"{lane}","#), 1),
            None => event.to_owned(),
        };
        let sent = match byte & 15 {
            0..=3 if transport == Transport::WebSocket => {
                client.send_request_message(START, lane, &named(r#"{"type":"response.create"}"#)).is_ok()
            }
            0..=3 => {
                client.send_request(START, post(ExpectedBody::EventStream)).is_ok() && {
                    exchange(&mut client, &mut server, chunks);
                    server.begin_stream(START, &Headers::new()).is_ok()
                }
            }
            kind => {
                // The server sends only events that the state table allows.
                let id = format!("r{at}");
                let event = match kind {
                    4 | 5 => format!(r#"{{"type":"response.created","response":{{"id":"{id}"}}}}"#),
                    6..=10 => r#"{"type":"response.output_text.delta","delta":"x"}"#.to_owned(),
                    11 | 12 => format!(r#"{{"type":"response.completed","response":{{"id":"{id}"}}}}"#),
                    13 => format!(r#"{{"type":"response.failed","response":{{"id":"{id}"}}}}"#),
                    _ => r#"{"type":"response.metadata","headers":{}}"#.to_owned(),
                };
                let in_flight = server.state(lane).is_in_flight();
                let sent = in_flight && server.send(START, &named(&event)).is_ok();
                if sent && transport == Transport::Http && !server.state(lane).is_in_flight() {
                    server.end_stream(START).map_err(|why| why.to_string())?;
                }
                sent
            }
        };
        let (up, down) = exchange(&mut client, &mut server, chunks);
        if sent && up + down == 0 {
            return Err(format!("operation {at} was sent but not received"));
        }
        for lane in lanes {
            if client.state(*lane) != server.state(*lane) {
                let (one, two) = (client.state(*lane), server.state(*lane));
                return Err(format!("lane {lane:?}: the client has state {one:?}, the server {two:?}"));
            }
        }
    }
    Ok(())
}

/// Delivers all bytes in transit. Returns the number of events at each end.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, chunks: &Chunks) -> (usize, usize) {
    let (mut up, mut down) = (0, 0);
    loop {
        let bytes = client.poll_transmit().to_vec();
        client.handle_written(START, bytes.len());
        chunks.cut(&bytes).into_iter().for_each(|read| server.handle_input(START, read));
        let back = server.poll_transmit().to_vec();
        server.handle_written(START, back.len());
        chunks.cut(&back).into_iter().for_each(|read| client.handle_input(START, read));
        while server.poll_event().is_some() {
            up += 1;
        }
        while client.poll_event().is_some() {
            down += 1;
        }
        if bytes.is_empty() && back.is_empty() {
            return (up, down);
        }
    }
}

/// All of these laws over arbitrary input: the first bytes choose the transport, the expected body and the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let transport = if choice & 1 == 0 { Transport::Http } else { Transport::WebSocket };
    let expect = if choice & 2 == 0 { ExpectedBody::EventStream } else { ExpectedBody::Whole };
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15) + 1, usize::from(sizes >> 4)]);
    let framed;
    let bytes = match choice >> 2 & 3 {
        // Arbitrary bytes.
        0 => input,
        // Arbitrary bytes as a body, or in frames.
        _ => {
            framed = frame(transport, input, choice & 16 != 0);
            &framed
        }
    };
    chunking(transport, expect, bytes, &chunks)?;
    deadlines(transport, expect, bytes)?;
    mirror(transport, &input[..input.len().min(64)], &chunks)
}

/// Frames `input` as a valid response: chunked or until close, or as one WebSocket message per line.
fn frame(transport: Transport, input: &[u8], chunked: bool) -> Vec<u8> {
    match transport {
        Transport::Http if chunked => {
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for part in input.chunks(20) {
                bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            bytes
        }
        Transport::Http => [b"HTTP/1.1 200 OK\r\n\r\n", input].concat(),
        Transport::WebSocket => {
            let line = |line: &[u8]| {
                let line = &line[..line.len().min(125)];
                let length = u8::try_from(line.len()).unwrap_or_default();
                [&[0x81, length], line].concat()
            };
            input.split(|byte| *byte == b'\n').flat_map(line).collect()
        }
    }
}
