//! TLS configurations: the roots that a client trusts, the certificate of a server.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::session::Error;

/// The protocol inside TLS, for both transports.
const ALPN: &[u8] = b"http/1.1";

/// Returns the client configuration of this process. Its roots are loaded once, at the first call.
///
/// # Errors
///
/// Returns [`Error::Roots`] when `SSL_CERT_FILE` or `SSL_CERT_DIR` is set and no certificate can be read there. Later calls return
/// the same error.
pub fn client_config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, Error>> = OnceLock::new();
    CONFIG.get_or_init(|| client_config_with_roots(roots()?)).clone()
}

/// Creates a client configuration that trusts `roots`.
///
/// # Errors
///
/// Returns [`Error::Session`] when the crypto provider supports no TLS version.
pub fn client_config_with_roots(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Creates a server configuration with a certificate chain, the server's own certificate first.
///
/// # Errors
///
/// Returns [`Error::Session`] when the key does not match the certificate or has an unsupported type.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

fn roots() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if roots.is_empty() && chosen {
        let reason = found.errors.first().map_or_else(|| "no certificate found".to_owned(), ToString::to_string);
        return Err(Error::Roots(reason));
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}
