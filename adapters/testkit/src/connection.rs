//! One connection of a scripted server: the core's server role, the responses in progress, and the bytes on their way to the client.

use core::task::Waker;
use std::collections::VecDeque;

use turnwire::connection::{LossReason, ServerConnection, Transport, server};
use turnwire::http::{Headers, Request};
use turnwire::responses::{ResponseCommand, TURN_STATE};
use turnwire::time::Instant;

use crate::reply::Cut;
use crate::respond::{Action, Response};
use crate::seen::SeenRequest;

/// What a client asked of its connection.
pub(crate) enum Incoming {
    Upgrade,
    Request(SeenRequest),
    Command(SeenRequest, ResponseCommand),
    /// A message that starts no response.
    Message(SeenRequest),
}

/// One connection.
pub(crate) struct Connection {
    number: usize,
    server: ServerConnection,
    handshake: Option<Request>,
    responses: Vec<Running>,
    /// Bytes on their way to the client.
    pub(crate) out: VecDeque<u8>,
    /// The number of bytes that were put into `out` so far.
    sent: u64,
    cut: Option<Cut>,
    end: Option<Ended>,
    /// The task that waits for bytes.
    pub(crate) waker: Option<Waker>,
}

/// A response, and whether its first action was performed.
struct Running {
    response: Response,
    begun: bool,
}

/// How the bytes to the client end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Orderly,
    Reset,
}

impl Connection {
    pub(crate) fn new(number: usize) -> Self {
        let mut config = server::Config::new();
        // A client under test may be slower than any deadline: its clock is virtual.
        config.timeouts.head = None;
        config.timeouts.body = None;
        config.timeouts.idle = None;
        config.timeouts.websocket_idle = None;
        config.timeouts.write = None;
        let seed = [u8::try_from(number % 256).unwrap_or_default(); 32];
        Self {
            number,
            server: ServerConnection::new(config, seed),
            handshake: None,
            responses: Vec::new(),
            out: VecDeque::new(),
            sent: 0,
            cut: None,
            end: None,
            waker: None,
        }
    }

