//! The command `turnwire`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use turnwire_cli::{chat, decode, doctor, serve};

/// OpenAI's Responses API at the command line.
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
    /// Exit codes: 0 success, 1 cannot write the output, 2 bad arguments, 3 cannot connect, 4 TLS error, 5 rejected by the server,
    /// 6 protocol error, 7 failed by the model, 8 timed out.
    Chat(chat::Options),
    /// Serve scripted responses over HTTP and WebSocket.
    Serve(serve::Options),
    /// Check whether a server is reachable, and which transports it supports.
    Doctor(doctor::Options),
    /// Decode recorded bytes into one JSON object per item.
    ///
    /// Exit codes: 0 success, 1 framing error (the last line gives its offset), 2 the file cannot be read.
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
