//! Accepts connections, and serves all of them on one thread, each in a task of its own.

use core::net::SocketAddr;
use core::time::Duration;
use std::fs;
use std::io::{self, Write as _};
use std::net;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use turnwire::connection::server::Config;
use turnwire::ws::deflate::{ServerPolicy, SharedPool};
use turnwire_testkit::Recording;
use turnwire_tokio::TcpIo;

use super::connection::{ConnectionLimits, serve_with};
use super::connections::{Admitted, Connections};
use super::deflate_pool::DeflatePool;
use super::ending::{Endings, Signals};
use super::faults::{Faults, InputBudget, ServeIo};
use super::journal::Journal;
use super::notices::{Notices, report};
use super::request::ObservedRequest;
use super::script::{MOCK, Script};
use super::server::ScriptedServer;

/// Options of every server of the command.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerOptions {
    /// Address to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Reject WebSocket handshakes with 426.
    #[arg(long)]
    pub refuse_websocket: bool,
    /// Accept permessage-deflate.
    #[arg(long)]
    pub deflate: bool,
    /// Print each request as one line of JSON: its transport, turn token and body. Lines that are not read are dropped, and counted.
    #[arg(long)]
    pub json: bool,
    /// Let faults happen to this share of the responses, 0 to 1: rejections, cuts at any byte, resets, pauses.
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = parse_rate)]
    pub chaos: f64,
    /// Seed of --chaos. The same seed gives the same faults.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Let pages of this origin use the server, such as `http://localhost:5173`; `*` means every page. Repeatable.
    #[arg(long, value_name = "ORIGIN")]
    pub cors: Vec<String>,
    /// WebSocket subprotocol to select when a client requests it. A page sends its API key as another one. Repeatable.
    #[arg(long, value_name = "NAME", default_value = "realtime")]
    pub subprotocol: Vec<String>,
    /// After Ctrl-C or SIGTERM, let the responses in progress go on for at most this time. A second signal ends them at once.
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE)]
    pub grace: u32,
}

/// Options of `turnwire serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Script: a TOML file with `[[reply]]` tables, or a file with one JSON reply per line. Default: see --print-script.
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
    /// Print the script that is used without --script, and end.
    #[arg(long)]
    pub print_script: bool,
    /// What both commands have.
    #[command(flatten)]
    pub server: ServerOptions,
    /// Maximum number of open connections. Further ones are answered with 503.
    #[arg(long, value_name = "NUMBER", default_value_t = MAX_CONNECTIONS)]
    pub max_connections: usize,
}

/// Options of `turnwire replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayOptions {
    /// Folder of the recording.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Speed: 1 is the original speed, 10 is ten times as fast, 0 is without pauses.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_speed)]
    pub speed: f64,
    /// What both commands have.
    #[command(flatten)]
    pub server: ServerOptions,
}

