//! The server that the examples talk to. It listens on a free loopback port and runs in the same process.

use std::error::Error;
use std::sync::Arc;

use tokio::net::TcpListener;
use turnwire::connection::server;
use turnwire::http::Headers;
use turnwire::responses::{ClientEvent, CreateMessage, ResponseWriter, ServerEvent, SteerMessage};
use turnwire_driver::{Io, ServerDriver};
use turnwire_rustls::rustls::ServerConfig;

/// What an example returns from `main`.
pub(crate) type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The events of one response.
pub(crate) type Events = Vec<ServerEvent<'static>>;

/// Returns the body of the response to a body.
pub(crate) type Operation = fn(&[u8]) -> Vec<u8>;

/// The settings of the server.
#[derive(Clone, Default)]
pub(crate) struct Demo {
    /// Enables TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The bearer token that the server accepts. Any other gets 401. Default: `None`, which accepts every client.
    pub(crate) token: Option<&'static str>,
    /// Responds to steering of a response.
    pub(crate) steer: Option<fn(&SteerMessage, ResponseWriter) -> Events>,
    /// Responds to a request over HTTP, such as a compaction.
    pub(crate) operation: Option<Operation>,
}

impl Demo {
    /// Starts the server. `respond` returns the events of the response to a request; it gets a writer for them. A response
    /// without a terminal event stays open. Returns the base URL.
    pub(crate) async fn serve(
        self,
        respond: impl Fn(CreateMessage, ResponseWriter) -> Events + Clone + Send + 'static,
    ) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}/v1", listener.local_addr()?.port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (demo, respond) = (self.clone(), respond.clone());
                tokio::spawn(async move {
                    let server = turnwire_tokio::accept(stream, server::Config::new(), demo.tls.clone())?;
                    demo.serve_connection(server, respond).await
                });
            }
        });
        Ok(url)
    }

    /// Serves one connection over any socket.
    pub(crate) async fn serve_connection<I: Io>(
        self,
        mut server: ServerDriver<I>,
        respond: impl Fn(CreateMessage, ResponseWriter) -> Events,
    ) -> Result<()> {
        let mut responses = 0;
        while let Some(event) = server.next().await {
            match event {
                server::Event::Upgrade { head } => {
                    let header = head.headers.get_str("authorization").unwrap_or_default();
                    let accepted = self.token.is_none_or(|token| header.strip_prefix("Bearer ") == Some(token));
                    let now = server.now();
                    match accepted {
                        true => server.connection().accept(now, &Headers::new())?,
                        false => server.connection().respond(now, 401, &Headers::new(), b"")?,
                    }
                }
                server::Event::Text { text, .. } => {
                    responses += 1;
                    let writer = ResponseWriter::new(&format!("resp_{responses}"), "gpt-x", 1_767_225_600);
                    let events = match (ClientEvent::parse(text)?, self.steer) {
                        (ClientEvent::Create(create), _) => respond(*create, writer),
                        (ClientEvent::Steer(message), Some(steer)) => steer(&message, writer),
                        _ => Vec::new(),
                    };
                    let now = server.now();
                    for event in events {
                        server.connection().send(now, &event.to_json())?;
                    }
                }
                server::Event::Request { body, .. } => {
                    let body = self.operation.map(|operation| operation(body));
                    let now = server.now();
                    let status = if body.is_some() { 200 } else { 404 };
                    server.connection().respond(now, status, &Headers::new(), &body.unwrap_or_default())?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the events of a response that is one message.
pub(crate) fn message(mut writer: ResponseWriter, pieces: &[&str]) -> Events {
    let mut events = writer.begin();
    for piece in pieces {
        events.extend(writer.text("msg_1", piece));
    }
    events.extend(writer.complete(None, None));
    events
}
