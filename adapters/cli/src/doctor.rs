//! `turnwire doctor`: checks whether a server is reachable, and reports the result of the TLS and WebSocket handshakes
//! (docs/protocol.md §9.9). Unless it is asked to, it requests no response.

mod conform;

use core::future::Future;
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant as Clock, timeout};
use turnwire::client::{
    self, ConnectTarget, Credentials, Disconnected, Event, Outcome, Provider, Settings, SocketCommand,
    TransportPreference,
};
use turnwire::connection::CloseReason;
use turnwire::http::Response;
use turnwire::responses::{CreateResponse, EventData, Failure, Item, RawJson};
use turnwire::time::Instant;
use turnwire_driver::proxies_from_environment;
use turnwire_tokio::{Client, ClientBuilder};

use crate::chat::Exit;
use crate::terminal::escape_line;
use crate::tls::{TlsConfigs, TlsOptions};

/// Options of `turnwire doctor`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Base URL of the server. Plain http is allowed for this machine only, unless --allow-plain is given.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1")]
    pub base_url: String,
    /// Environment variable that contains the API key. Optional.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// Timeout of each step, in seconds. It limits the whole step, however much the server sends.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Allow plain http to other machines. The API key is then sent unencrypted.
    #[arg(long)]
    pub allow_plain: bool,
    /// Options for TLS.
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Also send a minimal request for a response over HTTP. It costs a few tokens.
    #[arg(long)]
    pub post: bool,
    /// Hold a short conversation on each transport that the server supports, and list the server's deviations from the
    /// protocol. It costs a few tokens.
    #[arg(long, value_name = "URL")]
    pub conform: Option<String>,
    /// Model of the requests of --post and --conform.
    #[arg(long, value_name = "NAME", default_value = "gpt-5")]
    pub model: String,
}

impl Options {
    /// Parses arguments as the command line does, without the command's name.
    ///
    /// # Errors
    ///
    /// Returns the error that the command would print.
    pub fn parse_arguments(arguments: &[&str]) -> Result<Self, String> {
        crate::arguments::parse(arguments)
    }
}

/// Time to wait for a close frame after an accepted handshake.
const GRACE: Duration = Duration::from_millis(250);

/// Maximum length of a text of the server in a line, in characters.
const MAX_SHOWN: usize = 200;

/// Runs `turnwire doctor`: prints one line per step.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    match examine(options, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            let _ = writeln!(io::stderr(), "turnwire: {}", shown(&exit.to_string()));
            exit.code()
        }
    }
}

/// Examines the server and writes one line per step to `out`.
///
/// # Errors
///
/// Returns [`Exit`] when a step fails. A server that rejects WebSocket as one without that route does still counts as reachable.
pub fn examine(options: &Options, out: &mut dyn Write) -> Result<(), Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::Connect(format!("the runtime cannot be started: {error}")))?;
    let result = runtime.block_on(async {
        let server = Server::new(options)?;
        if options.conform.is_some() {
            return conform::examine(&server, &options.model, out).await;
        }
        server.connect(out).await?;
        let handshake = server.handshake(out).await;
        if !options.post {
            return handshake;
        }
        // The POST decides: the handshake's result is on its line.
        match handshake {
            Err(error @ (Exit::Timeout(_) | Exit::Connect(_) | Exit::Tls(_) | Exit::Output(_))) => Err(error),
            Ok(()) | Err(_) => server.post(&options.model, out).await,
        }
    });
    // A name lookup that is still running must not delay the end.
    runtime.shutdown_background();
    result
}

/// Returns the address to connect to: that of the proxy which the environment names for `target`, or `target` itself.
fn through_proxy(target: ConnectTarget, out: &mut dyn Write) -> Result<ConnectTarget, Exit> {
    let proxies = proxies_from_environment().map_err(|error| Exit::Arguments(error.to_string()))?;
    let Some(proxy) = proxies.select(&target.host, target.port, target.tls) else { return Ok(target) };
    writeln!(out, "proxy: {proxy}, from the environment; it connects to {}", shown(&target.host))?;
    Ok(ConnectTarget::new(proxy.host(), proxy.port(), proxy.uses_tls()))
}

/// The examined server.
struct Server {
    provider: Provider,
    credentials: Credentials,
    tls: TlsConfigs,
    limit: Duration,
}

impl Server {
    fn new(options: &Options) -> Result<Self, Exit> {
        let limit = Duration::from_secs(options.timeout);
        let mut provider = Provider::new("custom", options.conform.as_ref().unwrap_or(&options.base_url));
        provider.allow_plain = options.allow_plain;
        // The limit of the step comes before the timeouts of the client, so that it alone decides, and its message names the step.
        let late = limit.saturating_mul(2);
        (provider.connect_timeout, provider.idle_timeout) = (late, late);
        provider.retry.max_retries = 0;
        provider.check()?;
        let key = std::env::var(&options.api_key_env).ok().filter(|key| !key.trim().is_empty());
        let credentials = key.map_or(Credentials::None, |key| Credentials::bearer(key.trim()));
        Ok(Self { provider, credentials, tls: options.tls.configs()?, limit })
    }