impl ReplayOptions {
    /// Parses arguments as the command line does, without the command's name.
    ///
    /// # Errors
    ///
    /// Returns the error that the command would print.
    pub fn parse_arguments(arguments: &[&str]) -> Result<Self, String> {
        crate::arguments::parse(arguments)
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (0.0..=1.0).contains(&rate) {
        true => Ok(rate),
        false => Err("the rate must be 0 to 1".to_owned()),
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match speed.is_finite() && speed >= 0.0 {
        true => Ok(speed),
        false => Err("the speed must be 0 or more".to_owned()),
    }
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

/// The default of `--max-connections`.
const MAX_CONNECTIONS: usize = 16_384;

/// The default of `--grace`, in seconds.
const GRACE: u32 = 10;

/// The maximum size of a request in bytes, inflated.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// The memory in bytes that incomplete requests of all connections may take together, beyond 64 KiB of each.
const MAX_INCOMPLETE: usize = 64 * 1024 * 1024;

/// The memory in bytes that unsent responses of all connections may take together.
const MAX_UNSENT_RESPONSES: usize = 512 * 1024 * 1024;

/// The number of connections that the operating system accepts before this program takes them. It may have a lower limit of its own.
const BACKLOG: i32 = 1024;

/// How many tasks run before the runtime looks for new connections and input. A task may make a long response.
const EVENT_INTERVAL: u32 = 8;

/// How many times larger than its compressed bytes a message may become.
const MAX_RATIO: u32 = 64;

/// Runs `turnwire serve` until a signal ends it.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    exit(run(options))
}

/// Runs `turnwire replay` until a signal ends it.
#[must_use]
pub fn replay(options: &ReplayOptions) -> ExitCode {
    exit(run_replay(options))
}

/// Returns the exit code. `result`: the number of responses that were cut.
fn exit(result: io::Result<usize>) -> ExitCode {
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            report(&error.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> io::Result<usize> {
    if options.print_script {
        io::stdout().write_all(MOCK.as_bytes())?;
        return Ok(0);
    }
    let mut script = match &options.script {
        Some(file) => {
            let named = |error: &dyn core::fmt::Display| io::Error::other(format!("{file}: {error}"));
            let text = fs::read_to_string(file).map_err(|error| named(&error))?;
            Script::parse(&text).map_err(|error| named(&error))?
        }
        None => Script::mock(),
    };
    script.refuse_websocket |= options.server.refuse_websocket;
    let listener = bind(options.server.listen)?;
    let scripted = ScriptedServer::with_observer(script, observer(options.server.json)?);
    let scripted = scripted.with_cors(&options.server.cors).with_chaos(options.server.chaos, options.server.seed);
    listen(&Server::new(Arc::new(scripted), &options.server, options.max_connections), listener, options.server.grace)
}

fn run_replay(options: &ReplayOptions) -> io::Result<usize> {
    let recording = Recording::load(&options.folder)?;
    let listener = bind(options.server.listen)?;
    let mut scripted = ScriptedServer::replaying(recording, options.speed);
    scripted.observer = Some(Box::new(observer(options.server.json)?));
    scripted.script.refuse_websocket = options.server.refuse_websocket;
    let scripted = scripted.with_cors(&options.server.cors).with_chaos(options.server.chaos, options.server.seed);
    listen(&Server::new(Arc::new(scripted), &options.server, MAX_CONNECTIONS), listener, options.server.grace)
}

/// Opens the port, and prints the base URL.
fn bind(address: SocketAddr) -> io::Result<net::TcpListener> {
    let listener = net::TcpListener::bind(address)?;
    SockRef::from(&listener).listen(BACKLOG)?;
    writeln!(io::stdout(), "listening on http://{}/v1", listener.local_addr()?)?;
    Ok(listener)
}

/// Returns a function that prints requests, if `json` is set.
fn observer(json: bool) -> io::Result<impl Fn(&ObservedRequest<'_>) + Send + Sync + 'static> {
    let journal = if json { Some(Journal::start(io::stdout())?) } else { None };
    Ok(move |request: &ObservedRequest<'_>| {
        if let Some(journal) = &journal {
            journal.write(request.to_json());
        }
    })
}

/// Serves until a signal, and then for at most `grace` seconds. Returns the number of responses that were cut.
fn listen(server: &Server, listener: net::TcpListener, grace: u32) -> io::Result<usize> {
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let listener = TcpListener::from_std(nonblocking(listener)?)?;
        tokio::select! {
            () = server.listen(&listener) => {}
            () = signals.next() => {}
        }
        // Another process may listen from now on.
        drop(listener);
        Ok(server.end(Duration::from_secs(grace.into()), signals).await)
    })
}

/// Starts a server in this process on a free loopback port. Returns its base URL, and the server, which records the requests.
///
/// # Errors
///
/// Returns an error when no port can be opened.
pub fn demo(script: Script) -> io::Result<(String, Arc<ScriptedServer>)> {
    spawn(ScriptedServer::new(script))
}

/// As [`demo`], for any scripted server.
///
/// # Errors
///
/// As [`demo`].
pub fn spawn(scripted: ScriptedServer) -> io::Result<(String, Arc<ScriptedServer>)> {
    let listener = nonblocking(net::TcpListener::bind("127.0.0.1:0")?)?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let scripted = Arc::new(scripted);
    let server = Server::with_config(Arc::clone(&scripted), config(true), MAX_CONNECTIONS);
    let runtime = runtime()?;
    thread::Builder::new().name("serve".to_owned()).spawn(move || {
        // Fails only if the listener cannot be registered; its port then accepts and answers nothing.
        let _ = runtime.block_on(async {
            server.listen(&TcpListener::from_std(listener)?).await;
            io::Result::Ok(())
        });
    })?;
    Ok((url, scripted))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().event_interval(EVENT_INTERVAL).enable_all().build()
}

fn nonblocking(listener: net::TcpListener) -> io::Result<net::TcpListener> {
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Returns the configuration of a scripted server's connections. `deflate`: whether to accept permessage-deflate.
#[must_use]
pub fn config(deflate: bool) -> Config {
    let mut config = Config::new();
    config.deflate_policy = deflate.then(ServerPolicy::default);
    config.max_body = MAX_REQUEST;
    config.message_limits.frame = MAX_REQUEST;
    config.message_limits.message = MAX_REQUEST;
    config.message_limits.ratio = Some(MAX_RATIO);
    // The server takes events at once.
    config.max_backlog = 64 * 1024;
    config.max_send_backlog = 256 * 1024;
    config
}

/// A scripted server with its limits.
struct Server {
    scripted: Arc<ScriptedServer>,
    config: Arc<Config>,
    max_connections: usize,
    connections: Arc<Connections>,
    input: Arc<InputBudget>,
    endings: Endings,
}

impl Server {
    fn new(scripted: Arc<ScriptedServer>, options: &ServerOptions, max_connections: usize) -> Self {
        let mut config = config(options.deflate);
        config.subprotocols.clone_from(&options.subprotocol);
        Self::with_config(scripted, config, max_connections)
    }

    fn with_config(scripted: Arc<ScriptedServer>, mut config: Config, max_connections: usize) -> Self {
        config.deflate_pool = Some(SharedPool::new(DeflatePool::default()));
        let input = Arc::new(InputBudget::new(MAX_INCOMPLETE, MAX_REQUEST));
        let connections = Connections::new(max_connections, MAX_UNSENT_RESPONSES);
        Self { scripted, config: Arc::new(config), max_connections, connections, input, endings: Endings::default() }
    }

    /// Accepts connections for ever. A connection that cannot be accepted, or fails, concerns only its peer.
    async fn listen(&self, listener: &TcpListener) {
        let (mut notices, mut pause) = (Notices::default(), FIRST_PAUSE);
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    pause = FIRST_PAUSE;
                    let max = self.max_connections;
                    match self.connections.open(address.ip()) {
                        Some(admitted) => {
                            if admitted.has_displaced {
                                notices.write(&format!(
                                    "{max} connections are open; one of the peer with the most was dropped for another peer"
                                ));
                            }
                            self.serve(stream, admitted);
                        }
                        None => {
                            notices.write(&format!("{max} connections are open; refusing more with 503"));
                            refuse(stream);
                        }
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                // No file descriptor or no memory is left: wait until connections have ended.
                Err(error) => {
                    let open = self.connections.count();
                    notices.write(&format!("cannot accept a connection beside {open} open ones: {error}"));
                    sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, admitted: Admitted) {
        let place = Arc::new(admitted.place);
        let scripted = Arc::clone(&self.scripted);
        let (faults, input) = (Arc::new(Faults::default()), Arc::clone(&self.input));
        let io = ServeIo::new(TcpIo::from_stream(stream), Arc::clone(&faults), Arc::clone(&input));
        // Fails only because of a TLS configuration, and there is none.
        let Ok(mut server) = turnwire_rustls::accept(io, Arc::clone(&self.config), None) else { return };
        let inflates_to = if self.config.deflate_policy.is_some() { MAX_RATIO as usize } else { 1 };
        let limits = ConnectionLimits { faults, input, place: Arc::clone(&place), inflates_to };
        let ending = self.endings.subscribe();
        let task = tokio::spawn(async move {
            serve_with(&mut server, &scripted, &limits, ending).await;
        });
        let task = task.abort_handle();
        place.set_drop(move || task.abort());
    }

    /// Ends the connections: idle ones at once, the others after the responses in progress, at the latest after `grace`, or at a signal.
    /// Returns the number of responses that were cut, and reports it.
    async fn end(&self, grace: Duration, mut signals: Signals) -> usize {
        self.endings.begin();
        let running = self.connections.running();
        if running > 0 {
            let (seconds, them) = (grace.as_secs(), if running == 1 { "it" } else { "them" });
            let running = responses(running);
            report(&format!("ending: {running} in progress, for at most {seconds} s; a second signal cuts {them}"));
        }
        let is_signal = tokio::select! {
            () = self.endings.all_ended() => return 0,
            () = sleep(grace) => false,
            () = signals.next() => true,
        };
        let cut = self.connections.running();
        if cut > 0 {
            report(&format!("cut {}", responses(cut)));
        }
        if !is_signal {
            self.endings.close();
            tokio::select! {
                () = self.endings.all_ended() => {}
                () = sleep(CLOSING) => {}
                () = signals.next() => {}
            }
        }
        cut
    }
}

/// How long clients may take to read the last bytes, and to reply to a close frame, once the period of grace is over.
const CLOSING: Duration = Duration::from_secs(1);

fn responses(count: usize) -> String {
    if count == 1 { "1 response".to_owned() } else { format!("{count} responses") }
}

/// Refuses a connection without reading its request.
pub(crate) fn refuse(stream: TcpStream) {
    const RESPONSE: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    // The socket does not block: a new one has room for the response.
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(RESPONSE);
    }
}

/// Returns whether an error of `accept` concerns only the connection that was to be accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The first and the longest pause after a connection could not be accepted.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);
