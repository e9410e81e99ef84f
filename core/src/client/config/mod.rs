//! The configuration: the provider, its endpoint, the settings and the credentials.

mod credentials;
mod endpoint;
mod invalid_provider;
mod provider;
mod provider_file;
mod settings;
mod setup;
mod url;

pub use credentials::{Credentials, Secret, Sign, SignError, SignableRequest, TokenCommand};
pub use invalid_provider::InvalidProvider;
pub use provider::{Capabilities, Provider, RetryPolicy};
pub use settings::{AbandonMode, AttestationFn, CancelMode, Settings, TransportPreference};
pub use setup::ClientSetup;
pub(super) use setup::SharedConfig;
