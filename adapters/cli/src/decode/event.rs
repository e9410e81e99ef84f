//! Decoder of payloads to typed events and requests.

use std::io;

use serde::Serialize;
use serde_json::value::RawValue;
use turnwire::responses::request::{ItemEncoding, MessageFields};
use turnwire::responses::{CreateResponse, Envelope, EventData, Malformed, ServerEvent};

use super::output::Output;

#[derive(Serialize)]
struct Line<'a> {
    kind: &'a str,
    /// The parsed payload, serialized again.
    fields: &'a RawValue,
    raw: &'a str,
}

#[derive(Serialize)]
struct MalformedLine<'a> {
    malformed: String,
    raw: &'a str,
}

/// Prints a payload that a server sent.
pub(super) fn server(payload: &str, out: &mut Output<'_>) -> io::Result<()> {
    // Some servers end their streams with `[DONE]`, which is not an event.
    if payload.is_empty() || payload == "[DONE]" {
        return Ok(());
    }
    let event = match ServerEvent::parse(payload) {
        Ok(event) => event,
        Err(malformed) => return malformed_line(&malformed, payload, out),
    };
    line(event.kind(), &typed(&event), payload, out)
}

/// Prints a payload that a client sent: a request or another message.
pub(super) fn client(payload: &str, out: &mut Output<'_>) -> io::Result<()> {
    let read = Envelope::scan(payload).and_then(|envelope| {
        let request = (envelope.kind() == "response.create").then(|| CreateResponse::parse(payload)).transpose()?;
        Ok((envelope, request))
    });
    match read {
        Ok((envelope, request)) => {
            let fields = request.map_or_else(|| "{}".to_owned(), |request| frame(&request));
            line(envelope.kind(), &fields, payload, out)
        }
        Err(malformed) => malformed_line(&malformed, payload, out),
    }
}

/// Prints the body of an HTTP request.
pub(super) fn body(payload: &str, out: &mut Output<'_>) -> io::Result<()> {
    match CreateResponse::parse(payload) {
        Ok(request) => {
            let mut fields = Vec::new();
            request.encode_http(ItemEncoding::EVERYTHING, &mut fields);
            line("request", &String::from_utf8_lossy(&fields), payload, out)
        }
        Err(malformed) => malformed_line(&malformed, payload, out),
    }
}

fn malformed_line(malformed: &Malformed, raw: &str, out: &mut Output<'_>) -> io::Result<()> {
    out.line(&MalformedLine { malformed: malformed.to_string(), raw })
}

fn line(kind: &str, fields: &str, raw: &str, out: &mut Output<'_>) -> io::Result<()> {
    out.line(&Line { kind, fields: serde_json::from_str(fields)?, raw })
}

/// Serializes the typed fields of an event.
fn typed(event: &ServerEvent<'_>) -> String {
    if matches!(event.data, EventData::Other { .. }) {
        return "{}".to_owned();
    }
    let mut typed = ServerEvent::new(event.data.clone());
    typed.sequence_number = event.sequence_number;
    typed.stream_id = event.stream_id.clone();
    typed.to_json()
}

fn frame(request: &CreateResponse) -> String {
    let mut fields = Vec::new();
    request.encode_ws(&MessageFields::default(), ItemEncoding::EVERYTHING, &mut fields);
    String::from_utf8_lossy(&fields).into_owned()
}
