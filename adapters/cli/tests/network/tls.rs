//! The roots and the client certificate of the command's options and of the environment.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, KeyPair};
use turnwire_blocking::{accept, block_on};
use turnwire_cli::serve::{self, Script, ScriptedServer};
use turnwire_rustls::rustls::crypto::ring;
use turnwire_rustls::rustls::pki_types::PrivateKeyDer;
use turnwire_rustls::rustls::server::WebPkiClientVerifier;
use turnwire_rustls::rustls::{RootCertStore, ServerConfig};

/// A server with a certificate of its own, and a folder with PEM files.
struct Fixture {
    folder: tempfile::TempDir,
    url: String,
}

fn self_signed() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate")
}

impl Fixture {
    /// Starts a server that requires the certificate `client`, if there is one.
    fn start(client: Option<&CertifiedKey<KeyPair>>) -> Self {
        let made = self_signed();
        let folder = tempfile::tempdir().expect("a folder");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match client {
            Some(client) => {
                let mut roots = RootCertStore::empty();
                roots.add(client.cert.der().clone()).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
            None => builder.with_no_client_auth(),
        };
        let config = builder.with_single_cert(vec![made.cert.der().clone()], key).expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://{}/v1", listener.local_addr().expect("an address"));
        let tls = Arc::new(config);
        thread::spawn(move || {
            let scripted = ScriptedServer::new(Script::parse("[[reply]]\ntext = \"Safe.\"\n").expect("a script"));
            for stream in listener.incoming().flatten() {
                if let Ok(mut server) = accept(stream, serve::config(true), Some(Arc::clone(&tls))) {
                    block_on(serve::serve(&mut server, &scripted));
                }
            }
        });
        let fixture = Self { folder, url };
        fixture.write("server.pem", &made.cert.pem());
        fixture.write("other.pem", &self_signed().cert.pem());
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `turnwire chat` with options whose values are names of files, and with a variable of the environment.
    fn chat(&self, options: &[(&str, &str)], variable: Option<(&str, PathBuf)>) -> Output {
        self.chat_with(&self.url, options, variable)
    }

    /// The same with another base URL, for which this server is the proxy: it responds to requests in absolute form.
    fn chat_through(&self, options: &[(&str, &str)]) -> Output {
        let proxy = self.url.trim_end_matches("/v1").into();
        self.chat_with("http://model.invalid/v1", options, Some(("http_proxy", proxy)))
    }

    fn chat_with(&self, url: &str, options: &[(&str, &str)], variable: Option<(&str, PathBuf)>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnwire"));
        command.args(["chat", "--base-url", url, "--allow-plain", "--transport", "sse", "--retries", "0"]);
        for (option, name) in options {
            command.arg(option).arg(self.path(name));
        }
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY"]
        {
            command.env_remove(name);
        }
        command.env("OPENAI_API_KEY", "key").arg("hi").envs(variable).output().expect("it ends")
    }
}

fn code_and_error(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).expect("text"))
}

#[test]
fn cacert_names_the_only_trusted_roots() {
    let fixture = Fixture::start(None);
    let output = fixture.chat(&[("--cacert", "server.pem")], None);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Safe.\n", "{output:?}");
    // The environment's roots would be trusted, but are not used beside --cacert.
    let output = fixture.chat(&[("--cacert", "other.pem")], Some(("SSL_CERT_FILE", fixture.path("server.pem"))));
    let (code, error) = code_and_error(&output);
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("no trusted root has issued the certificate"), "{error}");
}

#[test]
fn cacert_that_cannot_be_used_nothing_is_sent() {
    let fixture = Fixture::start(None);
    fixture.write("nothing.pem", "no certificate");
    for (name, expected) in [("nothing.pem", "it contains no certificate"), ("missing.pem", "No such file")] {
        let (code, error) = code_and_error(&fixture.chat(&[("--cacert", name)], None));
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("--cacert") && error.contains(name), "{error}");
        assert!(error.contains(expected) || cfg!(windows), "{error}");
    }
}

#[test]
fn ssl_cert_dir_names_trusted_roots() {
    let fixture = Fixture::start(None);
    let roots = fixture.path("roots");
    fs::create_dir(&roots).expect("a folder");
    // As `openssl rehash` names its links: the hash of the subject, and a number.
    fs::copy(fixture.path("server.pem"), roots.join("0123abcd.0")).expect("a file");
    let output = fixture.chat(&[], Some(("SSL_CERT_DIR", roots)));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Safe.\n", "{output:?}");
    let empty = fixture.path("empty");
    fs::create_dir(&empty).expect("a folder");
    let (code, error) = code_and_error(&fixture.chat(&[], Some(("SSL_CERT_DIR", empty))));
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("cannot load root certificates"), "{error}");
}

#[test]
fn server_requires_client_certificate_cert_and_key_are_shown() {
    let client = self_signed();
    let fixture = Fixture::start(Some(&client));
    fixture.write("client.pem", &client.cert.pem());
    fixture.write("client.key", &client.signing_key.serialize_pem());
    fixture.write("both.pem", &format!("{}{}", client.cert.pem(), client.signing_key.serialize_pem()));
    fixture.write("wrong.key", &self_signed().signing_key.serialize_pem());
    for options in [
        &[("--cacert", "server.pem"), ("--cert", "client.pem"), ("--key", "client.key")][..],
        &[("--cacert", "server.pem"), ("--cert", "both.pem")],
    ] {
        let output = fixture.chat(options, None);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Safe.\n", "{output:?}");
    }
    let (code, error) = code_and_error(&fixture.chat(&[("--cacert", "server.pem")], None));
    assert!(code != Some(0) && error.contains("requires a client certificate"), "{error}");
    let options = [("--cacert", "server.pem"), ("--cert", "client.pem"), ("--key", "wrong.key")];
    let (code, error) = code_and_error(&fixture.chat(&options, None));
    assert_eq!(code, Some(2), "{error}");
    let (code, error) = code_and_error(&fixture.chat(&[("--key", "client.key")], None));
    assert!(code == Some(2) && error.contains("--cert"), "{error}");
}

#[test]
fn proxy_cacert_names_the_only_roots_of_a_proxy() {
    let fixture = Fixture::start(None);
    let output = fixture.chat_through(&[("--proxy-cacert", "server.pem")]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Safe.\n", "{output:?}");
    // The roots of the server are not those of a proxy, and the other way round.
    for options in [&[("--cacert", "server.pem")][..], &[("--proxy-cacert", "other.pem"), ("--cacert", "server.pem")]] {
        let (code, error) = code_and_error(&fixture.chat_through(options));
        assert_eq!(code, Some(3), "the proxy cannot be reached: {error}");
        assert!(error.contains("no trusted root has issued the certificate"), "{error}");
    }
    let (code, _) = code_and_error(&fixture.chat(&[("--proxy-cacert", "server.pem")], None));
    assert_eq!(code, Some(4));
    let (code, error) = code_and_error(&fixture.chat_through(&[("--proxy-cacert", "missing.pem")]));
    assert!(code == Some(2) && error.contains("--proxy-cacert"), "{error}");
}