    fn client(&self, transport: TransportPreference) -> Result<Client, Exit> {
        let builder = self.tls.configure(ClientBuilder::default());
        Ok(builder.build(self.provider.clone(), self.credentials.clone(), settings(transport))?)
    }

    /// Waits for a step until its deadline.
    async fn within<T>(&self, step: &str, future: impl Future<Output = T>) -> Result<T, Exit> {
        let late = |_| Exit::Timeout(format!("{step}: nothing complete within {} s", self.limit.as_secs()));
        timeout(self.limit, future).await.map_err(late)
    }

    /// Looks up the name and opens a socket.
    async fn connect(&self, out: &mut dyn Write) -> Result<(), Exit> {
        let mut client = client::Client::new(
            self.provider.clone(),
            Credentials::None,
            settings(TransportPreference::Auto),
            [0; 32],
        )?;
        client.preconnect(Instant::ZERO);
        let Some(SocketCommand::Connect(target)) = client.poll_socket() else {
            return Err(Exit::Arguments("the base url names no server".into()));
        };
        let tls = target.tls;
        let target = through_proxy(target, out)?;
        let start = Clock::now();
        let addresses = self.within("name", lookup_host((target.host.as_str(), target.port))).await?;
        let addresses: Vec<_> = addresses.map_err(|error| Exit::Connect(error.to_string()))?.collect();
        writeln!(out, "name: {} is {addresses:?}, {}", shown(&target.host), elapsed_ms(start))?;
        let start = Clock::now();
        let stream = self.within("tcp", TcpStream::connect(&addresses[..])).await?;
        let stream = stream.map_err(|error| Exit::Connect(error.to_string()))?;
        let address = stream.peer_addr().map_err(|error| Exit::Connect(error.to_string()))?;
        writeln!(out, "tcp: connected to {address}, {}", elapsed_ms(start))?;
        if !tls {
            writeln!(out, "tls: none, the base url uses plain http")?;
        }
        Ok(())
    }

    /// Returns the name of the step that [`handshake`] is.
    fn handshake_step(&self) -> &'static str {
        let is_plain = self.provider.base_url.to_ascii_lowercase().starts_with("http:");
        if is_plain { "websocket" } else { "tls and websocket" }
    }

    /// Performs the WebSocket handshake, with TLS, and waits [`GRACE`] for a close frame.
    async fn handshake(&self, out: &mut dyn Write) -> Result<(), Exit> {
        let mut client = self.client(TransportPreference::WebSocket)?;
        let now = client.now();
        client.client().preconnect(now);
        let start = Clock::now();
        let result = self.within(self.handshake_step(), handshake(&mut client)).await?;
        match result {
            Handshake::Accepted(headers) => {
                writeln!(out, "websocket: accepted, {}{headers}", elapsed_ms(start))?;
                match timeout(GRACE, client.next()).await {
                    Err(_) => writeln!(out, "websocket: nothing follows within {} ms, as expected", GRACE.as_millis())?,
                    Ok(Some(Event::Disconnected(Disconnected::Closed(CloseReason::Peer { code, reason })))) => {
                        let text = format!("closed immediately with code {code}: {}", shown(reason));
                        writeln!(out, "websocket: {text}")?;
                        return Err(Exit::Refused(text));
                    }
                    Ok(Some(Event::Disconnected(reason))) => return Err(Exit::Protocol(describe(reason))),
                    Ok(_) => writeln!(out, "websocket: an unsolicited message arrived; the connection is open")?,
                }
                Ok(())
            }
            Handshake::Failed(failure) => match failure.status {
                Some(status) => refused(&failure, status, start, out),
                None => Err(Exit::of(&failure)),
            },
            Handshake::Closed(reason) => Err(Exit::Protocol(reason)),
        }
    }

    /// Sends a minimal request over HTTP.
    async fn post(&self, model: &str, out: &mut dyn Write) -> Result<(), Exit> {
        let mut client = self.client(TransportPreference::Http)?;
        let start = Clock::now();
        let result = self.within("post", ask(&mut client, model)).await?;
        match result {
            Ok(text) => writeln!(out, "post: completed, {}; the text is {:?}", elapsed_ms(start), shown(&text))?,
            Err(exit) => {
                writeln!(out, "post: {}, {}", shown(&exit.to_string()), elapsed_ms(start))?;
                return Err(exit);
            }
        }
        Ok(())
    }
}

fn settings(transport: TransportPreference) -> Settings {
    let mut settings = Settings::default();
    settings.transport = transport;
    settings.default_headers = vec![("user-agent".into(), concat!("turnwire/", env!("CARGO_PKG_VERSION")).into())];
    settings
}

