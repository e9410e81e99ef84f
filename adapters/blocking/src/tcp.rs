//! A non-blocking socket, and the place to wait for it.

use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, ready};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::{thread, time};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll as Poller, Token};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::HappyEyeballsConnect;
use turnwire_driver::Io;

/// A TCP socket, if one is open, and the system's monotonic clock.
#[derive(Debug)]
pub struct TcpIo {
    epoch: time::Instant,
    /// Where to wait, once there has been a socket to wait for.
    place: Option<(Poller, Events)>,
    stream: Option<TcpStream>,
    race: Option<HappyEyeballsConnect<TcpStream>>,
}

impl TcpIo {
    /// No socket yet.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: time::Instant::now(), place: None, stream: None, race: None }
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
        self.stream = Some(watched(&mut self.place, &mut stream).map(|()| stream)?);
        Ok(())
    }
}

/// Has readiness of the stream end a wait.
fn watched(place: &mut Option<(Poller, Events)>, stream: &mut TcpStream) -> io::Result<()> {
    let (poller, _) = match place {
        Some(place) => place,
        None => place.insert((Poller::new()?, Events::with_capacity(8))),
    };
    poller.registry().register(stream, Token(0), Interest::READABLE | Interest::WRITABLE)
}

/// Names are looked up by the system, here and now.
async fn lookup(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

/// A stream that is being connected, when it is.
async fn connected(stream: io::Result<TcpStream>) -> io::Result<TcpStream> {
    let stream = stream?;
    poll_fn(|_| match opened(&stream) {
        Ok(false) => Poll::Pending,
        result => Poll::Ready(result),
    })
    .await?;
    Ok(stream)
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

impl Io for TcpIo {
    fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let now = self.now();
        let race = self.race.get_or_insert_with(|| HappyEyeballsConnect::new(lookup(target.host.clone(), target.port)));
        let place = &mut self.place;
        let result = ready!(race.poll(cx, now, |address| {
            let stream = TcpStream::connect(address);
            connected(stream.and_then(|mut stream| watched(place, &mut stream).map(|()| stream)))
        }));
        self.race = None;
        let stream = result.map_err(|error| ConnectError::Network(error.to_string()))?;
        let _ = stream.set_nodelay(true);
        self.stream = Some(stream);
        Poll::Ready(Ok(()))
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
        let until = self.race.as_ref().and_then(HappyEyeballsConnect::poll_timeout).into_iter().chain(until).min();
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
