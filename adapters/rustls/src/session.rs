//! A TLS session over buffers.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::config::for_http1;
use crate::error::Error;

/// Maximum number of plaintext bytes that one call of [`TlsSession::encrypt`] accepts: one TLS record.
const RECORD: usize = 16 * 1024;

/// A TLS session of a client or a server.
///
/// It has the interface of the core's state machines: the caller reports input with `handle_*` and asks for output with `poll_*`, in
/// any order.
///
/// ```
/// use turnwire_rustls::{TlsSession, client_config};
///
/// let mut tls = TlsSession::client(client_config()?, "api.example.com")?;
/// let written = tls.poll_transmit().len(); // as much as the socket took
/// tls.handle_written(written);
/// assert!(tls.is_handshaking() && tls.poll_transmit().is_empty());
/// # Ok::<(), turnwire_rustls::Error>(())
/// ```
#[derive(Debug)]
pub struct TlsSession {
    connection: Connection,
    /// Received plaintext.
    plain: Queue,
    /// Ciphertext to write.
    cipher: Queue,
    closed: bool,
}

/// Capacity in bytes that a queue keeps in addition to what waits.
const RETAINED: usize = 4 * 1024;

/// Bytes that are appended at the end and taken from the front. It holds at most twice the bytes that wait, and a small constant.
#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    taken: usize,
}

impl Queue {
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Removes `length` bytes, or all if there are fewer. Waiting bytes are moved only after as many were taken, so the total work is
    /// linear.
    fn advance(&mut self, length: usize) {
        self.taken += length.min(self.waiting().len());
        let waiting = self.waiting().len();
        if waiting == 0 {
            // A session waits most of its life. For each record, rustls allocates as well.
            *self = Self::default();
        } else if self.taken >= waiting + RETAINED {
            self.bytes.drain(..self.taken);
            self.taken = 0;
            self.bytes.shrink_to(waiting + RETAINED);
        }
    }
}

impl TlsSession {
    /// Creates the session of a client. The server's certificate must be valid for `host`, a name or an IP address.
    ///
    /// A configuration that offers other protocols than `http/1.1` is used without them, because a server could select one of them
    /// (RFC 7301).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Name`] when `host` is not a valid server name.
    pub fn client(config: Arc<ClientConfig>, host: &str) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name)?;
        Ok(Self::new(ClientConnection::new(for_http1(config), name)?.into()))
    }

    /// Creates the session of a server.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Session`] when the configuration is unusable.
    pub fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self::new(ServerConnection::new(config)?.into()))
    }

    fn new(connection: Connection) -> Self {
        let mut tls = Self { connection, plain: Queue::default(), cipher: Queue::default(), closed: false };
        tls.flush();
        tls
    }

    /// Describes the result of the handshake for a person: TLS version, cipher suite and ALPN protocol. Returns `None` during the
    /// handshake.
    #[must_use]
    pub fn negotiated_summary(&self) -> Option<String> {
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let version = self.connection.protocol_version()?;
        let alpn = self.connection.alpn_protocol().unwrap_or(b"no alpn");
        Some(format!("{version:?}, {suite:?}, {}", String::from_utf8_lossy(alpn)))
    }

    /// Returns whether the handshake is in progress.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Returns whether the peer has sent close_notify. If the ciphertext ends without it, the plaintext is truncated.
    #[must_use]
    pub const fn peer_has_closed(&self) -> bool {
        self.closed
    }

    /// Decrypts ciphertext from the socket, all of it. The plaintext is then in [`poll_plaintext`](Self::poll_plaintext).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Session`] when the session has failed. What came before the failure is still in
    /// [`poll_plaintext`](Self::poll_plaintext). Write [`poll_transmit`](Self::poll_transmit), which contains the alert, then disconnect.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<(), Error> {
        while !input.is_empty() && !self.closed {
            // A read from a slice fails only when too much plaintext is buffered; all of it is taken out below.
            if self.connection.read_tls(&mut input).is_err() {
                break;
            }
            let result = self.connection.process_new_packets();
            self.flush();
            self.closed |= result.as_ref().is_ok_and(rustls::IoState::peer_has_closed);
            // Without more plaintext the reader returns `WouldBlock`, and after close_notify the end.
            let _ = self.connection.reader().read_to_end(&mut self.plain.bytes);
            result?;
        }
        self.shrink_ciphertext();
        Ok(())
    }

    /// Makes rustls give back the buffer of records that were decrypted, up to 32 KiB. It does so before a read only, when the peer sends
    /// again.
    fn shrink_ciphertext(&mut self) {
        struct NothingToRead;

        impl io::Read for NothingToRead {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }

        let _ = self.connection.read_tls(&mut NothingToRead);
    }

    /// Returns the received plaintext that is not consumed yet.
    #[must_use]
    pub fn poll_plaintext(&self) -> &[u8] {
        self.plain.waiting()
    }

    /// Consumes `length` bytes of [`poll_plaintext`](Self::poll_plaintext).
    pub fn consume_plaintext(&mut self, length: usize) {
        self.plain.advance(length);
    }

    /// Encrypts a prefix of `plaintext`, at most one record, and returns its length. During the handshake the session buffers it.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> usize {
        let record = &plaintext[..plaintext.len().min(RECORD)];
        // A write to the session's buffer cannot fail.
        let length = self.connection.writer().write(record).unwrap_or(0);
        self.flush();
        length
    }

    /// Sends close_notify: this end sends no more plaintext.
    pub fn close(&mut self) {
        self.connection.send_close_notify();
        self.flush();
    }

    /// Returns the ciphertext to write to the socket.
    #[must_use]
    pub fn poll_transmit(&self) -> &[u8] {
        self.cipher.waiting()
    }

    /// Reports that `length` bytes of [`poll_transmit`](Self::poll_transmit) were written.
    pub fn handle_written(&mut self, length: usize) {
        self.cipher.advance(length);
    }

    /// Frees the memory of the buffers that are empty, for a session that waits.
    pub fn release_idle_memory(&mut self) {
        for queue in [&mut self.plain, &mut self.cipher] {
            if queue.waiting().is_empty() {
                *queue = Queue::default();
            }
        }
    }

    /// Moves the ciphertext to write into `buffer`, for I/O that owns its buffers until it is complete. It counts as written. Nothing is
    /// copied, unless a part of it was written before.
    pub fn take_transmit(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        self.cipher.bytes.drain(..self.cipher.taken);
        self.cipher.taken = 0;
        core::mem::swap(&mut self.cipher.bytes, buffer);
    }

    fn flush(&mut self) {
        while self.connection.wants_write() {
            // A write to a vector cannot fail.
            if self.connection.write_tls(&mut self.cipher.bytes).is_err() {
                break;
            }
        }
    }
}