/// How a handshake ended.
enum Handshake {
    /// With known headers of its response.
    Accepted(String),
    Failed(Box<Failure>),
    Closed(String),
}

async fn handshake(client: &mut Client) -> Handshake {
    while let Some(event) = client.next().await {
        match event {
            Event::Connected { head, .. } => {
                return Handshake::Accepted(head.map(response_headers).unwrap_or_default());
            }
            Event::Disconnected(Disconnected::Failed(failure)) => return Handshake::Failed(Box::new(failure.clone())),
            Event::Disconnected(reason) => return Handshake::Closed(describe(reason)),
            _ => {}
        }
    }
    Handshake::Closed("the connection ended".into())
}

/// Requests one response, and returns its text.
async fn ask(client: &mut Client, model: &str) -> Result<String, Exit> {
    let mut turn = client.turn()?;
    let mut request = CreateResponse::new(model, vec![Item::user("Say hi.")]);
    let limit = RawJson::new("16").map_err(|error| Exit::Arguments(error.to_string()))?;
    request.extra.push(("max_output_tokens".into(), limit));
    turn.send(request).map_err(|rejected| rejected.reason)?;
    let mut text = String::new();
    while let Some(event) = turn.next().await {
        match event {
            Event::Server { event, .. } => {
                if let EventData::OutputTextDelta { delta, .. } = event.data
                    && text.len() < MAX_SHOWN
                {
                    text.push_str(&delta);
                }
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => return Err(Exit::of(failure)),
            Event::Finished { .. } => return Ok(text),
            _ => {}
        }
    }
    Err(Exit::Protocol("the client ended".into()))
}

/// Prints the meaning of a rejected handshake, and the reaction of `auto`.
fn refused(failure: &Failure, status: u16, start: Clock, out: &mut dyn Write) -> Result<(), Exit> {
    let page = is_page(failure);
    let (meaning, works) = meaning(status, page);
    let location = failure.details.location.as_ref();
    let location = location.map(|location| format!("; location: {}", shown(location))).unwrap_or_default();
    writeln!(out, "websocket: refused, {meaning}, status {status}, {}{location}", elapsed_ms(start))?;
    let auto = match status {
        401 => "asks for other credentials",
        402 | 429 => "reports the limit, and does not try HTTP",
        407 => "reports that the proxy asks for credentials",
        500..=599 if status != 501 => "tries the handshake again, then HTTP",
        _ => "goes on over HTTP; --post shows whether that works",
    };
    writeln!(out, "auto: {auto}")?;
    if works { Ok(()) } else { Err(Exit::Refused(format!("status {status}: {meaning}"))) }
}

/// Returns the meaning of a handshake's status, and whether a server with this status responds over HTTP. `page`: the body is
/// HTML.
const fn meaning(status: u16, page: bool) -> (&'static str, bool) {
    match status {
        _ if page && !matches!(status, 401 | 402 | 407 | 429) && status < 500 => ("the server sent a web page", false),
        426 => ("the server supports HTTP only", true),
        200..=299 => ("the server took the handshake for a plain request", false),
        300..=399 => ("the server redirects to another URL; use that one", false),
        401 => ("credentials are missing or invalid", false),
        402 | 429 => ("the account or its rate limit is used up", false),
        403 => ("the server has no WebSocket route, or does not accept the credentials", true),
        404 => ("the server has no WebSocket route, or the base url is wrong", true),
        405 | 501 => ("the server does not support WebSocket", true),
        407 => ("the proxy asks for credentials", false),
        400..=499 => ("the server does not accept the handshake", true),
        502..=504 => ("a proxy cannot reach the server", false),
        _ => ("the server has an internal error", false),
    }
}

/// Returns whether the body of a failure is a web page.
fn is_page(failure: &Failure) -> bool {
    let html = |text: &str| text.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    failure.details.content_type.as_ref().is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
        || failure.raw.as_deref().is_some_and(html)
}

fn describe(reason: &Disconnected) -> String {
    match reason {
        Disconnected::Closed(reason) => shown(&reason.to_string()),
        Disconnected::Failed(failure) => shown(&failure.to_string()),
        _ => "the connection ended".into(),
    }
}

/// Formats the known headers of an accepted handshake.
fn response_headers(head: &Response) -> String {
    let known = ["openai-model", "x-models-etag", "x-reasoning-included", "x-request-id", "sec-websocket-extensions"];
    let present = known.iter().filter_map(|name| head.headers.get_str(name).map(|value| (name, value)));
    present.map(|(name, value)| format!("; {name}: {}", shown(value))).collect()
}

/// Returns a text of the server: one line of limited length, without control characters.
fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let mut cut: String = chars.by_ref().take(MAX_SHOWN).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    escape_line(&cut).into_owned()
}

fn elapsed_ms(start: Clock) -> String {
    format!("{} ms", start.elapsed().as_millis())
}
