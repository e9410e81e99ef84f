//! The in-memory transport, and the client's event loop.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use turnwire::client::{ConnectTarget, SocketCommand};
use turnwire::connection::{LossReason, ServerConnection, server};
use turnwire::time::Instant;

use super::{Act, Kind, Pair, Seen};

/// Where a socket breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// After this many bytes from the client.
    pub up: Option<usize>,
    /// After this many bytes from the server.
    pub down: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) number: usize,
    pub(super) server: ServerConnection,
    /// Delayed acts, with their times.
    pub(super) later: VecDeque<(Instant, Act)>,
    pub(super) cut: Cut,
    pub(super) up: usize,
    pub(super) down: usize,
    /// Bytes for the client that are raw, or wait because the client does not want input.
    pub(super) raw: Vec<u8>,
    pub(super) broken: bool,
    pub(super) mute: bool,
}

impl Pair {
    /// One round of the usual event loop: events, finished?, connect, write, read. Returns whether anything happened.
    pub fn step(&mut self) -> bool {
        let mut busy = self.collect();
        busy |= self.dial();
        busy |= self.write();
        busy |= self.read();
        busy
    }

    fn collect(&mut self) -> bool {
        if self.extra_polls {
            let _ = (self.client.poll_timeout(), self.client.poll_transmit().len(), self.client.wants_input());
            let _ = (self.client.is_finished(), self.client.has_pending_requests(), self.client.turn_token().is_some());
        }
        let mut busy = false;
        while let Some(event) = self.client.poll_event() {
            self.events.push(event.into_owned());
            busy = true;
        }
        busy
    }

    fn dial(&mut self) -> bool {
        let mut busy = false;
        if let Some(dial) = self.client.poll_socket() {
            self.hang_up();
            if let SocketCommand::Connect(target) = dial {
                self.open(target);
            }
            busy = true;
        }
        // A script may delay the opening of a socket.
        if self.dialing
            && let Some(socket) = &mut self.socket
            && socket.later.front().is_some_and(|(at, _)| *at <= self.now)
            && let Some((_, act)) = socket.later.pop_front()
        {
            busy = true;
            match act {
                Act::Connect => {
                    self.dialing = false;
                    self.client.handle_connected(self.now);
                }
                Act::Fail(why) => {
                    self.dialing = false;
                    self.socket = None;
                    self.client.handle_connect_failed(self.now, why);
                }
                _ => {}
            }
        }
        busy
    }

