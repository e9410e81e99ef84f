//! `WebIo`: the socket and the clock of a runtime, for the driver's loop.

use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::time::SystemTime;

use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::connection::LossReason;
use turnwire::time::Instant;
use turnwire::web::{Command, ExchangeId, ReadResult, Settings, Socket};
use turnwire_driver::Io;

use crate::clock::{self, Timer};
use crate::fetch::Fetch;
use crate::shared::Shared;
use crate::websocket::OpenWebSocket;

/// The number of bytes that wait to be sent on a WebSocket from which on no more are written.
const MAX_UNSENT: u32 = 1024 * 1024;

/// After how long the number of unsent bytes is looked at again. The runtime does not say when it changes.
const UNSENT_INTERVAL: Duration = Duration::from_millis(20);

/// A `WebSocket` or a `fetch` of the runtime as a socket, and the runtime's clock.
#[derive(Debug)]
pub struct WebIo {
    shared: Shared,
    exchange: Option<Exchange>,
    /// For the deadline of the loop.
    deadline: Option<Timer>,
    /// For another look at unsent bytes.
    unsent: Option<Timer>,
}

#[derive(Debug)]
enum Exchange {
    WebSocket(OpenWebSocket),
    Fetch(Fetch),
}

impl WebIo {
    /// Creates a socket that is not open.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { shared: Shared::new(Socket::new(settings)), exchange: None, deadline: None, unsent: None }
    }

    /// Performs the commands of the socket.
    fn run_commands(&mut self) {
        while let Some(command) = self.shared.with(Socket::poll_command) {
            let result = self.perform(command);
            if let Err((exchange, reason)) = result {
                self.shared.with(|socket| socket.handle_lost(exchange, &reason));
            }
        }
    }

    fn perform(&mut self, command: Command) -> Result<(), (ExchangeId, String)> {
        match command {
            Command::OpenWebSocket(request) => {
                let opened = OpenWebSocket::open(&request, &self.shared);
                self.exchange = Some(Exchange::WebSocket(opened.map_err(|reason| (request.exchange, reason))?));
            }
            Command::Fetch(request) => {
                let sent = Fetch::send(&request);
                self.exchange = Some(Exchange::Fetch(sent.map_err(|reason| (request.exchange, reason))?));
            }
            Command::SendText { exchange, text } => {
                if let Some(socket) = self.websocket(exchange) {
                    socket.send(&text).map_err(|reason| (exchange, reason))?;
                }
            }
            Command::CloseWebSocket { exchange, code, reason } => {
                if let Some(socket) = self.websocket(exchange) {
                    socket.close(code, &reason);
                }
            }
            Command::Abort(exchange) => {
                let is_open = match &self.exchange {
                    Some(Exchange::WebSocket(socket)) => socket.exchange == exchange,
                    Some(Exchange::Fetch(fetch)) => fetch.exchange == exchange,
                    None => false,
                };
                if is_open {
                    self.exchange = None;
                }
            }
            // The core may get commands that this version does not know.
            _ => {}
        }
        Ok(())
    }

    fn websocket(&self, exchange: ExchangeId) -> Option<&OpenWebSocket> {
        match &self.exchange {
            Some(Exchange::WebSocket(socket)) if socket.exchange == exchange => Some(socket),
            Some(Exchange::WebSocket(_) | Exchange::Fetch(_)) | None => None,
        }
    }

    fn is_write_blocked(&self) -> bool {
        matches!(&self.exchange, Some(Exchange::WebSocket(socket)) if socket.unsent() > MAX_UNSENT)
    }
}

impl Io for WebIo {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn wall_clock(&self) -> SystemTime {
        clock::wall_clock()
    }

    /// Always succeeds: the runtime connects when the request is written.
    fn poll_connect(&mut self, _: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        self.shared.with(|socket| socket.open(target.tls));
        self.run_commands();
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.shared.with(|socket| socket.read(buffer)) {
                ReadResult::Bytes(length) => return Poll::Ready(Ok(length)),
                ReadResult::Eof => return Poll::Ready(Ok(0)),
                ReadResult::Lost(reason) => {
                    return Poll::Ready(Err(io::Error::other(LossReason::Network(reason))));
                }
                ReadResult::Blocked => {}
            }
            self.shared.wait(cx);
            let progress = match &mut self.exchange {
                Some(Exchange::Fetch(fetch)) => fetch.poll(cx, &self.shared),
                Some(Exchange::WebSocket(_)) | None => Poll::Pending,
            };
            ready!(progress);
            self.run_commands();
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_write_blocked() {
            self.shared.wait(cx);
            if self.unsent.as_ref().is_none_or(Timer::has_fired) {
                self.unsent = Some(Timer::start(clock::now() + UNSENT_INTERVAL, &self.shared));
            }
            return Poll::Pending;
        }
        self.unsent = None;
        self.shared.with(|socket| socket.write(bytes));
        self.run_commands();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.shared.wait(cx);
        let Some(until) = until else {
            self.deadline = None;
            return Poll::Pending;
        };
        if until <= clock::now() {
            self.deadline = None;
            return Poll::Ready(());
        }
        if !self.deadline.as_ref().is_some_and(|timer| timer.is_set_to(until)) {
            self.deadline = Some(Timer::start(until, &self.shared));
        }
        Poll::Pending
    }

    fn disconnect(&mut self) {
        self.shared.with(Socket::disconnect);
        self.run_commands();
        self.exchange = None;
        self.unsent = None;
    }
}
