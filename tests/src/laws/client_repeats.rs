//! The law of a whole client's fast path for deltas that repeat an earlier one except for a few values: it changes nothing.

use turnwire::client::{Client, Credentials, Event, Provider, Settings, SocketCommand};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::ServerEvent;
use turnwire::time::Instant;
use turnwire::ws::deflate::{Params, ServerPolicy};
use turnwire::ws::{Limits, Message, Role, WebSocket};

use super::repeats::delta;
use crate::fixtures::{ask, created, done0};

/// How the events are taken, and in reads of how many bytes they come.
#[derive(Clone, Copy, Debug)]
enum Taking {
    /// Polled after each read.
    Polled(usize),
    /// Delivered while a read is handled.
    Delivered(usize),
}

/// What carries the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Http,
    WebSocket,
    /// A WebSocket with permessage-deflate.
    Deflated,
}

/// How the bytes of a response end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With the event that completes it.
    Completed,
    /// With these bytes behind the payloads.
    Bytes(&'static [u8]),
    /// With a delta that is not UTF-8, compressed if the others are.
    NotUtf8,
    /// With a message that is longer than the limit, compressed if the others are.
    TooLong,
}

const NOW: Instant = Instant::ZERO;

/// The maximum length of a message.
const LIMIT: usize = 64 * 1024;

/// The length of what each event begins with.
const OWN: usize = r#"{"own":"000000","#.len();

/// A client reports of these payloads, as the events of one response, the same in large reads, where deltas that repeat the last one are
/// read in one go, and in reads that are smaller than a delta; the same polled and delivered; and the same if each event has a member of
/// its own, with which none repeats another. Each event is what its payload is by itself.
///
/// # Errors
///
/// The first difference.
pub fn clients_alike(payloads: &[&str]) -> Result<(), String> {
    let carriers = [Carrier::Http, Carrier::WebSocket, Carrier::Deflated];
    carriers.into_iter().try_for_each(|carrier| alike(payloads, carrier, End::Completed))
}

/// The same of WebSockets whose bytes end in other ways behind these payloads: within a message, or with one that is an error.
///
/// # Errors
///
/// The first difference.
pub fn ends_alike(payloads: &[&str]) -> Result<(), String> {
    for carrier in [Carrier::WebSocket, Carrier::Deflated] {
        for end in [
            End::Bytes(b""),
            End::Bytes(b"\xC1"),
            End::Bytes(b"\xC1\x05\xAA\x56"),
            End::Bytes(b"\xC1\x00"),
            End::Bytes(b"\xC1\x04\xFF\xFF\xFF\xFF"),
            // A ping, and then a text message in two frames.
            End::Bytes(b"\x89\x00\x01\x01{\x80\x01}"),
            End::Bytes(b"\x88\x02\x03\xE8\xC1\x00"),
            End::NotUtf8,
            End::TooLong,
        ] {
            alike(payloads, carrier, end)?;
        }
    }
    Ok(())
}

fn alike(payloads: &[&str], carrier: Carrier, end: End) -> Result<(), String> {
    let repeating = reported(payloads, carrier, end, false, Taking::Polled(usize::MAX))?;
    for (name, differs, taking) in [
        ("in small reads", false, Taking::Polled(61)),
        ("in reads of 700 bytes", false, Taking::Polled(700)),
        ("delivered", false, Taking::Delivered(usize::MAX)),
        ("delivered in reads of 1000 bytes", false, Taking::Delivered(1000)),
        ("without repetition", true, Taking::Polled(usize::MAX)),
    ] {
        let other = reported(payloads, carrier, end, differs, taking)?;
        if repeating == other {
            continue;
        }
        let at = repeating.iter().zip(&other).take_while(|(one, other)| one == other).count();
        let (one, other) = (repeating.get(at), other.get(at));
        return Err(format!(
            "over {carrier:?} with the end {end:?}, report {at} is {one:?}, and {name} it is {other:?}"
        ));
    }
    Ok(())
}

