//! One end of a TLS session, over buffers.

use core::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

/// Why a session failed, or could not begin. Sticky; the alert that tells the peer is in
/// [`poll_transmit`](TlsSession::poll_transmit) already.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The host is no name that a certificate can have.
    Name,
    /// No root certificates could be loaded.
    Roots(String),
    /// The session failed: a certificate that is not trusted, for one.
    Session(rustls::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the host is no name that a certificate can have"),
            Self::Roots(why) => write!(f, "no root certificates could be loaded: {why}"),
            Self::Session(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<rustls::Error> for Error {
    fn from(error: rustls::Error) -> Self {
        Self::Session(error)
    }
}

/// Plaintext bytes that one call of [`TlsSession::encrypt`] takes: one record's worth.
const RECORD: usize = 16 * 1024;

/// One end of a TLS session.
///
/// The same vocabulary as the core's: the world tells it with `handle_*`, and asks with `poll_*`, in any order.
#[derive(Debug)]
pub struct TlsSession {
    connection: Connection,
    /// Plaintext that came, and how much of it was taken.
    plain: Vec<u8>,
    taken: usize,
    /// Ciphertext to be written, and how much of it was.
    cipher: Vec<u8>,
    written: usize,
    closed: bool,
}

impl TlsSession {
    /// A client's end. The peer's certificate must be valid for `host`, a name or an address.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] when no certificate could be valid for the host.
    pub fn client(config: Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name)?;
        Ok(Self::new(ClientConnection::new(config, name)?.into()))
    }

    /// A server's end.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] when the configuration cannot be used.
    pub fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self::new(ServerConnection::new(config)?.into()))
    }

    fn new(connection: Connection) -> Self {
        let (plain, cipher) = (Vec::new(), Vec::new());
        let mut tls = Self { connection, plain, taken: 0, cipher, written: 0, closed: false };
        tls.flush();
        tls
    }

    /// What the handshake agreed on, for people: the protocol's version, the cipher suite, and the protocol inside. Nothing before
    /// it is over.
    #[must_use]
    pub fn negotiated_summary(&self) -> Option<String> {
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let version = self.connection.protocol_version()?;
        let inside = self.connection.alpn_protocol().unwrap_or(b"no alpn");
        Some(format!("{version:?}, {suite:?}, {}", String::from_utf8_lossy(inside)))
    }

    /// Whether the handshake is not over yet.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer has said that no more plaintext comes. Ciphertext that ends without it was cut.
    #[must_use]
    pub const fn peer_has_closed(&self) -> bool {
        self.closed
    }

    /// Ciphertext came from the socket: all of it is taken, and its plaintext is in
    /// [`poll_plaintext`](Self::poll_plaintext).
    ///
    /// # Errors
    ///
    /// [`Error::Session`]: the session is over.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<(), Error> {
        while !input.is_empty() && !self.closed {
            // Reading from a slice fails only when too much waits inside, and nothing does: it is taken out below.
            if self.connection.read_tls(&mut input).is_err() {
                break;
            }
            let result = self.connection.process_new_packets();
            self.flush();
            let state = result?;
            self.closed |= state.peer_has_closed();
            let start = self.plain.len();
            self.plain.resize(start + state.plaintext_bytes_to_read(), 0);
            let read = self.connection.reader().read(&mut self.plain[start..]).unwrap_or(0);
            self.plain.truncate(start + read);
        }
        Ok(())
    }

    /// Plaintext that came.
    #[must_use]
    pub fn poll_plaintext(&self) -> &[u8] {
        &self.plain[self.taken..]
    }

    /// `length` bytes of [`poll_plaintext`](Self::poll_plaintext) were taken.
    pub fn consume_plaintext(&mut self, length: usize) {
        advance(&mut self.plain, &mut self.taken, length);
    }

    /// Encrypts the front of `plaintext`, and returns how much: one record's worth at most. During the handshake it waits
    /// inside.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> usize {
        let record = &plaintext[..plaintext.len().min(RECORD)];
        // It is a buffer, which does not fail.
        let length = self.connection.writer().write(record).unwrap_or(0);
        self.flush();
        length
    }

    /// Says to the peer that no more plaintext comes.
    pub fn close(&mut self) {
        self.connection.send_close_notify();
        self.flush();
    }

    /// Ciphertext to be written to the socket.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        &self.cipher[self.written..]
    }

    /// `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, length: usize) {
        advance(&mut self.cipher, &mut self.written, length);
    }

    fn flush(&mut self) {
        while self.connection.wants_write() {
            // Writing to a vector does not fail.
            if self.connection.write_tls(&mut self.cipher).is_err() {
                break;
            }
        }
    }
}

/// Moves past `length` bytes, and gives room back when all are gone.
fn advance(bytes: &mut Vec<u8>, at: &mut usize, length: usize) {
    *at = bytes.len().min(*at + length);
    if *at == bytes.len() {
        bytes.clear();
        *at = 0;
    }
}
