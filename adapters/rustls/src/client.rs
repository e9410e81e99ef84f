//! Clients that dial, and servers that were dialed, over any socket: what each runtime's adapter is made of.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::{ClientConfig, ServerConfig};
use turnwire::client::{Client as Machine, Credentials, InvalidProvider, Provider, Settings};
use turnwire::connection::{Config, ServerConnection};
use turnwire_driver::{ClientDriver, Io, ServerDriver};

use crate::io::TlsIo;
use crate::layer::Error;

/// A client over sockets of one kind, with TLS. Everything else is its [`ClientDriver`]'s.
#[derive(Debug)]
pub struct Client<S: Io>(ClientDriver<TlsIo<S>>);

impl<S: Io + Default> Client<S> {
    /// A client of this provider. Nothing is dialed before it is needed. Seeds come from the operating system.
    ///
    /// # Errors
    ///
    /// [`InvalidProvider`] when no request could ever be made.
    pub fn new(provider: Provider, credentials: Credentials, settings: Settings) -> Result<Self, InvalidProvider> {
        Self::over(TlsIo::new(S::default()), provider, credentials, settings)
    }

    /// The same, with a TLS configuration of its own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_tls(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, InvalidProvider> {
        Self::over(TlsIo::with_config(S::default(), tls), provider, credentials, settings)
    }
}

impl<S: Io> Client<S> {
    fn over(
        io: TlsIo<S>,
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<Self, InvalidProvider> {
        let mut machine = Machine::new(provider, credentials, settings, seed())?;
        // A calendar that begins later than Unix is of no use.
        if let Ok(unix) = SystemTime::now().duration_since(UNIX_EPOCH) {
            machine.set_wall_clock(io.now(), unix.as_millis().try_into().unwrap_or(u64::MAX));
        }
        Ok(Self(ClientDriver::new(machine, io)))
    }
}

impl<S: Io> Deref for Client<S> {
    type Target = ClientDriver<TlsIo<S>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Io> DerefMut for Client<S> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A server's end of an accepted socket, with TLS where there is a configuration for it.
///
/// # Errors
///
/// [`Error::Session`] when the configuration cannot be used.
pub fn accept<S: Io>(
    socket: S,
    config: Config,
    tls: Option<Arc<ServerConfig>>,
) -> Result<ServerDriver<TlsIo<S>>, Error> {
    Ok(ServerDriver::new(ServerConnection::new(config, seed()), TlsIo::accepted(socket, tls)?))
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system has a random source");
    seed
}
