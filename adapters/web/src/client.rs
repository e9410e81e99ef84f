//! `Client`: a client over the Web's `WebSocket` and `fetch`.

use core::ops::{Deref, DerefMut};
use std::time::UNIX_EPOCH;

use turnwire::client::{Client as ClientState, Credentials, InvalidProvider, Provider, Settings};
use turnwire::{Seed, web};
use turnwire_driver::{ClientDriver, Io as _};
use wasm_bindgen::JsCast as _;

use crate::clock;
use crate::io::WebIo;

/// A client over the Web's `WebSocket` and `fetch`. It dereferences to [`ClientDriver`], which has the methods.
#[derive(Debug)]
pub struct Client(ClientDriver<WebIo>);

/// A turn of a [`Client`].
pub type Turn<'c> = turnwire_driver::Turn<'c, WebIo>;

impl Client {
    /// Creates a client of `provider`. It connects when the first request needs a connection. Its random seed comes from
    /// `crypto.getRandomValues`.
    ///
    /// Pings and the check of a silent WebSocket ([`Capabilities`](turnwire::client::Capabilities)) are off, because the Web has no
    /// pings.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when the configuration allows no request: the error names the invalid part.
    pub fn new(provider: Provider, credentials: Credentials, settings: Settings) -> Result<Self, InvalidProvider> {
        Self::with_web_settings(provider, credentials, settings, web::Settings::new())
    }

    /// Creates a client that requests subprotocols, for example one that contains the API key: see [`web::Settings`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_web_settings(
        mut provider: Provider,
        credentials: Credentials,
        settings: Settings,
        web: web::Settings,
    ) -> Result<Self, InvalidProvider> {
        provider.capabilities.ping_interval = None;
        provider.capabilities.check_after = None;
        let io = WebIo::new(web);
        let mut client = ClientState::new(provider, credentials, settings, seed())?;
        if let Ok(unix) = io.wall_clock().duration_since(UNIX_EPOCH) {
            client.set_wall_clock(io.now(), unix.as_millis().try_into().unwrap_or(u64::MAX));
        }
        Ok(Self(ClientDriver::new(client, io)))
    }
}

impl Deref for Client {
    type Target = ClientDriver<WebIo>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

fn seed() -> Seed {
    let crypto: web_sys::Crypto = clock::global("crypto").unchecked_into();
    let mut seed = [0; 32];
    let filled = crypto.get_random_values_with_u8_array(&mut seed);
    filled.expect("the runtime has crypto.getRandomValues, which fills 32 bytes");
    seed
}