    fn open(&mut self, target: ConnectTarget) {
        let number = self.dials.len();
        self.dials.push(target);
        self.carried.push((Vec::new(), Vec::new()));
        let mut seed = [9; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        self.socket = Some(Socket {
            number,
            server: ServerConnection::new(self.server.clone(), seed),
            later: VecDeque::new(),
            cut: self.cuts.pop_front().unwrap_or_default(),
            up: 0,
            down: 0,
            raw: Vec::new(),
            broken: false,
            mute: false,
        });
        self.dialing = true;
        self.queue(Kind::Dial);
    }

    /// Drops the socket; its server notices.
    fn hang_up(&mut self) {
        let dialing = mem::take(&mut self.dialing);
        if let Some(mut socket) = self.socket.take().filter(|_| !dialing) {
            socket.server.handle_eof(self.now);
            self.listen(&mut socket);
        }
    }

    /// Queues the reaction to this action.
    fn queue(&mut self, kind: Kind) {
        let acts = self.script.next(kind);
        let Some(socket) = &mut self.socket else { return };
        queue(socket, self.now, acts);
    }

    fn write(&mut self) -> bool {
        let Some(mut socket) = self.socket.take().filter(|_| true) else { return false };
        let mut busy = false;
        if !self.dialing && !socket.broken && !self.blocks_writes {
            let bytes = self.client.poll_transmit().to_vec();
            let room = socket.cut.up.map_or(bytes.len(), |cut| bytes.len().min(cut - socket.up));
            for read in self.up.cut(&bytes[..room]).into_iter().filter(|read| !read.is_empty()) {
                busy = true;
                self.client.handle_written(self.now, read.len());
                if !socket.mute {
                    socket.server.handle_input(self.now, read);
                }
                self.carried[socket.number].0.extend_from_slice(read);
            }
            socket.up += room;
            socket.broken |= socket.cut.up == Some(socket.up);
            busy |= self.listen(&mut socket);
            while !self.dialing && socket.later.front().is_some_and(|(at, _)| *at <= self.now) {
                if let Some((_, act)) = socket.later.pop_front() {
                    self.perform(&mut socket, act);
                    busy = true;
                }
            }
        }
        self.socket = Some(socket);
        busy
    }

    /// Polls the server's events and runs the script's reactions.
    fn listen(&mut self, socket: &mut Socket) -> bool {
        let mut busy = false;
        loop {
            let Some(incoming) = socket.server.poll_event() else { return busy };
            if let server::Event::Closed(closed) = incoming {
                self.closed.push((socket.number, closed.clone()));
                busy = true;
                continue;
            }
            let Some(seen) = Seen::of(&incoming, socket.number, self.now) else { continue };
            let kind = seen.kind;
            self.seen.push(seen);
            queue(socket, self.now, self.script.next(kind));
            busy = true;
        }
    }

    fn perform(&self, socket: &mut Socket, act: Act) {
        let now = self.now;
        match act {
            Act::Raw(bytes) => {
                flush(socket, now);
                socket.raw.extend_from_slice(&bytes);
            }
            Act::Drop => {
                flush(socket, now);
                socket.broken = true;
            }
            act => act.perform(now, &mut socket.server),
        }
    }

    fn read(&mut self) -> bool {
        if self.dialing {
            return false;
        }
        let Some(socket) = self.socket.as_mut().filter(|socket| !socket.mute) else { return false };
        flush(socket, self.now);
        let mut bytes = mem::take(&mut socket.raw);
        let room = socket.cut.down.map_or(bytes.len(), |cut| bytes.len().min(cut - socket.down));
        socket.broken |= socket.cut.down == Some(socket.down + room);
        bytes.truncate(room);
        let (number, broken) = (socket.number, socket.broken);
        let mut busy = false;
        let mut given = 0;
        for read in self.down.cut(&bytes) {
            // Without backpressure, bytes are delivered even if the client does not want input.
            if self.respects_backpressure && !self.client.wants_input() && self.socket.is_some() {
                break;
            }
            given += read.len();
            busy |= !read.is_empty();
            self.carried[number].1.extend_from_slice(read);
            if self.delivers_at_once {
                let events = &mut self.events;
                self.client.handle_input_with(self.now, read, |event| events.push(event.into_owned()));
            } else {
                self.client.handle_input(self.now, read);
            }
            self.collect();
        }
        let Some(socket) = &mut self.socket else { return busy };
        socket.down += given;
        socket.raw.splice(0..0, bytes.drain(given..));
        let over = broken || (socket.server.is_finished() && socket.raw.is_empty());
        if over && socket.raw.is_empty() && self.no_dial_waits() {
            self.socket = None;
            if self.loses_connections {
                self.client.handle_lost(self.now, LossReason::Network("connection reset".into()));
            } else {
                self.client.handle_eof(self.now);
            }
            return true;
        }
        busy
    }

    /// Returns whether the client has not requested another socket in the meantime, which comes first.
    const fn no_dial_waits(&self) -> bool {
        !self.dialing
    }
}

/// Appends the server's output to the bytes in transit to the client.
fn flush(socket: &mut Socket, now: Instant) {
    loop {
        let written = socket.server.poll_transmit().len();
        if written == 0 {
            return;
        }
        socket.raw.extend_from_slice(socket.server.poll_transmit());
        socket.server.handle_written(now, written);
    }
}

/// Queues acts; those after a `Wait` are delayed.
fn queue(socket: &mut Socket, now: Instant, acts: Vec<Act>) {
    let mut at = socket.later.back().map_or(now, |(at, _)| (*at).max(now));
    for act in acts {
        match act {
            Act::Wait(time) => {
                at = at + time;
                socket.later.push_back((at, Act::Wait(Duration::ZERO)));
            }
            act => socket.later.push_back((at, act)),
        }
    }
}
