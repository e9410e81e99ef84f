//! TLS between a socket and the I/O loop.

use core::cell::RefCell;
use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::{ClientConfig, ServerConfig};
use turnwire::client::{ConnectError, ConnectTarget, ForwardProxy};
use turnwire::connection::LossReason;
use turnwire::time::Instant;
use turnwire_driver::Io;

use crate::config::client_config;
use crate::error::Error;
use crate::session::TlsSession;

/// Size of the ciphertext read buffer in bytes.
const READ: usize = 16 * 1024;

/// An [`Io`] that uses TLS if the target requires it, and passes bytes through otherwise.
///
/// ```
/// use turnwire::client::Client;
/// use turnwire_driver::{ClientDriver, Io};
/// use turnwire_rustls::TlsIo;
///
/// /// Drives a client over a socket, with TLS for `https` and `wss`.
/// fn drive<S: Io>(client: Client, socket: S) -> ClientDriver<TlsIo<S>> {
///     ClientDriver::new(client, TlsIo::new(socket))
/// }
/// ```
#[derive(Debug)]
pub struct TlsIo<I: Io> {
    io: I,
    /// `None` means [`client_config`].
    config: Option<Arc<ClientConfig>>,
    /// In a box: a client has two layers of TLS, of which most use none.
    session: Option<Box<ActiveTls>>,
    /// Whether the underlying socket is open.
    connected: bool,
}

#[derive(Debug)]
struct ActiveTls {
    tls: TlsSession,
    /// Number of plaintext bytes whose ciphertext is being written.
    accepted: usize,
    /// Why the session has failed, once it has.
    failure: Option<Error>,
}

