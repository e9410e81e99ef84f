//! A loop that another program owns: a game or an editor calls `tick` once per frame, and `tick` never waits.
//!
//! `cargo run -p turnwire-loops --example ticks`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

mod support;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant as SystemInstant};

use mio::net::TcpStream;
use support::Clock;
use turnwire::client::{Client, ConnectError, SocketCommand};
use turnwire::connection::LossReason;
use turnwire::time::Instant;

/// Sixty frames per second.
const FRAME: Duration = Duration::from_micros(16_667);
/// Number of reads of one frame: however much the server sends, the frame is drawn in time.
const READS: usize = 8;

/// A client and its socket, which is not registered with any poller: it is tried once per frame.
struct Network {
    client: Client,
    clock: Clock,
    socket: Option<TcpStream>,
    connected: bool,
}

fn main() -> support::Result<()> {
    let (url, clock) = (support::server()?, Clock::start());
    let client = support::client(&url, clock.now())?;
    let mut network = Network { client, clock, socket: None, connected: false };
    let (mut frames, mut text) = (0, String::new());
    while !network.client.is_finished() {
        let start = SystemInstant::now();
        network.tick();
        let now = network.clock.now();
        support::handle_events(&mut network.client, now, &mut text);
        frames += 1; // here the frame is drawn
        thread::sleep(FRAME.saturating_sub(start.elapsed()));
    }
    assert_eq!(text, "Hello from the loop.");
    println!("{text} ({frames} frames)");
    Ok(())
}

impl Network {
    fn tick(&mut self) {
        let now = self.clock.now();
        if self.client.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.client.handle_timeout(now);
        }
        match self.client.poll_socket() {
            Some(SocketCommand::Connect(target)) => {
                self.connected = false;
                match support::address(&target).and_then(TcpStream::connect) {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) => self.fail(now, &error),
                }
            }
            Some(SocketCommand::Disconnect) => self.socket = None,
            None => {}
        }
        if let Err(error) = self.exchange(now) {
            self.fail(now, &error);
        }
    }

    fn fail(&mut self, now: Instant, error: &io::Error) {
        self.socket = None;
        if self.connected {
            self.client.handle_lost(now, LossReason::Network(error.to_string()));
        } else {
            self.client.handle_connect_failed(now, ConnectError::Network(error.to_string()));
        }
    }

    fn exchange(&mut self, now: Instant) -> io::Result<()> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        if !self.connected {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            if socket.peer_addr().is_err() {
                return Ok(()); // the attempt goes on
            }
            self.connected = true;
            self.client.handle_connected(now);
        }
        while !self.client.poll_transmit().is_empty() {
            let Some(written) = would_block(socket.write(self.client.poll_transmit()))? else { break };
            self.client.handle_written(now, written);
        }
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            if !self.client.wants_input() {
                break;
            }
            match would_block(socket.read(&mut buffer))? {
                None => break,
                Some(0) => {
                    self.client.handle_eof(now);
                    break;
                }
                Some(length) => self.client.handle_input(now, &buffer[..length]),
            }
        }
        Ok(())
    }
}

fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
