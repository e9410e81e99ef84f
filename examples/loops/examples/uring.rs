//! Completion I/O with `io_uring`: the kernel owns the buffers of a read and a write until they are complete. The client's bytes are
//! moved into them, not copied (`take_transmit`). Where the kernel refuses `io_uring`, nothing is run.
//!
//! `cargo run -p turnwire-loops --example uring`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

#[cfg(target_os = "linux")]
mod support;

#[cfg(target_os = "linux")]
fn main() -> support::Result<()> {
    match tokio_uring::Runtime::new(&tokio_uring::builder()) {
        Ok(runtime) => runtime.block_on(uring::converse()),
        Err(error) => {
            println!("skipped: the kernel refuses io_uring: {error}");
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: io_uring is an interface of Linux");
}

#[cfg(target_os = "linux")]
mod uring {
    use std::future::{Future, pending};
    use std::io;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::time::Duration;

    use tokio_uring::net::TcpStream;
    use turnwire::client::{Client, ConnectError, SocketCommand};
    use turnwire::connection::LossReason;

    use crate::support::{self, Clock};

    /// An operation, which returns its buffer when it is complete. It must not be dropped before: its bytes would be lost.
    type Operation = Pin<Box<dyn Future<Output = (io::Result<usize>, Vec<u8>)>>>;

    /// An open socket with the operations on it.
    struct Socket {
        stream: Rc<TcpStream>,
        read: Option<Operation>,
        write: Option<Operation>,
        /// The buffer of the last write.
        spare: Vec<u8>,
    }

    pub(crate) async fn converse() -> support::Result<()> {
        let (url, clock) = (support::server()?, Clock::start());
        let mut client = support::client(&url, clock.now())?;
        let (mut socket, mut text): (Option<Socket>, _) = (None, String::new());
        loop {
            support::handle_events(&mut client, clock.now(), &mut text);
            if client.is_finished() {
                break;
            }
            match client.poll_socket() {
                Some(SocketCommand::Connect(target)) => match TcpStream::connect(support::address(&target)?).await {
                    Ok(stream) => {
                        socket = Some(Socket { stream: Rc::new(stream), read: None, write: None, spare: Vec::new() });
                        client.handle_connected(clock.now());
                    }
                    Err(error) => {
                        client.handle_connect_failed(clock.now(), ConnectError::Network(error.to_string()));
                    }
                },
                Some(SocketCommand::Disconnect) => socket = None,
                None => {}
            }
            let left = client.poll_timeout().map(|at| at.saturating_duration_since(clock.now()));
            match &mut socket {
                Some(open) => {
                    open.start_operations(&mut client);
                    if let Err(error) = open.complete_one(&mut client, &clock, left).await {
                        socket = None;
                        client.handle_lost(clock.now(), LossReason::Network(error.to_string()));
                    }
                }
                None => sleep(left.or(Some(Duration::ZERO))).await,
            }
            if client.poll_timeout().is_some_and(|at| at <= clock.now()) {
                client.handle_timeout(clock.now());
            }
        }
        assert_eq!(text, "Hello from the loop.");
        println!("{text}");
        Ok(())
    }

    impl Socket {
        fn start_operations(&mut self, client: &mut Client) {
            if self.read.is_none() && client.wants_input() {
                let stream = Rc::clone(&self.stream);
                self.read = Some(Box::pin(async move { stream.read(Vec::with_capacity(16 * 1024)).await }));
            }
            if self.write.is_none() {
                let mut buffer = core::mem::take(&mut self.spare);
                client.take_transmit(&mut buffer);
                if buffer.is_empty() {
                    self.spare = buffer;
                } else {
                    let stream = Rc::clone(&self.stream);
                    self.write = Some(Box::pin(async move {
                        let (result, buffer) = stream.write_all(buffer).await;
                        (result.map(|()| buffer.len()), buffer)
                    }));
                }
            }
        }

        /// Waits until an operation is complete or the time has passed.
        async fn complete_one(&mut self, client: &mut Client, clock: &Clock, left: Option<Duration>) -> io::Result<()> {
            tokio::select! {
                (result, buffer) = run(&mut self.read) => match result? {
                    0 => client.handle_eof(clock.now()),
                    _ => client.handle_input(clock.now(), &buffer),
                },
                (result, buffer) = run(&mut self.write) => {
                    self.spare = buffer;
                    client.handle_written(clock.now(), result?);
                },
                () = sleep(left) => {}
            }
            Ok(())
        }
    }

    /// Polls an operation, and takes it when it is complete.
    async fn run(operation: &mut Option<Operation>) -> (io::Result<usize>, Vec<u8>) {
        let Some(running) = operation else { return pending().await };
        let result = running.await;
        *operation = None;
        result
    }

    async fn sleep(left: Option<Duration>) {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => pending().await,
        }
    }
}
