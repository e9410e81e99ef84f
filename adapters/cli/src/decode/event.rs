//! Decoder of payloads to typed events and requests.

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;
use serde_json::value::RawValue;
use turnwire::responses::request::{ItemEncoding, MessageFields};
use turnwire::responses::{CreateResponse, Envelope, EventClass, EventData, Malformed, ServerEvent};

use super::fields;
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

/// Maximum number of lanes whose responses are followed.
const MAX_LANES: usize = 1024;

/// Payloads that a server sent.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Lanes of the responses that were created and have not ended.
    open: BTreeSet<Option<String>>,
}

impl Events {
    /// Prints a payload.
    pub(super) fn payload(&mut self, payload: &str, out: &mut Output<'_>) -> io::Result<()> {
        // Some servers end their streams with `[DONE]`, which is not an event.
        if payload == "[DONE]" {
            self.open.clear();
        }
        if payload.is_empty() || payload == "[DONE]" {
            return Ok(());
        }
        if let Ok(envelope) = Envelope::scan(payload) {
            self.follow(&envelope);
        }
        match ServerEvent::parse(payload) {
            Ok(event) => line(event.kind(), &typed(&event), payload, out),
            Err(malformed) => malformed_line(&malformed, payload, out),
        }
    }

    fn follow(&mut self, envelope: &Envelope<'_>) {
        let lane = envelope.stream_id().map(std::borrow::Cow::into_owned);
        match envelope.class() {
            EventClass::Created if self.open.len() < MAX_LANES => drop(self.open.insert(lane)),
            class if class.is_terminal() => drop(self.open.remove(&lane)),
            _ => {}
        }
    }

    /// Returns whether a response was created and has not ended.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }
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
            line(envelope.kind(), &fields::on_wire(&fields, payload), payload, out)
        }
        Err(malformed) => malformed_line(&malformed, payload, out),
    }
}

/// Prints the body of an HTTP request.
pub(super) fn body(payload: &str, out: &mut Output<'_>) -> io::Result<()> {
    match CreateResponse::parse(payload) {
        Ok(request) => {
            let mut typed = Vec::new();
            request.encode_http(ItemEncoding::EVERYTHING, &mut typed);
            let fields = fields::on_wire(&String::from_utf8_lossy(&typed), payload);
            line("request", &fields, payload, out)
        }
        Err(malformed) => malformed_line(&malformed, payload, out),
    }
}

fn malformed_line(malformed: &Malformed, raw: &str, out: &mut Output<'_>) -> io::Result<()> {
    out.line(&MalformedLine { malformed: malformed.to_string(), raw })
}

fn line(kind: &str, fields: &str, raw: &str, out: &mut Output<'_>) -> io::Result<()> {
    let fields = fields::one_line(fields);
    let fields: &RawValue = serde_json::from_str(&fields).unwrap_or(RawValue::NULL);
    out.line(&Line { kind, fields, raw })
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
