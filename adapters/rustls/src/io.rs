//! TLS between a socket and the loop.

use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::time::Instant;
use turnwire_driver::Io;

use crate::config::client_config;
use crate::layer::{Error, TlsSession};

/// Bytes of one read of ciphertext.
const READ: usize = 16 * 1024;

/// An [`Io`] that speaks TLS where the target wants it, and lets everything else through.
#[derive(Debug)]
pub struct TlsIo<I: Io> {
    io: I,
    /// The process's own configuration, unless set.
    config: Option<Arc<ClientConfig>>,
    session: Option<Session>,
    /// Whether the socket below is open.
    connected: bool,
}

#[derive(Debug)]
struct Session {
    tls: TlsSession,
    /// Bytes of plaintext whose ciphertext is being written.
    accepted: usize,
    buffer: Box<[u8]>,
}

impl Session {
    fn new(tls: TlsSession) -> Self {
        Self { tls, accepted: 0, buffer: vec![0; READ].into() }
    }

    /// Writes what ciphertext there is.
    fn poll_flush(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.tls.poll_transmit().is_empty() {
            match ready!(io.poll_write(cx, self.tls.poll_transmit()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => self.tls.handle_written(length),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads ciphertext once. `false`: there is no more.
    fn poll_fill(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let length = ready!(io.poll_read(cx, &mut self.buffer))?;
        let result = self.tls.handle_input(&self.buffer[..length]);
        // The alert that says what is wrong is worth an attempt.
        let _ = self.poll_flush(io, cx)?;
        result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Poll::Ready(Ok(length > 0))
    }

    fn poll_handshake(&mut self, io: &mut impl Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
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
    /// A client's socket, which trusts what [`client_config`] does.
    pub const fn new(io: I) -> Self {
        Self { io, config: None, session: None, connected: false }
    }

    /// A client's socket with a configuration of its own.
    pub const fn with_config(io: I, config: Arc<ClientConfig>) -> Self {
        Self { io, config: Some(config), session: None, connected: false }
    }

    /// A server's socket that was accepted and is open. Without a configuration it speaks no TLS.
    ///
    /// # Errors
    ///
    /// [`Error::Session`] when the configuration cannot be used.
    pub fn accepted(io: I, config: Option<Arc<ServerConfig>>) -> Result<Self, Error> {
        let session = config.map(TlsSession::server).transpose()?.map(Session::new);
        Ok(Self { io, config: None, session, connected: true })
    }

    fn session(&self, host: &str) -> Result<Session, Error> {
        let config = self.config.clone().map_or_else(client_config, Ok)?;
        TlsSession::client(config, host).map(Session::new)
    }
}

impl<I: Io> Io for TlsIo<I> {
    fn now(&self) -> Instant {
        self.io.now()
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
        let tls = error.kind() == io::ErrorKind::InvalidData;
        let failed = self.failed(&error);
        Poll::Ready(Err(if tls { failed } else { ConnectError::Network(error.to_string()) }))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(session) = &mut self.session else { return self.io.poll_read(cx, buffer) };
        // What the session itself has to say, a new key for one, goes out when it can.
        let _ = session.poll_flush(&mut self.io, cx)?;
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
            if !ready!(session.poll_fill(&mut self.io, cx))? {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Plaintext counts as written when its ciphertext is.
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
            // Whether the peer hears of it is not worth waiting for.
            let _ = session.poll_flush(&mut self.io, &mut Context::from_waker(Waker::noop()));
        }
        self.connected = false;
        self.io.disconnect();
    }
}

/// A peer that hears no good-bye has to think that it was cut off.
impl<I: Io> Drop for TlsIo<I> {
    fn drop(&mut self) {
        self.disconnect();
    }
}

impl<I: Io> TlsIo<I> {
    /// The socket is of no use.
    fn failed(&mut self, error: &dyn core::error::Error) -> ConnectError {
        let text = error.to_string();
        self.disconnect();
        ConnectError::Tls(text)
    }
}
