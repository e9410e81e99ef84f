//! A loop of ready sources and callbacks, as compositors and editors have it with calloop: the socket and the timer are sources of the
//! loop that the application runs, beside its own.
//!
//! `cargo run -p turnwire-loops --example calloop_loop`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

mod support;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::rc::Rc;

use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use mio::net::TcpStream;
use support::Clock;
use turnwire::client::{Client, ConnectError, ConnectTarget, SocketCommand};
use turnwire::connection::LossReason;
use turnwire::time::Instant;

struct Conversation {
    client: Client,
    clock: Clock,
    handle: LoopHandle<'static, Self>,
    socket: Option<(Rc<TcpStream>, RegistrationToken)>,
    connected: bool,
    /// The time at which the timer fires. A deadline that becomes later does not move it: it fires early, and is set again.
    armed: Option<(Instant, RegistrationToken)>,
    text: String,
}

fn main() -> support::Result<()> {
    let (url, clock) = (support::server()?, Clock::start());
    let client = support::client(&url, clock.now())?;
    let mut event_loop = EventLoop::try_new()?;
    let (handle, socket, armed, text) = (event_loop.handle(), None, None, String::new());
    let mut conversation = Conversation { client, clock, handle, socket, connected: false, armed, text };
    conversation.update();
    // The conversation may have ended without an event of the loop: the server can answer before the first wait.
    while !conversation.client.is_finished() {
        event_loop.dispatch(None, &mut conversation)?;
    }
    assert_eq!(conversation.text, "Hello from the loop.");
    println!("{}", conversation.text);
    Ok(())
}

impl Conversation {
    /// Does all that can be done now. The socket reports a readiness once, so that it is used until it would block.
    fn update(&mut self) {
        loop {
            let now = self.clock.now();
            support::handle_events(&mut self.client, now, &mut self.text);
            let command = self.client.poll_socket();
            if command.is_some() {
                self.drop_socket();
            }
            let opened = if let Some(SocketCommand::Connect(to)) = command { self.open(&to) } else { Ok(()) };
            match opened.and_then(|()| self.exchange(now)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.fail(&error),
            }
        }
        self.arm();
    }

    fn open(&mut self, target: &ConnectTarget) -> io::Result<()> {
        let socket = Rc::new(support::address(target).and_then(TcpStream::connect)?);
        let source = Generic::new(Rc::clone(&socket), Interest::BOTH, Mode::Edge);
        let inserted = self.handle.insert_source(source, |_, _, conversation: &mut Self| {
            conversation.update();
            Ok(PostAction::Continue)
        });
        self.socket = Some((socket, inserted.map_err(|error| io::Error::other(error.to_string()))?));
        Ok(())
    }

    /// Sets the timer, unless it fires before the deadline already.
    fn arm(&mut self) {
        let Some(deadline) = self.client.poll_timeout() else { return };
        if self.armed.as_ref().is_some_and(|(at, _)| *at <= deadline) {
            return;
        }
        let timer = Timer::from_duration(deadline.saturating_duration_since(self.clock.now()));
        let inserted = self.handle.insert_source(timer, |_, (), conversation: &mut Self| {
            conversation.armed = None;
            let now = conversation.clock.now();
            if conversation.client.poll_timeout().is_some_and(|deadline| deadline <= now) {
                conversation.client.handle_timeout(now);
            }
            conversation.update();
            TimeoutAction::Drop
        });
        let earlier = self.armed.replace((deadline, inserted.expect("a timer needs no file descriptor")));
        earlier.into_iter().for_each(|(_, token)| self.handle.remove(token));
    }

    fn drop_socket(&mut self) {
        self.connected = false;
        self.socket.take().into_iter().for_each(|(_, token)| self.handle.remove(token));
    }

    fn fail(&mut self, error: &io::Error) {
        let (now, error, connected) = (self.clock.now(), error.to_string(), self.connected);
        self.drop_socket();
        match connected {
            true => self.client.handle_lost(now, LossReason::Network(error)),
            false => self.client.handle_connect_failed(now, ConnectError::Network(error)),
        }
    }

    /// Writes and reads once. Returns whether anything happened.
    fn exchange(&mut self, now: Instant) -> io::Result<bool> {
        let Some((socket, _)) = &self.socket else { return Ok(false) };
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
        let (bytes, mut buffer) = (self.client.poll_transmit(), [0; 4096]);
        let written = if bytes.is_empty() { None } else { would_block((&**socket).write(bytes))? };
        self.client.handle_written(now, written.unwrap_or(0));
        if !self.client.wants_input() {
            return Ok(written.is_some());
        }
        match would_block((&**socket).read(&mut buffer))? {
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
