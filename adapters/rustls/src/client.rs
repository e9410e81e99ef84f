//! Clients and servers over any socket. Each runtime's adapter is built on them.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::{ClientConfig, ServerConfig};
use turnwire::client::{Client as ClientState, Credentials, InvalidProvider, Provider, Settings};
use turnwire::connection::{ServerConnection, server::Config};
use turnwire_driver::{ClientDriver, Io, ServerDriver};

use crate::io::TlsIo;
use crate::session::Error;

/// A client over sockets of one type, with TLS. It dereferences to [`ClientDriver`], which has the methods.
///
/// ```
/// use turnwire::client::{Credentials, Provider, Settings};
/// use turnwire_driver::Io;
///
/// /// Creates a client over sockets of any runtime.
/// fn client<S: Io + Default>() -> Result<turnwire_rustls::Client<S>, turnwire::client::InvalidProvider> {
///     turnwire_rustls::Client::new(Provider::openai(), Credentials::bearer("key"), Settings::default())
/// }
/// ```
#[derive(Debug)]
pub struct Client<S: Io>(ClientDriver<TlsIo<S>>);

impl<S: Io + Default> Client<S> {
    /// Creates a client of `provider`. It opens no connection before the first request. Its random seed comes from the operating
    /// system.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when the configuration allows no request: the error names the invalid part.
    pub fn new(provider: Provider, credentials: Credentials, settings: Settings) -> Result<Self, InvalidProvider> {
        Self::with_io(TlsIo::new(S::default()), provider, credentials, settings)
    }

    /// Creates a client with its own TLS configuration instead of [`client_config`](crate::client_config).
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
        Self::with_io(TlsIo::with_config(S::default(), tls), provider, credentials, settings)
    }
}

impl<S: Io> Client<S> {
    fn with_io(
        io: TlsIo<S>,
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<Self, InvalidProvider> {
        let mut client = ClientState::new(provider, credentials, settings, seed())?;
        // A system time before 1970 is wrong: go without the wall clock.
        if let Ok(unix) = SystemTime::now().duration_since(UNIX_EPOCH) {
            client.set_wall_clock(io.now(), unix.as_millis().try_into().unwrap_or(u64::MAX));
        }
        Ok(Self(ClientDriver::new(client, io)))
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

/// Serves an accepted socket, with TLS if `tls` is set.
///
/// # Errors
///
/// Returns [`Error::Session`] when the TLS configuration is unusable. The socket is dropped.
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
