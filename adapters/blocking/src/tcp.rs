//! A non-blocking TCP socket with the poller that waits for it, as an [`Io`].

use core::future::poll_fn;
use core::net::{IpAddr, SocketAddr};
use core::task::{Context, Poll, ready};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::{thread, time};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll as Poller, Token, Waker};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_connect::{HappyEyeballsConnect, set_tcp_options};
use turnwire_driver::Io;

/// A TCP socket, which may be open, and the system's monotonic clock.
///
/// ```
/// use turnwire_driver::Io as _;
/// use turnwire_blocking::TcpIo;
///
/// let io = TcpIo::new();
/// assert!(io.now() <= io.now());
/// ```
#[derive(Debug)]
pub struct TcpIo {
    epoch: time::Instant,
    /// The poller, created with the first socket.
    poller: Option<(Poller, Events)>,
    /// Ends a wait of the poller, created with the first name lookup.
    waker: Option<Arc<Waker>>,
    stream: Option<TcpStream>,
    /// In a box: it exists only while a socket is being opened.
    race: Option<Box<HappyEyeballsConnect<TcpStream>>>,
}

impl TcpIo {
    /// Creates an `Io` without a socket.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: time::Instant::now(), poller: None, waker: None, stream: None, race: None }
    }

    /// Wraps an open socket, for example an accepted one. Sets the options of [`set_tcp_options`].
    ///
    /// # Errors
    ///
    /// Returns an error when the socket cannot be made non-blocking, or no poller can be created. The socket is dropped.
    pub fn from_stream(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        set_tcp_options(&stream);
        let mut socket = Self::new();
        socket.set_stream(TcpStream::from_std(stream))?;
        Ok(socket)
    }

    fn set_stream(&mut self, mut stream: TcpStream) -> io::Result<()> {
        self.stream = Some(register(&mut self.poller, &mut stream).map(|()| stream)?);
        Ok(())
    }
}

/// The token of streams.
const STREAM: Token = Token(0);
/// The token of the end of a name lookup.
const LOOKUP: Token = Token(1);

/// Returns the poller, which is created if there is none.
fn poller_of(slot: &mut Option<(Poller, Events)>) -> io::Result<&Poller> {
    let (poller, _) = match slot {
        Some(poller) => poller,
        None => slot.insert((Poller::new()?, Events::with_capacity(8))),
    };
    Ok(poller)
}

/// Returns the waker of the poller, which may have only one.
fn waker_of(slot: &mut Option<(Poller, Events)>, waker: &mut Option<Arc<Waker>>) -> io::Result<Arc<Waker>> {
    Ok(Arc::clone(match waker {
        Some(waker) => waker,
        None => waker.insert(Arc::new(Waker::new(poller_of(slot)?.registry(), LOOKUP)?)),
    }))
}

/// Registers a stream, so that its readiness ends a wait.
fn register(slot: &mut Option<(Poller, Events)>, stream: &mut TcpStream) -> io::Result<()> {
    poller_of(slot)?.registry().register(stream, STREAM, Interest::READABLE | Interest::WRITABLE)
}

/// Looks up a name on a thread of its own, because the system call may block for longer than a deadline allows. The thread is left
/// behind when the lookup is dropped, and ends with its system call. An IP address needs no thread.
async fn lookup(host: String, port: u16, waker: io::Result<Arc<Waker>>) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let waker = waker?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("turnwire-lookup".into()).spawn(move || {
        let addresses = (host, port).to_socket_addrs().map(Iterator::collect);
        // If the lookup was dropped, the result is not needed.
        if sender.send(addresses).is_ok() {
            let _ = waker.wake();
        }
    })?;
    poll_fn(move |_| match receiver.try_recv() {
        Ok(addresses) => Poll::Ready(addresses),
        Err(TryRecvError::Empty) => Poll::Pending,
        Err(TryRecvError::Disconnected) => Poll::Ready(Err(io::Error::other("the name lookup has failed"))),
    })
    .await
}

/// Waits until the connection attempt of a stream has succeeded or failed.
async fn wait_connected(stream: io::Result<TcpStream>) -> io::Result<TcpStream> {
    let stream = stream?;
    poll_fn(|_| match is_connected(&stream) {
        Ok(false) => Poll::Pending,
        result => Poll::Ready(result),
    })
    .await?;
    Ok(stream)
}

/// Returns whether the connection attempt of a stream has succeeded, or its error.
fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Converts the result of a non-blocking system call to a poll; repeats a call that a signal interrupted.
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
        let poller = &mut self.poller;
        let waker = &mut self.waker;
        let race = self.race.get_or_insert_with(|| {
            Box::new(HappyEyeballsConnect::new(lookup(target.host.clone(), target.port, waker_of(poller, waker))))
        });
        let result = ready!(race.poll(cx, now, |address| {
            let stream = TcpStream::connect(address);
            wait_connected(stream.and_then(|mut stream| register(poller, &mut stream).map(|()| stream)))
        }));
        self.race = None;
        let stream = result.map_err(|error| ConnectError::Network(error.to_string()))?;
        set_tcp_options(&stream);
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
        let until = HappyEyeballsConnect::next_poll(self.race.as_deref(), until);
        let timeout = until.map(|until| until.saturating_duration_since(self.now()));
        match (&mut self.poller, timeout) {
            (Some((poller, events)), timeout) => {
                // A wait that ends early is harmless: the I/O loop starts another round.
                let _ = poller.poll(events, timeout);
            }
            (None, Some(timeout)) => thread::sleep(timeout),
            // No socket and no deadline: park until another thread unparks this one.
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
