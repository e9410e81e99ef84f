//! Which transport a request takes.

use crate::client::config::{Credentials, Provider, TransportPreference};
use crate::client::requests::ActiveRequest;
use crate::connection::Transport;

/// The application's preference, what the provider and the credentials allow, and whether the client fell back to HTTP.
#[derive(Debug)]
pub(in crate::client) struct TransportSelector {
    preference: TransportPreference,
    /// The provider speaks WebSocket, and the credentials can be shown in a handshake.
    websocket_possible: bool,
    fell_back: bool,
}

impl TransportSelector {
    pub(in crate::client) fn new(
        preference: TransportPreference,
        provider: &Provider,
        credentials: &Credentials,
    ) -> Self {
        let websocket_possible = provider.capabilities.websocket && credentials.fit_handshakes();
        Self { preference, websocket_possible, fell_back: false }
    }

    /// Takes new credentials into account.
    pub(in crate::client) fn set_credentials(&mut self, provider: &Provider, credentials: &Credentials) {
        self.websocket_possible = provider.capabilities.websocket && credentials.fit_handshakes();
    }

    /// Returns the transport of requests without special needs.
    pub(in crate::client) const fn transport(&self) -> Transport {
        let websocket = match self.preference {
            TransportPreference::Auto => self.websocket_possible && !self.fell_back,
            TransportPreference::WebSocket => true,
            TransportPreference::Http => false,
        };
        if websocket { Transport::WebSocket } else { Transport::Http }
    }

    /// Returns the transport of this request.
    pub(in crate::client) const fn transport_for(&self, request: &ActiveRequest) -> Transport {
        if request.needs_http() { Transport::Http } else { self.transport() }
    }

    /// Returns whether HTTP may take the place of WebSocket.
    pub(in crate::client) fn can_fall_back(&self) -> bool {
        self.preference == TransportPreference::Auto
    }

    /// Takes HTTP from here on. Returns whether this is new.
    pub(in crate::client) const fn fall_back(&mut self) -> bool {
        !core::mem::replace(&mut self.fell_back, true)
    }

    pub(in crate::client) const fn fell_back(&self) -> bool {
        self.fell_back
    }
}
