//! One WebSocket connection over the tokio adapter's socket, with its own event loop for the `ws` layer: `connection` accepts no
//! binary messages.

use core::error::Error;
use core::future::poll_fn;
use std::io;

use tokio::net::TcpStream;
use turnwire::http::{self, HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::ws::deflate::{Offer, ServerPolicy};
use turnwire::ws::handshake::{self, ServerOptions};
use turnwire::ws::{Limits, Message, Role, State, WebSocket};
use turnwire_driver::Io as _;
use turnwire_tokio::TcpIo as Stream;

/// The error type of these programs, for display only.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Output size at which it is written: many small messages of one read are echoed in one write.
const BATCH: usize = 64 * 1024;

/// An owned message: a borrowed one would keep the socket borrowed while the echo is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Text.
    Text(String),
    /// Binary.
    Binary(Vec<u8>),
}

impl Data {
    /// Borrows the message.
    pub(crate) fn lend(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

/// The result of [`Peer::next`].
#[derive(Debug)]
pub(crate) enum Next {
    /// A data message.
    Data(Data),
    /// A pong.
    Pong,
    /// The connection has ended: the code of the peer's close frame, or why there is none.
    End(Result<u16, String>),
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: Stream,
    role: Role,
    socket: WebSocket,
    /// The read buffer; bytes before `at` are decoded.
    input: Vec<u8>,
    at: usize,
    out: Vec<u8>,
}

impl Peer {
    /// Responds to a handshake. Returns the connection and the request's target; `None` for a rejected request.
    pub(crate) async fn accept(stream: TcpStream) -> Result<Option<(String, Self)>, Failure> {
        let mut stream = Stream::from_stream(stream);
        let mut heads = HeadDecoder::<Request>::new(HeadLimits::default());
        let (request, rest) = head(&mut stream, |input| heads.decode(input)).await?;
        let mut out = Vec::new();
        let options = ServerOptions::default().with_deflate(Some(ServerPolicy::default()));
        match handshake::accept(&request, &options) {
            Ok((response, agreed)) => {
                http::encode_response(&response, &mut out);
                let socket = WebSocket::new(Role::Server, Limits::default(), agreed.deflate.as_ref(), seed()?);
                let peer = Self { stream, role: Role::Server, socket, input: rest, at: 0, out };
                Ok(Some((request.target().to_owned(), peer)))
            }
            Err(refusal) => {
                http::encode_response(&refusal.response, &mut out);
                write(&mut stream, &out).await?;
                Ok(None)
            }
        }
    }

    /// Connects.
    pub(crate) async fn connect(address: &str, target: &str, offer: Option<&Offer>) -> Result<Self, Failure> {
        let mut stream = Stream::from_stream(TcpStream::connect(address).await?);
        let nonce: [u8; 16] = seed()?[..16].try_into()?;
        let request = handshake::build_request(target, address, nonce, &Headers::new(), offer)?;
        let mut out = Vec::new();
        http::encode_request(&request, &mut out);
        write(&mut stream, &out).await?;
        let mut heads = HeadDecoder::<Response>::new(HeadLimits::default());
        let (response, rest) = head(&mut stream, |input| heads.decode(input)).await?;
        let agreed = handshake::verify_response(nonce, &response, offer, &[])?;
        let socket = WebSocket::new(Role::Client, Limits::default(), agreed.deflate.as_ref(), seed()?);
        Ok(Self { stream, role: Role::Client, socket, input: rest, at: 0, out: Vec::new() })
    }

    /// Queues a message. On a closing connection it is dropped.
    pub(crate) fn send(&mut self, message: Message<'_>) {
        let _ = self.socket.send(message, &mut self.out);
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> Result<(), Failure> {
        Ok(self.socket.close(code, reason)?)
    }

    /// Reads and writes until there is a message, or the connection ends.
    pub(crate) async fn next(&mut self) -> Result<Next, Failure> {
        loop {
            while self.at < self.input.len() {
                let mut rest = &mut self.input[self.at..];
                let before = rest.len();
                let message = self.socket.decode_in_place(&mut rest);
                self.at += before - rest.len();
                let next = match message {
                    Ok(Some(Message::Text(text))) => Some(Next::Data(Data::Text(text.to_owned()))),
                    Ok(Some(Message::Binary(bytes))) => Some(Next::Data(Data::Binary(bytes.to_vec()))),
                    Ok(Some(Message::Pong(_))) => Some(Next::Pong),
                    Ok(Some(_) | None) => None,
                    Err(_) => {
                        self.at = self.input.len();
                        None
                    }
                };
                // After each message, so that each ping gets a pong; the protocol requires only that of the newest.
                self.socket.write_pending_replies(&mut self.out);
                if self.out.len() >= BATCH {
                    self.write().await?;
                }
                if let Some(next) = next {
                    return Ok(next);
                }
            }
            self.socket.write_pending_replies(&mut self.out);
            self.write().await?;
            if self.socket.state() == State::Closed && self.role == Role::Server {
                self.stream.disconnect();
                return Ok(Next::End(self.end()));
            }
            self.input.resize(BATCH, 0);
            let size = read(&mut self.stream, &mut self.input).await.unwrap_or(0);
            self.input.truncate(size);
            self.at = 0;
            if size == 0 {
                return Ok(Next::End(self.end()));
            }
        }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        if !self.out.is_empty() {
            write(&mut self.stream, &self.out).await?;
            self.out.clear();
        }
        Ok(())
    }

    fn end(&self) -> Result<u16, String> {
        self.socket
            .peer_close()
            .map(|close| close.code)
            .ok_or_else(|| format!("no close frame: {:?}", self.socket.eof()))
    }
}

/// Reads a head. Returns also the bytes after it.
async fn head<H, E: Error + Send + Sync + 'static>(
    stream: &mut Stream,
    mut decode: impl FnMut(&mut &[u8]) -> Result<Option<H>, E>,
) -> Result<(H, Vec<u8>), Failure> {
    let mut buffer = [0; 4096];
    loop {
        let size = read(stream, &mut buffer).await?;
        if size == 0 {
            return Err("the connection ended inside a head".into());
        }
        let mut input = &buffer[..size];
        if let Some(head) = decode(&mut input)? {
            return Ok((head, input.to_vec()));
        }
    }
}

async fn read(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, buffer)).await
}

async fn write(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|cx| stream.poll_write(cx, bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            length => bytes = &bytes[length..],
        }
    }
    Ok(())
}

/// Returns an unpredictable seed.
fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
