//! Options for TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use turnwire_rustls::ClientConfigBuilder;
use turnwire_rustls::rustls::ClientConfig;

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
}

impl TlsOptions {
    /// Returns the configuration that the options describe, or `None` if none of them is given.
    ///
    /// # Errors
    ///
    /// Returns [`Exit::Arguments`], which names the option, when a file cannot be read or used.
    pub fn client_config(&self) -> Result<Option<Arc<ClientConfig>>, Exit> {
        if self.cacert.is_none() && self.cert.is_none() {
            return Ok(None);
        }
        let mut builder = ClientConfigBuilder::new();
        if let Some(path) = &self.cacert {
            builder = builder.roots_pem(&read("--cacert", path)?).map_err(|error| invalid("--cacert", path, &error))?;
        }
        if let Some(path) = &self.cert {
            let chain = read("--cert", path)?;
            let key = self.key.as_deref().map(|path| read("--key", path)).transpose()?;
            let pair = builder.client_certificate_pem(&chain, key.as_ref().unwrap_or(&chain));
            builder = pair.map_err(|error| invalid("--cert", path, &error))?;
        }
        builder.build().map(Some).map_err(|error| Exit::Arguments(format!("TLS cannot be used: {error}")))
    }
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, Exit> {
    fs::read(path).map_err(|error| invalid(option, path, &error))
}

fn invalid(option: &str, path: &Path, error: &dyn core::error::Error) -> Exit {
    Exit::Arguments(format!("{option} {}: {error}", path.display()))
}
