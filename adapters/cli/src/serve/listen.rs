//! Listens, and serves each connection on a thread of its own.

use core::net::SocketAddr;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, thread};

use turnwire::connection::Config;
use turnwire::ws::deflate::ServerPolicy;
use turnwire_blocking::block_on;

use super::desk::{Desk, serve};
use super::script::Script;

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where to listen. Port 0 picks one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// What to say: a TOML file with `[[reply]]` tables, or a file with one JSON reply per line. Without it, the demo's script.
    #[arg(long, value_name = "FILE")]
    pub script: Option<String>,
    /// Answer WebSocket handshakes with 426.
    #[arg(long)]
    pub refuse_websocket: bool,
    /// Agree to permessage-deflate.
    #[arg(long)]
    pub deflate: bool,
    /// Print each request as one line of JSON: its transport, the turn's token that came with it, and its body.
    #[arg(long)]
    pub json: bool,
}

/// Serves until the process is ended.
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
    let desk = Desk::telling(script, move |seen| {
        if json {
            // Nobody reads it any more, and who is served does not care.
            let _ = writeln!(io::stdout(), "{}", seen.to_json());
        }
    });
    listen(&listener, &Arc::new(desk), options.deflate);
    Ok(())
}

/// Starts a server of this script on a loopback port of this process. Returns its base URL, and the desk that knows what it saw.
///
/// # Errors
///
/// When no port can be had.
pub fn demo(script: Script) -> io::Result<(String, Arc<Desk>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let desk = Arc::new(Desk::new(script));
    let shared = Arc::clone(&desk);
    thread::spawn(move || listen(&listener, &shared, true));
    Ok((url, desk))
}

fn listen(listener: &TcpListener, desk: &Arc<Desk>, deflate: bool) {
    for stream in listener.incoming().flatten() {
        let desk = Arc::clone(desk);
        thread::spawn(move || connection(stream, &desk, deflate));
    }
}

/// The settings of a scripted server's connections. `deflate`: whether permessage-deflate may be agreed on.
#[must_use]
pub fn config(deflate: bool) -> Config {
    let mut config = Config::new("");
    config.deflate_policy = deflate.then(ServerPolicy::default);
    // Whoever keeps a connection open for the next request may think about it for as long as they like.
    config.timeouts.idle = None;
    config.timeouts.head = None;
    config
}

/// What a connection breaks of concerns its peer only.
fn connection(stream: TcpStream, desk: &Desk, deflate: bool) {
    if let Ok(mut server) = turnwire_blocking::accept(stream, config(deflate), None) {
        block_on(serve(&mut server, desk));
    }
}
