//! A loop of callbacks, as libuv has it: a write owns its buffer until its callback, and every callback runs on the loop's thread.
//! The threads that complete the operations stand for those of such a library or of the kernel.
//!
//! `cargo run -p turnwire-loops --example callbacks`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

mod support;

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use support::Clock;
use turnwire::client::{Client, ConnectError, SocketCommand};
use turnwire::connection::LossReason;

/// What the loop calls when an operation is complete.
type Callback = Box<dyn FnOnce(&mut Conversation) + Send>;

struct Conversation {
    client: Client,
    clock: Clock,
    queue: Sender<Callback>,
    socket: Option<TcpStream>,
    /// Takes the buffers to write, in order.
    writes: Option<Sender<Vec<u8>>>,
    /// The number of the socket. Callbacks of earlier ones do nothing.
    number: u32,
    /// The buffer of the last complete write.
    spare: Vec<u8>,
    text: String,
}

/// Queues the callbacks of one socket.
#[derive(Clone)]
struct Completions {
    queue: Sender<Callback>,
    number: u32,
}

impl Completions {
    fn complete(&self, callback: impl FnOnce(&mut Conversation) + Send + 'static) {
        let number = self.number;
        let _ = self.queue.send(Box::new(move |conversation| {
            if conversation.number == number {
                callback(conversation);
            }
        }));
    }
}

fn main() -> support::Result<()> {
    let (url, clock) = (support::server()?, Clock::start());
    let client = support::client(&url, clock.now())?;
    let (queue, callbacks) = mpsc::channel();
    let (spare, text) = (Vec::new(), String::new());
    let mut conversation = Conversation { client, clock, queue, socket: None, writes: None, number: 0, spare, text };
    conversation.start_operations();
    while !conversation.client.is_finished() {
        let (now, deadline) = (conversation.clock.now(), conversation.client.poll_timeout());
        match callbacks.recv_timeout(deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(now))) {
            Err(RecvTimeoutError::Timeout) => conversation.client.handle_timeout(conversation.clock.now()),
            callback => callback?(&mut conversation),
        }
        conversation.start_operations();
    }
    assert_eq!(conversation.text, "Hello from the loop.");
    println!("{}", conversation.text);
    Ok(())
}

impl Conversation {
    /// Starts what follows from the last callback.
    fn start_operations(&mut self) {
        support::handle_events(&mut self.client, self.clock.now(), &mut self.text);
        let command = self.client.poll_socket();
        if command.is_some() {
            // This ends its operations.
            let _ = self.socket.take().map(|socket| socket.shutdown(Shutdown::Both));
            self.writes = None;
            self.number += 1;
        }
        if let Some(SocketCommand::Connect(target)) = command {
            let completions = Completions { queue: self.queue.clone(), number: self.number };
            thread::spawn(move || {
                let result = support::address(&target).and_then(TcpStream::connect);
                completions.clone().complete(move |conversation| conversation.on_connected(result, completions));
            });
        }
        if let Some(writes) = &self.writes {
            let mut buffer = core::mem::take(&mut self.spare);
            self.client.take_transmit(&mut buffer);
            if !buffer.is_empty() {
                let _ = writes.send(buffer);
            }
        }
    }

    fn on_connected(&mut self, result: io::Result<TcpStream>, completions: Completions) {
        let now = self.clock.now();
        match result.and_then(|socket| Ok((socket.try_clone()?, socket.try_clone()?, socket))) {
            Ok((reader, writer, socket)) => {
                self.socket = Some(socket);
                self.writes = Some(write_in_order(writer, completions.clone()));
                thread::spawn(move || read_all(reader, &completions));
                self.client.handle_connected(now);
            }
            Err(error) => self.client.handle_connect_failed(now, ConnectError::Network(error.to_string())),
        }
    }

    fn on_written(&mut self, result: io::Result<()>, buffer: Vec<u8>) {
        let now = self.clock.now();
        let written = result.map(|()| self.client.handle_written(now, buffer.len()));
        let _ = written.map_err(|error| self.client.handle_lost(now, LossReason::Network(error.to_string())));
        self.spare = buffer;
    }

    fn on_read(&mut self, result: io::Result<Vec<u8>>) {
        match result {
            Ok(bytes) if bytes.is_empty() => self.client.handle_eof(self.clock.now()),
            Ok(bytes) => self.client.handle_input(self.clock.now(), &bytes),
            Err(error) => self.client.handle_lost(self.clock.now(), LossReason::Network(error.to_string())),
        }
    }
}

fn write_in_order(mut socket: TcpStream, completions: Completions) -> Sender<Vec<u8>> {
    let (writes, buffers) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        for buffer in buffers {
            let result = socket.write_all(&buffer);
            completions.complete(move |conversation| conversation.on_written(result, buffer));
        }
    });
    writes
}

fn read_all(mut socket: TcpStream, completions: &Completions) {
    let mut buffer = vec![0; 16 * 1024];
    let mut ended = false;
    while !ended {
        let result = socket.read(&mut buffer).map(|length| buffer[..length].to_vec());
        ended = result.as_ref().map_or(true, Vec::is_empty);
        completions.complete(move |conversation| conversation.on_read(result));
    }
}
