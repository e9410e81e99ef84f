//! The command `turnwire`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use turnwire_cli::{chat, decode, doctor, serve};

/// The Responses protocol at the command line.
#[derive(Debug, Parser)]
#[command(name = "turnwire", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hold a conversation.
    ///
    /// Exits with 0, or says what went wrong: 2 bad arguments, 3 cannot connect, 4 TLS, 5 refused by the server, 6 protocol error,
    /// 7 failed by the model, 8 timed out.
    Chat(chat::Options),
    /// Serve scripted responses, over HTTP and over WebSocket.
    Serve(serve::Options),
    /// Say whether a server can be reached, and what it speaks.
    Doctor(doctor::Options),
    /// Decode recorded bytes into one JSON object per item.
    ///
    /// Exits with 0, or with 1 where the framing is broken: then the last line says where.
    Decode(decode::Options),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Chat(options) => chat::main(&options),
        Command::Serve(options) => serve::main(&options),
        Command::Doctor(options) => doctor::main(&options),
        Command::Decode(options) => decode::main(&options),
    }
}
