//! A non-blocking socket, and the place to wait for it.

use core::net::SocketAddr;
use core::task::{Context, Poll};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::{thread, time, vec};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll as Poller, Token};
use turnwire::client::{ConnectFailed, Target};
use turnwire::time::Instant;
use turnwire_driver::Io;

/// A TCP socket, if one is open, and the system's monotonic clock.
#[derive(Debug)]
pub struct Socket {
    epoch: time::Instant,
    /// Where to wait, once there has been a socket to wait for.
    place: Option<(Poller, Events)>,
    stream: Option<TcpStream>,
    /// Addresses of the target that are still to be tried, while it is dialed.
    addresses: Option<vec::IntoIter<SocketAddr>>,
}

impl Socket {
    /// No socket yet.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: time::Instant::now(), place: None, stream: None, addresses: None }
    }

    /// An open socket, accepted or dialed elsewhere. Nagle's algorithm is switched off: every write is a whole message.
    ///
    /// # Errors
    ///
    /// When it cannot be made non-blocking, or the system has no place to wait.
    pub fn open(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // A socket for which this cannot be done is no worse than before.
        let _ = stream.set_nodelay(true);
        let mut socket = Self::new();
        socket.watch(TcpStream::from_std(stream))?;
        Ok(socket)
    }

    fn watch(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let (poller, _) = match &mut self.place {
            Some(place) => place,
            None => self.place.insert((Poller::new()?, Events::with_capacity(8))),
        };
        poller.registry().register(&mut stream, Token(0), interest)?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Takes one step of dialing. `Ok(None)`: it takes longer.
    fn dial(&mut self, target: &Target) -> io::Result<Option<()>> {
        if self.addresses.is_none() {
            let found: Vec<SocketAddr> = (target.host.as_str(), target.port).to_socket_addrs()?.collect();
            self.addresses = Some(found.into_iter());
        }
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        loop {
            if let Some(stream) = &self.stream {
                match opened(stream) {
                    Ok(true) => {
                        let _ = stream.set_nodelay(true);
                        return Ok(Some(()));
                    }
                    Ok(false) => return Ok(None),
                    Err(error) => last = error,
                }
            }
            self.stream = None;
            let Some(address) = self.addresses.as_mut().and_then(Iterator::next) else { return Err(last) };
            match TcpStream::connect(address) {
                Ok(stream) => self.watch(stream)?,
                Err(error) => last = error,
            }
        }
    }
}

/// Whether a stream that was being connected is.
fn opened(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a system call says, as a poll.
fn poll(mut call: impl FnMut() -> io::Result<usize>) -> Poll<io::Result<usize>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return Poll::Ready(result),
        }
    }
}

impl Io for Socket {
    fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    fn poll_connect(&mut self, _: &mut Context<'_>, target: &Target) -> Poll<Result<(), ConnectFailed>> {
        let result = match self.dial(target) {
            Ok(None) => return Poll::Pending,
            Ok(Some(())) => Ok(()),
            Err(error) => Err(ConnectFailed::Network(error.to_string())),
        };
        self.addresses = None;
        Poll::Ready(result)
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
        poll(|| stream.read(buffer))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(ErrorKind::NotConnected.into())) };
        poll(|| stream.write(bytes))
    }

    /// Blocks until the socket is ready or `until` has come.
    fn poll_wait(&mut self, _: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        let timeout = until.map(|until| until.saturating_duration_since(self.now()));
        match (&mut self.place, timeout) {
            (Some((poller, events)), timeout) => {
                // Waiting for less than was asked for does no harm: the loop looks again.
                let _ = poller.poll(events, timeout);
            }
            (None, Some(timeout)) => thread::sleep(timeout),
            // Nothing will ever happen, unless another thread thinks otherwise.
            (None, None) => thread::park(),
        }
        Poll::Ready(())
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.addresses = None;
    }
}

impl Default for Socket {
    fn default() -> Self {
        Self::new()
    }
}
