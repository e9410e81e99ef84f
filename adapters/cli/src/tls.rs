//! Options for TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use turnwire_driver::{Io, ProxyIo, proxies_from_environment};
use turnwire_rustls::rustls::ClientConfig;
use turnwire_rustls::{ClientConfigBuilder, TlsIo};
use turnwire_tokio::ClientBuilder;

use crate::chat::Exit;

/// Options for TLS, named as those of curl.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TlsOptions {
    /// Trust the root certificates in this PEM file, and no others.
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Client certificate for a server that asks for one: a PEM file, which may contain the key as well.
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// PEM file with the private key of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Trust the root certificates in this PEM file, and no others, for a proxy whose URL begins with https.
    #[arg(long, value_name = "FILE")]
    pub proxy_cacert: Option<PathBuf>,
}

/// The TLS configurations of a command; `None` is that of the platform.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsConfigs {
    /// For the server.
    pub(crate) server: Option<Arc<ClientConfig>>,
    /// For a proxy.
    pub(crate) proxy: Option<Arc<ClientConfig>>,
}

impl TlsConfigs {
    /// Sets the configurations of a client.
    pub(crate) fn configure(&self, mut builder: ClientBuilder) -> ClientBuilder {
        if let Some(config) = &self.server {
            builder = builder.tls(Arc::clone(config));
        }
        if let Some(config) = &self.proxy {
            builder = builder.proxy_tls(Arc::clone(config));
        }
        builder
    }

    /// Returns the layers of a client's socket: TLS to a proxy of the environment, the proxy, TLS to the server.
    pub(crate) fn layers<S: Io>(&self, socket: S) -> TlsIo<ProxyIo<TlsIo<S>>> {
        let to_proxy = ProxyIo::new(layer(socket, self.proxy.as_ref()), proxies_from_environment());
        layer(to_proxy, self.server.as_ref())
    }
}

fn layer<S: Io>(io: S, config: Option<&Arc<ClientConfig>>) -> TlsIo<S> {
    match config {
        Some(config) => TlsIo::with_config(io, Arc::clone(config)),
        None => TlsIo::new(io),
    }
}

impl TlsOptions {
    /// Returns the configurations that the options describe.
    ///
    /// # Errors
    ///
    /// Returns [`Exit::Arguments`], which names the option, when a file cannot be read or used.
    pub(crate) fn configs(&self) -> Result<TlsConfigs, Exit> {
        let proxy = self.proxy_cacert.as_deref().map(|path| build(with_roots("--proxy-cacert", path)?)).transpose()?;
        Ok(TlsConfigs { server: self.server_config()?, proxy })
    }

    fn server_config(&self) -> Result<Option<Arc<ClientConfig>>, Exit> {
        if self.cacert.is_none() && self.cert.is_none() {
            return Ok(None);
        }
        let mut builder = match &self.cacert {
            Some(path) => with_roots("--cacert", path)?,
            None => ClientConfigBuilder::new(),
        };
        if let Some(path) = &self.cert {
            let chain = read("--cert", path)?;
            let key = self.key.as_deref().map(|path| read("--key", path)).transpose()?;
            let pair = builder.client_certificate_pem(&chain, key.as_ref().unwrap_or(&chain));
            builder = pair.map_err(|error| invalid("--cert", path, &error))?;
        }
        build(builder).map(Some)
    }
}

fn with_roots(option: &str, path: &Path) -> Result<ClientConfigBuilder, Exit> {
    ClientConfigBuilder::new().roots_pem(&read(option, path)?).map_err(|error| invalid(option, path, &error))
}

fn build(builder: ClientConfigBuilder) -> Result<Arc<ClientConfig>, Exit> {
    builder.build().map_err(|error| Exit::Arguments(format!("TLS cannot be used: {error}")))
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(path).map_err(|error| invalid(option, path, &error))
}

fn invalid(option: &str, path: &Path, error: &dyn core::error::Error) -> Exit {
    Exit::Arguments(format!("{option} {}: {error}", path.display()))
}
