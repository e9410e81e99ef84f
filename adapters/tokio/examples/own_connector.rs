//! A connector of your own: a socket type that decides where a connection goes, here by a table of host names.
//!
//! The same five lines of delegation fit a Unix socket, a proxy or a tunnel: whatever reads and writes bytes can be an [`Io`].
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use core::task::{Context, Poll};
use std::io;

use support::Demo;
use turnwire::client::{ConnectError, ConnectTarget, Credentials, Provider, Settings};
use turnwire::responses::CreateResponse;
use turnwire::time::Instant;
use turnwire_driver::Io;
use turnwire_tokio::TcpIo;

/// A TCP socket that looks names up in a table instead of DNS.
#[derive(Default)]
struct TableIo {
    tcp: TcpIo,
    /// The target with its address instead of its name. It must stay the same while a connection attempt goes on.
    resolved: Option<ConnectTarget>,
}

const TABLE: [(&str, &str); 1] = [("model.internal", "127.0.0.1")];

impl Io for TableIo {
    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        let Some((_, address)) = TABLE.iter().find(|(name, _)| *name == target.host) else {
            return Poll::Ready(Err(ConnectError::Network(format!("{} is not in the table", target.host))));
        };
        let resolved = self.resolved.insert(ConnectTarget::new(address, target.port, target.tls));
        self.tcp.poll_connect(cx, resolved)
    }

    fn now(&self) -> Instant {
        self.tcp.now()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.tcp.poll_read(cx, buffer)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.tcp.poll_write(cx, bytes)
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.tcp.poll_wait(cx, until)
    }

    fn disconnect(&mut self) {
        self.tcp.disconnect();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default().serve(|_, writer| support::message(writer, &["Hello."])).await?;
    let mut provider = Provider::new("example", &url.replace("localhost", "model.internal"));
    provider.allow_plain = true; // without TLS, only loopback names are allowed otherwise

    // The client of turnwire-rustls adds TLS to any `Io`; `turnwire_driver::ClientDriver` is the same without TLS.
    let mut client = turnwire_rustls::Client::<TableIo>::new(provider, Credentials::None, Settings::default())?;
    let mut turn = client.turn()?;
    println!("{}", turn.ask(CreateResponse::new("gpt-x", "Say hello.")).await?.output_text());
    Ok(())
}
