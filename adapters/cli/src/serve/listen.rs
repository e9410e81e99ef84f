//! Accepts connections, and serves each on its own thread.

use core::net::SocketAddr;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, thread};

use turnwire::connection::server::Config;
use turnwire::ws::deflate::ServerPolicy;
use turnwire_blocking::block_on;

use super::script::Script;
use super::server::{ScriptedServer, serve};

/// Options of `turnwire serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Script: a TOML file with `[[reply]]` tables, or a file with one JSON reply per line. Default: the demo's script.
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
    /// Reject WebSocket handshakes with 426.
    #[arg(long)]
    pub refuse_websocket: bool,
    /// Accept permessage-deflate.
    #[arg(long)]
    pub deflate: bool,
    /// Print each request as one line of JSON: its transport, turn token and body.
    #[arg(long)]
    pub json: bool,
}

/// Runs `turnwire serve` until the process ends.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "turnwire: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let mut script = match &options.script {
        Some(file) => Script::parse(&fs::read_to_string(file)?).map_err(io::Error::other)?,
        None => Script::demo(),
    };
    script.refuse_websocket |= options.refuse_websocket;
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "listening on http://{address}/v1")?;
    let json = options.json;
    let scripted = ScriptedServer::with_observer(script, move |recorded| {
        if json {
            // A closed standard output does not affect the clients.
            let _ = writeln!(io::stdout(), "{}", recorded.to_json());
        }
    });
    listen(&listener, &Arc::new(scripted), options.deflate);
    Ok(())
}

/// Starts a server in this process on a free loopback port. Returns its base URL, and the server, which records the requests.
///
/// # Errors
///
/// Returns an error when no port can be opened.
pub fn demo(script: Script) -> io::Result<(String, Arc<ScriptedServer>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let scripted = Arc::new(ScriptedServer::new(script));
    let shared = Arc::clone(&scripted);
    thread::spawn(move || listen(&listener, &shared, true));
    Ok((url, scripted))
}

fn listen(listener: &TcpListener, scripted: &Arc<ScriptedServer>, deflate: bool) {
    for stream in listener.incoming().flatten() {
        let scripted = Arc::clone(scripted);
        thread::spawn(move || connection(stream, &scripted, deflate));
    }
}

/// Returns the configuration of a scripted server's connections. `deflate`: whether to accept permessage-deflate.
#[must_use]
pub fn config(deflate: bool) -> Config {
    let mut config = Config::new();
    config.deflate_policy = deflate.then(ServerPolicy::default);
    config
}

/// Serves one connection. An error of the connection concerns only its peer.
fn connection(stream: TcpStream, scripted: &ScriptedServer, deflate: bool) {
    if let Ok(mut server) = turnwire_blocking::accept(stream, config(deflate), None) {
        block_on(serve(&mut server, scripted));
    }
}
