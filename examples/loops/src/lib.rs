//! The superloop of firmware, without std: one client on a network stack that polls, with a timer that counts milliseconds.
//!
//! `cargo run -p turnwire-loops --example embedded_on_host` runs it on a host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use core::time::Duration;

use turnwire::client::{Client, ConnectError, Event, Outcome, SocketCommand};
use turnwire::responses::EventData;
use turnwire::time::Instant;

/// The state of the only socket of a [`Board`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// There is none, or it failed.
    Closed,
    /// It is being opened.
    Connecting,
    /// It is open.
    Open,
}

/// What the loop needs from a board: a timer, one TCP socket and a display. No method blocks but [`sleep`](Self::sleep).
pub trait Board {
    /// Returns the milliseconds since the start.
    fn millis(&mut self) -> u64;
    /// Begins to open the socket. The stack looks up the name.
    fn connect(&mut self, host: &str, port: u16);
    /// Returns the state of the socket.
    fn socket(&mut self) -> Socket;
    /// Sends a prefix of `bytes`, as much as fits, and returns its length.
    fn send(&mut self, bytes: &[u8]) -> usize;
    /// Receives into `buffer`. Returns `None` while there is nothing, and `Some(0)` at the end of the peer's bytes.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<usize>;
    /// Closes the socket, or stops opening it.
    fn disconnect(&mut self);
    /// Shows text.
    fn show(&mut self, text: &str);
    /// Waits for an interrupt of the network, at most until this time in milliseconds.
    fn sleep(&mut self, until: Option<u64>);
}

/// Runs the requests of a client until each has ended, then closes it. Returns how many have completed, or the text of the first
/// failure.
///
/// # Errors
///
/// Returns the message of the failure with which a request has ended.
pub fn run<const BUFFER: usize>(board: &mut impl Board, client: &mut Client) -> Result<usize, String> {
    let mut buffer = [0; BUFFER];
    let (mut connecting, mut completed, mut failure) = (false, 0, None);
    while !client.is_finished() {
        let now = Instant::from_duration(Duration::from_millis(board.millis()));
        if client.poll_timeout().is_some_and(|deadline| deadline <= now) {
            client.handle_timeout(now);
        }
        match client.poll_socket() {
            Some(SocketCommand::Connect(target)) if target.tls => {
                client.handle_connect_failed(now, ConnectError::Tls("this board has no TLS".into()));
            }
            Some(SocketCommand::Connect(target)) => {
                board.connect(&target.host, target.port);
                connecting = true;
            }
            Some(SocketCommand::Disconnect) => {
                board.disconnect();
                connecting = false;
            }
            None => {}
        }
        let moved = exchange(board, client, now, &mut connecting, &mut buffer);
        while let Some(event) = client.poll_event() {
            match event {
                Event::Server { event, .. } => {
                    if let EventData::OutputTextDelta { delta, .. } = event.data {
                        board.show(&delta);
                    }
                }
                Event::Finished { outcome: Outcome::Completed(_), .. } => completed += 1,
                Event::Finished { outcome: Outcome::Failed(error), .. } => failure = Some(error.message.clone()),
                _ => {}
            }
        }
        if !client.has_pending_requests() && !client.is_finished() {
            client.close(now);
        } else if !moved {
            let until = client.poll_timeout().map(|deadline| deadline.as_duration().as_millis());
            board.sleep(until.map(|until| u64::try_from(until).unwrap_or(u64::MAX).saturating_add(1)));
        }
    }
    failure.map_or(Ok(completed), Err)
}

/// Writes and reads once. Returns whether anything happened.
fn exchange(
    board: &mut impl Board,
    client: &mut Client,
    now: Instant,
    connecting: &mut bool,
    buffer: &mut [u8],
) -> bool {
    match (board.socket(), *connecting) {
        (Socket::Open, true) => {
            *connecting = false;
            client.handle_connected(now);
            return true;
        }
        (Socket::Closed, true) => {
            *connecting = false;
            client.handle_connect_failed(now, ConnectError::Network("the socket could not be opened".into()));
            return true;
        }
        (Socket::Connecting | Socket::Closed, _) => return false,
        (Socket::Open, false) => {}
    }
    let pending = client.poll_transmit();
    let written = if pending.is_empty() { 0 } else { board.send(pending) };
    client.handle_written(now, written);
    if !client.wants_input() {
        return written > 0;
    }
    match board.receive(buffer) {
        None => written > 0,
        Some(0) => {
            client.handle_eof(now);
            true
        }
        Some(length) => {
            client.handle_input(now, &buffer[..length]);
            true
        }
    }
}
