//! The command `turnwire`.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use turnwire_cli::{chat, decode, doctor, record, serve};

/// OpenAI's Responses API at the command line.
#[derive(Debug, Parser)]
#[command(name = "turnwire", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask a question, or hold a conversation.
    ///
    /// The answer alone is on the standard output; the prompt, statistics and notices are on the standard error.
    ///
    /// Exit codes: 0 success, 1 cannot write the output, 2 bad arguments, 3 cannot connect, 4 TLS error, 5 rejected by the server,
    /// 6 protocol error, 7 failed by the model, 8 timed out.
    Chat(Box<chat::Options>),
    /// Serve scripted responses over HTTP and WebSocket.
    Serve(serve::Options),
    /// Pass requests on to a server, and record what both sides send. Secrets are replaced by `sk-***`.
    Record(record::Options),
    /// Serve the responses of a recording.
    Replay(serve::ReplayOptions),
    /// Check whether a server is reachable, and which transports it supports.
    Doctor(doctor::Options),
    /// Decode recorded bytes into one JSON object per item.
    ///
    /// Exit codes: 0 success, 1 framing error (the last line gives its offset), 2 the file cannot be read, 3 the recording was cut:
    /// it ends inside an item, or before the end of a response.
    Decode(decode::Options),
    /// Print the completions of a shell.
    Completions {
        /// Name of the shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page, in roff.
    Man {
        /// Name of the subcommand; the page of `turnwire` itself if it is left out.
        command: Option<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Chat(options) => chat::main(&options),
        Command::Serve(options) => serve::main(&options),
        Command::Record(options) => record::main(&options),
        Command::Replay(options) => serve::replay(&options),
        Command::Doctor(options) => doctor::main(&options),
        Command::Decode(options) => decode::main(&options),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "turnwire", &mut out);
            print(&out)
        }
        Command::Man { command } => manual(command.as_deref()),
    }
}

/// Prints the manual page of a subcommand, or of the command itself.
fn manual(subcommand: Option<&str>) -> ExitCode {
    let mut command = Arguments::command();
    command.build();
    let page = match subcommand {
        None => Some(&command),
        Some(name) => command.find_subcommand(name),
    };
    let Some(page) = page else {
        let _ = writeln!(io::stderr(), "turnwire: there is no subcommand `{}`", subcommand.unwrap_or_default());
        return ExitCode::from(2);
    };
    let mut out = Vec::new();
    match clap_mangen::Man::new(page.clone()).render(&mut out) {
        Ok(()) => print(&out),
        Err(_) => ExitCode::FAILURE,
    }
}

fn print(bytes: &[u8]) -> ExitCode {
    match io::stdout().write_all(bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
