//! Errors of TLS, with what a person can do about them.

use core::fmt;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Error of a TLS session or configuration. That of a session is final, and the alert for the peer is already in
/// [`poll_transmit`](crate::TlsSession::poll_transmit).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The host is not a valid server name.
    Name,
    /// No root certificates could be loaded.
    Roots(String),
    /// A PEM text contains no certificates, or no private key, that can be used.
    Pem(String),
    /// The session failed, for example because the certificate is not trusted. The text says what can be done where that is known.
    Session(rustls::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the host is not a valid server name"),
            Self::Roots(reason) => write!(f, "cannot load root certificates: {reason}"),
            Self::Pem(reason) => write!(f, "cannot use the PEM text: {reason}"),
            Self::Session(error) => match advice(error) {
                Some(advice) => write!(f, "{error}; {advice}"),
                None => error.fmt(f),
            },
        }
    }
}

impl core::error::Error for Error {}

impl From<rustls::Error> for Error {
    fn from(error: rustls::Error) -> Self {
        Self::Session(error)
    }
}

/// Returns what a person can do about an error, where its own text does not say it.
fn advice(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(certificate) => certificate_advice(certificate),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the peer does not speak TLS on this port")
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            Some("the server requires a client certificate")
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            Some("the server supports neither TLS 1.2 nor TLS 1.3")
        }
        _ => None,
    }
}

fn certificate_advice(error: &CertificateError) -> Option<&'static str> {
    match error {
        // A root of the same name with another key leads to a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Some(
            "no trusted root has issued the certificate: if it can be trusted, name a PEM file with the certificate of its issuer in \
             SSL_CERT_FILE, or set it as a root of the client",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(
            "only the names of subjectAltName count, not the common name: create the certificate with \
             `-addext subjectAltName=DNS:name` or `IP:address`",
        ),
        // The verifier has its own error type for the rest, which it shows as the name of the variant.
        CertificateError::Other(other) => match other.to_string().as_str() {
            "CaUsedAsEndEntity" => Some(
                "the server uses the certificate of an authority (CA:TRUE, which `openssl req -x509` sets) as its own: create \
                 one with `-addext basicConstraints=critical,CA:FALSE`, or sign one for the server with it",
            ),
            "UnsupportedCertVersion" => Some(
                "the certificate is of version 1, without names: create one of version 3, with subjectAltName \
                 (`-extfile` of `openssl x509`)",
            ),
            _ => None,
        },
        _ => None,
    }
}