    /// Returns how the bytes end, if they do and all of them were read.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.end.filter(|end| *end == Ended::Reset || self.out.is_empty())
    }

    /// Returns whether writing to it still has an effect.
    pub(crate) const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.server.handle_input(now, bytes);
    }

    /// Handles the end of the client.
    pub(crate) fn disconnect(&mut self, now: Instant) {
        if self.is_open() {
            self.server.handle_lost(now, LossReason::Network("the client has dropped its socket".into()));
        }
        self.end = Some(Ended::Reset);
        self.out = VecDeque::new();
        self.responses.clear();
    }

    /// Returns the time of the next action.
    pub(crate) fn next_action(&self) -> Option<Instant> {
        if !self.is_open() {
            return None;
        }
        let pauses = self.responses.iter().filter_map(|running| running.response.resume_at);
        pauses.chain(self.server.poll_timeout()).min()
    }

    /// Returns the next request of the client.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Incoming> {
        while self.is_open() {
            match self.server.poll_event()? {
                server::Event::Upgrade { head } => {
                    self.handshake = Some(head.clone());
                    return Some(Incoming::Upgrade);
                }
                server::Event::Request { head, body } => {
                    let request = SeenRequest {
                        at: now.as_duration(),
                        connection: self.number,
                        transport: Transport::Http,
                        method: head.method().into(),
                        target: head.target().into(),
                        headers: head.headers.clone(),
                        lane: None,
                        turn_state: head.headers.get_str(TURN_STATE).map(str::to_owned),
                        body: String::from_utf8_lossy(body).into_owned(),
                    };
                    return Some(Incoming::Request(request));
                }
                server::Event::Text { lane, command, text } => {
                    let (body, command) = (text.to_owned(), command);
                    let request = self.message(now, lane, body);
                    return Some(match command {
                        Some(command) => Incoming::Command(request, command),
                        None if request.json()["type"] == "response.create" => Incoming::Request(request),
                        None => Incoming::Message(request),
                    });
                }
                server::Event::Malformed { text, .. } => {
                    let body = text.to_owned();
                    return Some(Incoming::Message(self.message(now, None, body)));
                }
                // The last event; what is left to write is written.
                _ => {}
            }
        }
        None
    }

    fn message(&self, now: Instant, lane: Option<String>, body: String) -> SeenRequest {
        let handshake = self.handshake.as_ref();
        let metadata = serde_json::from_str::<serde_json::Value>(&body).unwrap_or_default();
        let turn_state = metadata["client_metadata"][TURN_STATE].as_str();
        SeenRequest {
            at: now.as_duration(),
            connection: self.number,
            transport: Transport::WebSocket,
            method: handshake.map_or("GET", Request::method).into(),
            target: handshake.map_or("", Request::target).into(),
            headers: handshake.map(|head| head.headers.clone()).unwrap_or_default(),
            lane,
            turn_state: turn_state.map(str::to_owned),
            body,
        }
    }

    pub(crate) fn respond(&mut self, response: Response) {
        self.responses.push(Running { response, begun: false });
    }

    /// Returns the response in progress that has this id.
    pub(crate) fn response(&mut self, id: &str) -> Option<&mut Response> {
        let running = self.responses.iter_mut().find(|running| running.response.id == id)?;
        Some(&mut running.response).filter(|response| response.is_generating())
    }

    /// Performs the actions whose time has come, and moves the bytes of the server on their way.
    pub(crate) fn run(&mut self, now: Instant) {
        if !self.is_open() {
            return;
        }
        if self.server.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.server.handle_timeout(now);
        }
        let mut responses = core::mem::take(&mut self.responses);
        responses.retain_mut(|running| self.advance(running, now));
        responses.append(&mut self.responses);
        self.responses = responses;
        self.transmit(now);
        if self.end.is_none() && self.server.is_finished() {
            self.end = Some(Ended::Orderly);
        }
        if !self.is_open() {
            self.responses.clear();
        }
        if let Some(waker) = self.waker.take_if(|_| !self.out.is_empty() || self.end.is_some()) {
            waker.wake();
        }
    }

    /// Performs the actions of one response. Returns whether it has more.
    fn advance(&mut self, running: &mut Running, now: Instant) -> bool {
        if !running.begun {
            running.begun = true;
            self.transmit(now);
            if let Some(cut) = running.response.cut {
                self.cut = Some(Cut { at: self.sent.saturating_add(cut.at), reset: cut.reset });
            }
        }
        while let Some(action) = running.response.next() {
            if let Action::Pause(pause) = action {
                let until = *running.response.resume_at.get_or_insert(now + pause);
                if now < until {
                    running.response.put_back(Action::Pause(pause));
                    return true;
                }
                running.response.resume_at = None;
            } else {
                self.perform(now, action);
            }
        }
        if running.response.cut.is_some() {
            self.transmit(now);
            if let Some(cut) = &mut self.cut {
                cut.at = cut.at.min(self.sent);
            }
            self.transmit(now);
            return false;
        }
        // A response without an end can still be steered or interrupted.
        running.response.is_generating()
    }

    fn perform(&mut self, now: Instant, action: Action) {
        // A command fails only once the connection has ended. Its last event says why.
        let _ = match action {
            Action::Pause(_) => Ok(()),
            Action::Accept => self.server.accept(now, &Headers::new()),
            Action::Respond(status, headers, body) => self.server.respond(now, status, &headers, &body),
            Action::Begin(headers) => self.server.begin_stream(now, &headers),
            Action::Send(event) => self.server.send(now, &event),
            Action::End => self.server.end_stream(now),
        };
    }

    fn transmit(&mut self, now: Instant) {
        let bytes = self.server.poll_transmit();
        let left = self.cut.map_or(u64::MAX, |cut| cut.at.saturating_sub(self.sent));
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        if self.end.is_none() {
            self.out.extend(&bytes[..length]);
            self.sent += length as u64;
        }
        if let Some(cut) = self.cut.filter(|cut| self.sent >= cut.at) {
            self.end.get_or_insert(if cut.reset { Ended::Reset } else { Ended::Orderly });
        }
        let all = self.server.poll_transmit().len();
        self.server.handle_written(now, all);
    }
}