thread_local! {
    /// One buffer of ciphertext for all sessions of a thread: nothing is left in it between two reads.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

impl ActiveTls {
    fn new(tls: TlsSession) -> Box<Self> {
        Box::new(Self { tls, accepted: 0, failure: None })
    }

    /// Writes all pending ciphertext.
    fn poll_flush(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.tls.poll_transmit().is_empty() {
            match ready!(io.poll_write(cx, self.tls.poll_transmit()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.tls.handle_written(length),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads ciphertext once. Returns `false` at the end of the input. A failure of the session is kept: what came before it is read
    /// first.
    fn poll_fill(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        BUFFER.with(|buffer| match buffer.try_borrow_mut() {
            Ok(mut buffer) => self.poll_fill_from(io, cx, &mut buffer),
            // The buffer is borrowed if `poll_read` of the `Io` polls another session.
            Err(_) => self.poll_fill_from(io, cx, &mut vec![0; READ]),
        })
    }

    fn poll_fill_from(&mut self, io: &mut impl Io, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<bool>> {
        let length = ready!(io.poll_read(cx, buffer))?;
        if let Err(error) = self.tls.handle_input(&buffer[..length]) {
            self.failure = Some(error);
        }
        // The output includes the alert for the peer. A failed write is reported by the next write.
        let _ = self.poll_flush(io, cx);
        Poll::Ready(Ok(length > 0))
    }

    /// Returns the error of a failed session.
    fn check(&self) -> io::Result<()> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(lost(&failure.to_string())))
    }

    fn poll_handshake(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.check()?;
            ready!(self.poll_flush(io, cx))?;
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if !ready!(self.poll_fill(io, cx))? {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

impl<I: Io> TlsIo<I> {
    /// Wraps a socket of a client, with the TLS configuration [`client_config`].
    pub const fn new(io: I) -> Self {
        Self::with_optional_config(io, None)
    }

    /// Wraps a socket of a client, with its own TLS configuration.
    pub const fn with_config(io: I, config: Arc<ClientConfig>) -> Self {
        Self::with_optional_config(io, Some(config))
    }

    pub(crate) const fn with_optional_config(io: I, config: Option<Arc<ClientConfig>>) -> Self {
        Self { io, config, session: None, connected: false }
    }

    /// Wraps an accepted socket of a server. Without a configuration it uses no TLS.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Session`] when the configuration is unusable. The socket is dropped.
    pub fn accepted(io: I, config: Option<Arc<ServerConfig>>) -> Result<Self, Error> {
        let session = config.map(TlsSession::server).transpose()?.map(ActiveTls::new);
        Ok(Self { io, config: None, session, connected: true })
    }

    fn session(&self, host: &str) -> Result<Box<ActiveTls>, Error> {
        let config = self.config.clone().map_or_else(client_config, Ok)?;
        TlsSession::client(config, host).map(ActiveTls::new)
    }
}

impl<I: Io> Io for TlsIo<I> {
    fn now(&self) -> Instant {
        self.io.now()
    }

    fn wall_clock(&self) -> SystemTime {
        self.io.wall_clock()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        if !self.connected {
            ready!(self.io.poll_connect(cx, target))?;
            self.connected = true;
            if target.tls {
                self.session = Some(self.session(&target.host).map_err(|error| self.failed(&error))?);
            }
        }
        let Some(session) = &mut self.session else { return Poll::Ready(Ok(())) };
        let Err(error) = ready!(session.poll_handshake(&mut self.io, cx)) else { return Poll::Ready(Ok(())) };
        let failure = session.failure.take();
        let failed = self.failed(failure.as_ref().map_or(&error as &dyn core::error::Error, |failure| failure));
        Poll::Ready(Err(if failure.is_some() { failed } else { ConnectError::Network(error.to_string()) }))
    }

    fn forward_proxy(&self) -> Option<&ForwardProxy> {
        self.io.forward_proxy()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(session) = &mut self.session else { return self.io.poll_read(cx, buffer) };
        // Ciphertext of the session itself, such as a key update, is written when the socket accepts it. A failed write is reported by
        // the next write.
        let _ = session.poll_flush(&mut self.io, cx);
        loop {
            let plain = session.tls.poll_plaintext();
            if !plain.is_empty() {
                let length = plain.len().min(buffer.len());
                buffer[..length].copy_from_slice(&plain[..length]);
                session.tls.consume_plaintext(length);
                return Poll::Ready(Ok(length));
            }
            if session.tls.peer_has_closed() {
                return Poll::Ready(Ok(0));
            }
            session.check()?;
            let Poll::Ready(filled) = session.poll_fill(&mut self.io, cx) else {
                session.tls.release_idle_memory();
                return Poll::Pending;
            };
            if !filled? {
                // The peer or an attacker has truncated the connection (RFC 8446 §6.1).
                let words = "the peer closed the socket without close_notify";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, words)));
            }
        }
    }

    /// Reports plaintext as written only when its ciphertext is written.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(session) = &mut self.session else { return self.io.poll_write(cx, bytes) };
        if session.accepted == 0 {
            session.accepted = session.tls.encrypt(bytes);
        }
        ready!(session.poll_flush(&mut self.io, cx))?;
        Poll::Ready(Ok(core::mem::take(&mut session.accepted)))
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.io.poll_wait(cx, until)
    }

    fn disconnect(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.tls.close();
            // Do not wait until close_notify is written: one attempt only.
            let _ = session.poll_flush(&mut self.io, &mut Context::from_waker(Waker::noop()));
        }
        self.connected = false;
        self.io.disconnect();
    }
}

/// Sends close_notify on drop, so that the peer can tell a close from a truncation.
impl<I: Io> Drop for TlsIo<I> {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// Converts a failure of the TLS session to an error of the socket.
fn lost(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, LossReason::Tls(words.into()))
}

impl<I: Io> TlsIo<I> {
    /// Disconnects, and converts `error` to a [`ConnectError`].
    fn failed(&mut self, error: &dyn core::error::Error) -> ConnectError {
        let text = error.to_string();
        self.disconnect();
        ConnectError::Tls(text)
    }
}
