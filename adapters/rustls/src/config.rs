//! TLS configurations: the roots that a client trusts, its own certificate, the certificate of a server.

use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};

use crate::error::Error;

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
    CONFIG.get_or_init(|| ClientConfigBuilder::new().build()).clone()
}

/// Creates a client configuration that trusts `roots` alone.
///
/// # Errors
///
/// Returns [`Error::Session`] when the crypto provider supports no TLS version.
pub fn client_config_with_roots(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    ClientConfigBuilder::new().roots(roots).build()
}

/// Builds the TLS configuration of a client that trusts its own roots, or has a certificate of its own.
///
/// ```
/// use turnwire_rustls::{ClientConfigBuilder, Error};
///
/// /// Trusts the roots of a company alone, and shows a certificate to servers that ask for one.
/// fn config(roots: &[u8], chain: &[u8], key: &[u8]) -> Result<(), Error> {
///     let config = ClientConfigBuilder::new().roots_pem(roots)?.client_certificate_pem(chain, key)?.build()?;
///     assert_eq!(config.alpn_protocols, [b"http/1.1"]);
///     Ok(())
/// }
/// # assert!(config(b"", b"", b"").is_err());
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct ClientConfigBuilder {
    verifier: Verifier,
    /// The chain of the client, its own certificate first, and the key of that.
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// What verifies the certificate of a server.
#[derive(Debug, Default)]
enum Verifier {
    /// The roots of `SSL_CERT_FILE` and `SSL_CERT_DIR`, of the platform, or of Mozilla.
    #[default]
    LoadedRoots,
    Roots(RootCertStore),
    #[cfg(feature = "platform-verifier")]
    Platform,
}

impl ClientConfigBuilder {
    /// Begins with the roots of [`client_config`], and without a certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these roots alone.
    pub fn roots(mut self, roots: RootCertStore) -> Self {
        self.verifier = Verifier::Roots(roots);
        self
    }

    /// Trusts the roots of a PEM text alone.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Pem`] when the text contains no certificate or one that cannot be read: a part of the roots is never used
    /// silently.
    pub fn roots_pem(self, pem: &[u8]) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|error| Error::Pem(format!("a root certificate is unusable: {error}")))?;
        }
        Ok(self.roots(roots))
    }

    /// Lets the operating system verify certificates: by its own roots, and on macOS, iOS, Windows and Android by its own rules and
    /// revocation lists.
    #[cfg(feature = "platform-verifier")]
    #[cfg_attr(docsrs, doc(cfg(feature = "platform-verifier")))]
    pub fn platform_verifier(mut self) -> Self {
        self.verifier = Verifier::Platform;
        self
    }

    /// Shows this certificate to servers that ask for one. `chain` begins with the client's own certificate.
    pub fn client_certificate(mut self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        self.identity = Some((chain, key));
        self
    }

    /// Shows this certificate to servers that ask for one. `chain` is a PEM text that begins with the client's own certificate; `key`
    /// is a PEM text with its private key in the form PKCS #8, PKCS #1 or SEC 1. Both may be the same text.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Pem`] when one of the two cannot be read or the key is encrypted. The text of the error contains nothing of them.
    pub fn client_certificate_pem(self, chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = certificates(chain)?;
        Ok(self.client_certificate(chain, private_key(key)?))
    }

    /// Creates the configuration.
    ///
    /// With the feature `key-log`, its sessions write their secrets to the file that `SSLKEYLOGFILE` names, so that a packet
    /// analyzer can decrypt them: so can everyone else who reads the file.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Roots`] when the default roots cannot be loaded, as [`client_config`] does, and [`Error::Session`] when the
    /// client's key does not match its certificate or has an unsupported type.
    pub fn build(self) -> Result<Arc<ClientConfig>, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = self.verifier.add_to(builder)?;
        let mut config = match self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        #[cfg(feature = "key-log")]
        {
            config.key_log = Arc::new(rustls::KeyLogFile::new());
        }
        Ok(Arc::new(config))
    }
}

impl Verifier {
    fn add_to(
        self,
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
        Ok(match self {
            Self::LoadedRoots => builder.with_root_certificates(load_roots()?),
            Self::Roots(roots) => builder.with_root_certificates(roots),
            #[cfg(feature = "platform-verifier")]
            Self::Platform => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(builder.crypto_provider()))?;
                // The word "dangerous" concerns verifiers that verify nothing.
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        })
    }
}

/// Returns a configuration for the protocol of this library. One that offers another one, such as `h2`, would let a server select a
/// protocol that the library does not speak.
pub(crate) fn for_http1(config: Arc<ClientConfig>) -> Arc<ClientConfig> {
    if config.alpn_protocols.iter().all(|protocol| protocol == ALPN) {
        return config;
    }
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![ALPN.to_vec()];
    Arc::new(config)
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

fn load_roots() -> Result<RootCertStore, Error> {
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

/// Reads the certificates of a PEM text.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Err(error) => Err(Error::Pem(format!("a certificate cannot be read: {}", pem_reason(&error)))),
        Ok(certificates) if certificates.is_empty() => Err(Error::Pem("it contains no certificate".to_owned())),
        Ok(certificates) => Ok(certificates),
    }
}

/// Reads the first private key of a PEM text.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = memmem(pem, b"ENCRYPTED");
        Error::Pem(match error {
            _ if encrypted => {
                "the private key is encrypted; decrypt it first, for example with `openssl pkey`".to_owned()
            }
            error => format!("it contains no private key that can be read: {}", pem_reason(&error)),
        })
    })
}

fn memmem(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Describes an error of a PEM text without a byte of that text.
const fn pem_reason(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins with an invalid line",
        pem::Error::Base64Decode(_) => "a section is not valid base64",
        pem::Error::NoItemsFound => "there is none",
        _ => "the text is not valid PEM",
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientConfigBuilder, Error};

    fn pem_error(result: Result<ClientConfigBuilder, Error>) -> String {
        match result.expect_err("an error") {
            Error::Pem(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pem_that_cannot_be_read_error_says_why_without_its_text() {
        let roots = |pem: &str| pem_error(ClientConfigBuilder::new().roots_pem(pem.as_bytes()));
        assert_eq!(roots("no PEM"), "it contains no certificate");
        let cut = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n";
        assert_eq!(roots(cut), "a certificate cannot be read: a section has no end");
        let foreign = "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n";
        assert!(roots(foreign).starts_with("a root certificate is unusable: "), "{}", roots(foreign));

        let key = |pem: &str| {
            let builder = ClientConfigBuilder::new().client_certificate_pem(foreign.as_bytes(), pem.as_bytes());
            pem_error(builder)
        };
        assert_eq!(key(foreign), "it contains no private key that can be read: there is none");
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(key(encrypted).contains("is encrypted"), "{}", key(encrypted));
        assert!(!key(encrypted).contains("c2VjcmV0"));
    }

    #[cfg(feature = "platform-verifier")]
    #[test]
    fn platform_verifier_configuration_is_built() {
        assert!(ClientConfigBuilder::new().platform_verifier().build().is_ok());
    }
}
