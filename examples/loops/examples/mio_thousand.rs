//! A thousand conversations on one thread: mio tells which sockets are ready, and one heap holds the deadlines of all clients.
//!
//! `cargo run -p turnwire-loops --example mio_thousand -- 1000`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

mod support;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind, Read as _, Write as _};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};
use support::Clock;
use turnwire::client::{Client, ConnectError, SocketCommand};
use turnwire::connection::LossReason;
use turnwire::time::Instant;

/// A client with its socket, and its entry in the heap.
struct Conversation {
    client: Client,
    socket: Option<TcpStream>,
    connected: bool,
    /// The deadline that is in the heap. Other entries of this conversation are stale.
    scheduled: Option<Instant>,
    text: String,
}

fn main() -> support::Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1000), |count| count.parse())?;
    let (url, clock) = (support::server()?, Clock::start());
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    let (mut timers, mut buffer) = (BinaryHeap::new(), vec![0; 16 * 1024]);
    let mut conversations = Vec::with_capacity(count);
    for _ in 0..count {
        let (client, text) = (support::client(&url, clock.now())?, String::new());
        conversations.push(Conversation { client, socket: None, connected: false, scheduled: None, text });
    }
    let mut due: Vec<usize> = (0..count).collect();
    let mut finished = 0;
    loop {
        for index in due.drain(..) {
            let conversation = &mut conversations[index];
            if conversation.client.is_finished() {
                continue;
            }
            conversation.run(Token(index), poll.registry(), &clock, &mut buffer);
            finished += usize::from(conversation.client.is_finished());
            let deadline = conversation.client.poll_timeout();
            if deadline != conversation.scheduled {
                timers.extend(deadline.map(|at| Reverse((at, index))));
                conversation.scheduled = deadline;
            }
        }
        if finished == count {
            break;
        }
        let next = timers.peek().map(|Reverse((at, _))| *at);
        poll.poll(&mut events, next.map(|at| at.saturating_duration_since(clock.now())))?;
        due.extend(events.iter().map(|event| event.token().0));
        while let Some(Reverse((at, index))) = timers.peek().copied()
            && at <= clock.now()
        {
            timers.pop();
            let conversation = &mut conversations[index];
            if conversation.scheduled == Some(at) {
                conversation.scheduled = None;
                conversation.client.handle_timeout(clock.now());
                due.push(index);
            }
        }
    }
    assert!(conversations.iter().all(|conversation| conversation.text == "Hello from the loop."));
    println!("{count} conversations in {:?}", clock.now().as_duration());
    Ok(())
}

impl Conversation {
    /// Does all that can be done now: mio reports a readiness once, so that each socket is used until it would block.
    fn run(&mut self, token: Token, registry: &Registry, clock: &Clock, buffer: &mut [u8]) {
        loop {
            let now = clock.now();
            support::handle_events(&mut self.client, now, &mut self.text);
            match self.client.poll_socket() {
                Some(SocketCommand::Connect(target)) => {
                    let opened = support::address(&target).and_then(TcpStream::connect).and_then(|mut socket| {
                        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE).map(|()| socket)
                    });
                    self.connected = false;
                    match opened {
                        Ok(socket) => self.socket = Some(socket),
                        Err(error) => {
                            self.fail(now, &error);
                            continue;
                        }
                    }
                }
                Some(SocketCommand::Disconnect) => self.socket = None,
                None => {}
            }
            match self.exchange(now, buffer) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.fail(now, &error),
            }
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

    /// Writes and reads once. Returns whether anything happened.
    fn exchange(&mut self, now: Instant, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(socket) = &mut self.socket else { return Ok(false) };
        if !self.connected {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            if socket.peer_addr().is_err() {
                return Ok(false); // the attempt goes on
            }
            self.connected = true;
            self.client.handle_connected(now);
        }
        let bytes = self.client.poll_transmit();
        let written = if bytes.is_empty() { None } else { would_block(socket.write(bytes))? };
        self.client.handle_written(now, written.unwrap_or(0));
        if !self.client.wants_input() {
            return Ok(written.is_some());
        }
        match would_block(socket.read(buffer))? {
            None => return Ok(written.is_some()),
            Some(0) => self.client.handle_eof(now),
            Some(length) => self.client.handle_input(now, &buffer[..length]),
        }
        Ok(true)
    }
}

fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
