//! `ClientSetup`: the configuration that many clients share.

use alloc::sync::Arc;
use core::fmt;

use super::endpoint::Endpoint;
use super::invalid_provider::InvalidProvider;
use super::provider::Provider;
use super::settings::Settings;
use crate::connection::Transport;
use crate::connection::client::Config;

/// A provider, and the settings of its clients, which share the memory: by the sizes of its types, the configuration of an idle client of its own takes some 1.5 KiB more.
///
/// ```
/// use turnwire::client::{Client, ClientSetup, Credentials, Provider, Settings};
///
/// let setup = ClientSetup::new(Provider::new("example", "http://127.0.0.1:8080/v1"), Settings::default())?;
/// let first = Client::with_setup(&setup, Credentials::bearer("key"), [1; 32])?;
/// let second = Client::with_setup(&setup, Credentials::bearer("another key"), [2; 32])?;
/// # Ok::<(), turnwire::client::InvalidProvider>(())
/// ```
#[derive(Clone)]
pub struct ClientSetup(Arc<SharedConfig>);

/// What clients share.
#[derive(Debug)]
pub(in crate::client) struct SharedConfig {
    pub(in crate::client) provider: Provider,
    pub(in crate::client) settings: Settings,
    pub(in crate::client) endpoint: Endpoint,
    http: Arc<Config>,
    websocket: Arc<Config>,
}

impl ClientSetup {
    /// Combines a provider with settings.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when no request can be made with the provider.
    pub fn new(provider: Provider, settings: Settings) -> Result<Self, InvalidProvider> {
        let endpoint = Endpoint::new(&provider.base_url, &provider.query, provider.allow_plain)?;
        let config = |transport| Arc::new(connection_config(&provider, &settings, &endpoint, transport));
        let (http, websocket) = (config(Transport::Http), config(Transport::WebSocket));
        Ok(Self(Arc::new(SharedConfig { provider, settings, endpoint, http, websocket })))
    }

    pub(in crate::client) fn config(&self) -> Arc<SharedConfig> {
        Arc::clone(&self.0)
    }
}

/// Shows no credential.
impl fmt::Debug for ClientSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SharedConfig { provider, settings, .. } = &*self.0;
        f.debug_struct("ClientSetup").field("provider", provider).field("settings", settings).finish()
    }
}

impl SharedConfig {
    /// Returns the configuration of a connection of this transport.
    pub(in crate::client) fn connection(&self, transport: Transport) -> Arc<Config> {
        Arc::clone(match transport {
            Transport::Http => &self.http,
            Transport::WebSocket => &self.websocket,
        })
    }
}

fn connection_config(provider: &Provider, settings: &Settings, endpoint: &Endpoint, transport: Transport) -> Config {
    let mut config = settings.connection.clone();
    if config.authority.is_empty() {
        config.authority.clone_from(&endpoint.authority);
    }
    config.timeouts.idle = config.timeouts.idle.or(Some(provider.idle_timeout));
    if transport == Transport::WebSocket {
        config.ping_interval = config.ping_interval.or(provider.capabilities.ping_interval);
        if !provider.capabilities.deflate {
            config.deflate_offer = None;
        }
    }
    config
}
