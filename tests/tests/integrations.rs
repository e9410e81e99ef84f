//! The integrations with zstd and `tracing`, for clients of any runtime.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use turnwire::client::{Client, Credentials, Provider, Settings, SocketCommand};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire_tests::fixtures::{ask, done, token};
use turnwire_tests::pair::{Pair, Script, http_provider, provider};

/// Scenario B-22, with a real compressor and decompressor.
#[test]
fn compressed_body_is_one_zstd_frame() {
    let mut provider: Provider = http_provider();
    provider.capabilities.zstd = true;
    let mut settings = Settings::default();
    settings.compress = Some(turnwire_integrations::zstd);
    let mut pair = Pair::new(provider, settings, Script::new().sse([vec![done("resp-1")]]));
    let id = pair.send(ask("ping ".repeat(400).as_str()));
    pair.run();
    pair.completed(id);
    let seen = pair.posts()[0];
    assert_eq!(seen.header("content-encoding"), Some("zstd"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let body = zstd::decode_all(seen.bytes.as_slice()).expect("a zstd frame");
    assert!(seen.bytes.len() < body.len() / 4);
    let json: serde_json::Value = serde_json::from_slice(&body).expect("json");
    assert_eq!(json["input"][0]["role"], "user");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn core::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "turnwire"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut lines = self.0.lock().expect("nobody panicked");
        event.record(&mut Line(&mut lines));
        lines.push('\n');
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Every step of a request is traced, without text of the user, the turn token or the key.
#[test]
fn tracing_records_steps_without_secrets() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let credentials = Credentials::bearer("key-secret");
        let mut client = Client::new(provider(), credentials, Settings::default(), [1; 32]).expect("a client");
        let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
        for id in ["resp-1", "resp-2"] {
            client.send(NOW, ask("words of a person")).expect("a request");
            converse(&mut client, &mut server, id);
        }
    });
    let lines = lines.0.lock().expect("nobody panicked").clone();
    let count = |word: &str| lines.matches(&format!("message={word}")).count();
    assert_eq!((count("connected"), count("sent"), count("finished")), (1, 2, 2), "{lines}");
    assert!(lines.contains("turn_state=true") && lines.contains("outcome=\"completed\""), "{lines}");
    assert!(!lines.contains("secret") && !lines.contains("person"), "{lines}");
}

const NOW: Instant = Instant::ZERO;

/// Runs one request and its response, and traces every event.
fn converse(client: &mut Client, server: &mut ServerConnection, id: &str) {
    while client.has_pending_requests() {
        if let Some(SocketCommand::Connect(_)) = client.poll_socket() {
            client.handle_connected(NOW);
        }
        let sent = client.poll_transmit().to_vec();
        client.handle_written(NOW, sent.len());
        server.handle_input(NOW, &sent);
        match server.poll_event() {
            Some(server::Event::Upgrade { .. }) => server.accept(NOW, &Headers::new()).expect("a handshake"),
            Some(server::Event::Text { .. }) => {
                server.send(NOW, &token("tok-secret")).expect("an event");
                server.send(NOW, &done(id)).expect("an event");
            }
            _ => {}
        }
        let answer = server.poll_transmit().to_vec();
        server.handle_written(NOW, answer.len());
        client.handle_input(NOW, &answer);
        while let Some(event) = client.poll_event() {
            turnwire_integrations::trace(&event);
        }
    }
}
