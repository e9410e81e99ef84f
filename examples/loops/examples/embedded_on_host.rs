//! Runs the loop of firmware on a host: the board has simulated time, and its network leads to a server in this process.
//!
//! `cargo run -p turnwire-loops --example embedded_on_host`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use turnwire::client::{Client, Credentials, Provider, Settings};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::{CreateResponse, Item};
use turnwire::time::{Duration, Instant};
use turnwire_loops::{Board, Socket, run};

/// The most bytes that the radio sends or receives at once.
const PACKET: usize = 64;

/// A board whose time passes only while it sleeps.
struct Simulated {
    millis: u64,
    server: Option<ServerConnection>,
    display: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut seed = [0; 32];
    seed[0] = 1; // a board has a random number generator
    let provider = Provider::new("simulated", "http://127.0.0.1/v1");
    let mut client = Client::new(provider, Credentials::bearer("none"), Settings::default(), seed)?;
    client.send(Instant::ZERO, CreateResponse::new("gpt-x", vec![Item::user("Say hi")]))?;
    let mut board = Simulated { millis: 0, server: None, display: String::new() };
    assert_eq!(run::<256>(&mut board, &mut client)?, 1);
    assert_eq!(board.display, "Hello from a board.");
    println!("{} ({} ms)", board.display, board.millis);
    Ok(())
}

impl Simulated {
    fn now(&self) -> Instant {
        Instant::from_duration(Duration::from_millis(self.millis))
    }
}

impl Board for Simulated {
    fn millis(&mut self) -> u64 {
        self.millis
    }

    fn connect(&mut self, _: &str, _: u16) {
        self.server = Some(ServerConnection::new(server::Config::new(), [2; 32]));
    }

    fn socket(&mut self) -> Socket {
        if self.server.is_some() { Socket::Open } else { Socket::Closed }
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        let (now, sent) = (self.now(), bytes.len().min(PACKET));
        let Some(server) = &mut self.server else { return 0 };
        server.handle_input(now, &bytes[..sent]);
        let mut requested = false;
        let mut upgraded = false;
        while let Some(event) = server.poll_event() {
            upgraded |= matches!(event, server::Event::Upgrade { .. });
            requested |= matches!(event, server::Event::Text { .. });
        }
        if upgraded {
            server.accept(now, &Headers::new()).expect("a handshake waits");
        }
        let events = [
            r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hello from "}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"a board."}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1"}}"#,
        ];
        for event in events.iter().filter(|_| requested) {
            server.send(now, event).expect("a WebSocket is open");
        }
        sent
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let now = self.now();
        let server = self.server.as_mut()?;
        if server.is_finished() {
            return Some(0);
        }
        let pending = server.poll_transmit();
        let length = pending.len().min(buffer.len()).min(PACKET);
        buffer[..length].copy_from_slice(&pending[..length]);
        server.handle_written(now, length);
        (length > 0).then_some(length)
    }

    fn disconnect(&mut self) {
        self.server = None;
    }

    fn show(&mut self, text: &str) {
        self.display.push_str(text);
    }

    fn sleep(&mut self, until: Option<u64>) {
        self.millis = until.expect("a deadline").max(self.millis + 1);
    }
}
