//! A TCP socket of tokio as an [`Io`].

use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io::{self, Read as _};

use socket2::SockRef;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{self, TcpStream};
use tokio::time;
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::{HappyEyeballsConnect, set_tcp_options};
use turnwire_driver::Io;

use crate::clock::Clock;

/// A TCP socket, which may be open, and tokio's clock.
///
/// ```
/// use turnwire_driver::Io as _;
/// use turnwire_tokio::TcpIo;
///
/// let io = TcpIo::new();
/// assert!(io.now() <= io.now());
/// ```
#[derive(Debug)]
pub struct TcpIo {
    clock: Clock,
    /// In a box: it exists only while a socket is being opened.
    race: Option<Box<HappyEyeballsConnect<TcpStream>>>,
    stream: Option<TcpStream>,
    /// The time of the last read.
    last_read: Option<time::Instant>,
    /// Whether the next read must try the socket, because the runtime may not know yet that it is readable.
    ask_socket: bool,
}

/// Time since the last read after which the runtime may not have noticed that the socket became readable.
const AWAY: Duration = Duration::from_millis(1);

impl TcpIo {
    /// Creates an `Io` without a socket.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: Clock::default(), race: None, stream: None, last_read: None, ask_socket: false }
    }

    /// Wraps an open socket, for example an accepted one. Sets the options of [`set_tcp_options`].
    #[must_use]
    pub fn from_stream(stream: TcpStream) -> Self {
        set_tcp_options(&stream);
        Self { stream: Some(stream), ..Self::new() }
    }

    /// Returns the socket, if one is open, for its options and addresses.
    #[must_use]
    pub const fn get_ref(&self) -> Option<&TcpStream> {
        self.stream.as_ref()
    }

    /// Reads without asking the runtime whether the socket is readable.
    fn read_now(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let stream = self.stream.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let socket = SockRef::from(stream);
        loop {
            match (&*socket).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ask_socket = false;
                    return Poll::Pending;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

async fn lookup(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(net::lookup_host((host, port)).await?.collect())
}

impl Io for TcpIo {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let now = self.now();
        let race = self
            .race
            .get_or_insert_with(|| Box::new(HappyEyeballsConnect::new(lookup(target.host.clone(), target.port))));
        let result = ready!(race.poll(cx, now, TcpStream::connect));
        self.race = None;
        let stream = result.map_err(|error| ConnectError::Network(error.to_string()))?;
        set_tcp_options(&stream);
        self.stream = Some(stream);
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let now = time::Instant::now();
        self.ask_socket |= self.last_read.replace(now).is_none_or(|last| now.duration_since(last) >= AWAY);
        let mut filled = ReadBuf::new(buffer);
        match self.stream()?.poll_read(cx, &mut filled) {
            Poll::Ready(result) => Poll::Ready(result.map(|()| filled.filled().len())),
            Poll::Pending if !self.ask_socket => Poll::Pending,
            // Tokio learns from its reactor that a socket is readable, and the reactor does not run while a task blocks the thread.
            Poll::Pending => self.read_now(buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.clock.poll_until(cx, HappyEyeballsConnect::next_poll(self.race.as_deref(), until))
    }

    fn disconnect(&mut self) {
        self.race = None;
        self.stream = None;
    }
}

impl Default for TcpIo {
    fn default() -> Self {
        Self::new()
    }
}