/// What a client reports of a response with these payloads, and when it wants to act at its end. `differing`: the member of its own that
/// each event gets is another one each time.
fn reported(
    payloads: &[&str],
    carrier: Carrier,
    end: End,
    differing: bool,
    taking: Taking,
) -> Result<Vec<String>, String> {
    let payload = |(number, payload): (usize, &&str)| with_own(payload, if differing { number } else { 0 });
    let mut events = vec![created("r")];
    events.extend(payloads.iter().enumerate().map(payload));
    if matches!(end, End::Completed) {
        events.push(done0("r"));
    }

    let mut client = requesting(carrier);
    let bytes = response(&events, carrier, end);
    let (mut reports, mut wrong) = (Vec::new(), None);
    let mut take = |event: Event<'_>| {
        if let Event::Server { event, .. } = &event
            && wrong.is_none()
        {
            wrong = misread(event);
        }
        reports.push(report(&event));
    };
    let (Taking::Polled(read) | Taking::Delivered(read)) = taking;
    for read in bytes.chunks(read) {
        if matches!(taking, Taking::Delivered(_)) {
            client.handle_input_with(NOW, read, &mut take);
        } else {
            client.handle_input(NOW, read);
        }
        while let Some(event) = client.poll_event() {
            take(event);
        }
    }
    match wrong {
        Some(wrong) => Err(wrong),
        None => {
            reports.push(format!(
                "{:?} {:?} {:?}",
                client.poll_timeout(),
                client.poll_socket(),
                client.poll_transmit()
            ));
            Ok(reports)
        }
    }
}

/// Adds a member of its own to an event.
fn with_own(event: &str, own: usize) -> String {
    event.strip_prefix('{').map_or_else(|| event.into(), |rest| format!("{{\"own\":\"{own:06}\",{rest}"))
}

/// A client that has sent a request on an open connection.
fn requesting(carrier: Carrier) -> Client {
    let mut provider = Provider::new("test", "http://127.0.0.1:8080/v1");
    provider.capabilities.websocket = carrier != Carrier::Http;
    provider.capabilities.deflate = carrier == Carrier::Deflated;
    let mut settings = Settings::default();
    settings.connection.message_limits.message = LIMIT;
    let mut client = Client::new(provider, Credentials::bearer("key"), settings, [7; 32]).expect("a valid provider");
    client.send(NOW, ask("a question")).expect("it is open");
    assert!(matches!(client.poll_socket(), Some(SocketCommand::Connect(_))));
    client.handle_connected(NOW);
    if carrier != Carrier::Http {
        let mut config = server::Config::new();
        config.deflate_policy = (carrier == Carrier::Deflated).then(ServerPolicy::default);
        let mut server = ServerConnection::new(config, [3; 32]);
        server.handle_input(NOW, client.poll_transmit());
        client.handle_written(NOW, usize::MAX);
        assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
        server.accept(NOW, &Headers::new()).expect("it was asked for");
        client.handle_input(NOW, server.poll_transmit());
    }
    assert!(!client.poll_transmit().is_empty(), "the request is sent");
    client.handle_written(NOW, usize::MAX);
    while client.poll_event().is_some() {}
    client
}

/// The bytes of a response with these events.
fn response(events: &[String], carrier: Carrier, end: End) -> Vec<u8> {
    let mut bytes = Vec::new();
    if carrier != Carrier::Http {
        let deflate = (carrier == Carrier::Deflated).then(Params::default);
        let mut peer = WebSocket::new(Role::Server, Limits::default(), deflate.as_ref(), [3; 32]);
        for event in events {
            peer.send(Message::Text(event), &mut bytes).expect("a message");
        }
        match end {
            End::Completed => {}
            End::Bytes(end) => bytes.extend_from_slice(end),
            End::NotUtf8 => {
                let start = bytes.len();
                let mut event = with_own(&delta("\"?\"", "\"\"", "8"), 0).into_bytes();
                event.iter_mut().filter(|byte| **byte == b'?').for_each(|byte| *byte = 0xFF);
                peer.send(Message::Binary(&event), &mut bytes).expect("a message");
                // A message of text in place of a binary one.
                bytes[start] ^= 0x03;
            }
            End::TooLong => peer.send(Message::Text(&" ".repeat(LIMIT + 1)), &mut bytes).expect("a message"),
        }
        return bytes;
    }
    bytes
        .extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    // A chunk for each event, as servers write them.
    for event in events {
        let event = format!("data: {event}\n\n");
        bytes.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Everything that an event says, without the member of its own. An event of the server says what its payload does, if it
/// [is not misread](misread).
fn report(event: &Event<'_>) -> String {
    let without_own = |text: &str| {
        let is_own = text.get(1..).is_some_and(|text| text.starts_with("\"own\":"));
        text.get(if is_own { OWN } else { 0 }..).unwrap_or_default().to_owned()
    };
    match event {
        Event::Server { id, event } => format!("{id:?} {}", without_own(event.raw().unwrap_or_default())),
        Event::Malformed { text, .. } | Event::Unmatched { text } => format!("{event:?} {}", without_own(text)),
        _ => format!("{event:?}"),
    }
}

/// Says how an event differs from what its payload is by itself, if that has a type.
fn misread(event: &ServerEvent<'_>) -> Option<String> {
    let text = event.raw()?;
    let alone = ServerEvent::parse(text).ok()?;
    (alone != *event).then(|| format!("{text:.300} is read as {event:?}, and by itself as {alone:?}"))
}
