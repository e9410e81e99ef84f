//! `turnwire decode`: recorded bytes in, one JSON object per decoded item out.

mod event;
mod http;
mod output;
mod sse;
mod ws;

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use turnwire::ws::Role;

pub use self::output::Output;

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An event stream.
    Sse,
    /// What a client receives on a WebSocket; the handshake's answer may come first.
    WsClient,
    /// What a server receives on a WebSocket; the handshake may come first.
    WsServer,
    /// HTTP responses.
    HttpResponse,
    /// HTTP requests.
    HttpRequest,
    /// One payload per line.
    Jsonl,
}

/// How far to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Layer {
    /// Bytes to frames.
    Frames,
    /// Frames to typed events and requests.
    Events,
}

/// What to decode, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What the bytes are.
    #[arg(long, value_enum, default_value = "sse")]
    pub format: Format,
    /// How far to decode them.
    #[arg(long, value_enum, default_value = "events")]
    pub layer: Layer,
    /// Feed this many bytes at a time; the output is the same whatever the number.
    #[arg(long, value_name = "N", default_value = "16384", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub chunk: u32,
    /// permessage-deflate was agreed on, which a WebSocket without its handshake cannot say.
    #[arg(long)]
    pub deflate: bool,
    /// Where the bytes are; `-` is the standard input.
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// Why decoding stopped: the framing is broken, or a limit passed.
#[derive(Debug)]
struct Broken {
    error: String,
    /// Where in the input what is broken begins, or the limit passed.
    offset: u64,
    limit: Option<usize>,
}

/// Something that decodes one format.
trait Decode {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), Failed>;

    /// The input has ended.
    fn end(&mut self, out: &mut Output<'_>) -> Result<(), Failed>;
}

/// Why feeding stopped.
enum Failed {
    Broken(Broken),
    Io(io::Error),
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Decodes `input` to `out`. Returns whether the framing was whole; if not, the last line says where it broke.
///
/// # Errors
///
/// When reading or writing fails.
pub fn run(options: &Options, input: &mut dyn Read, out: &mut dyn Write) -> io::Result<bool> {
    let layer = options.layer;
    let mut decode: Box<dyn Decode> = match options.format {
        Format::Sse => Box::new(sse::Stream::new(layer)),
        Format::WsClient => Box::new(ws::Recording::new(Role::Client, layer, options.deflate)),
        Format::WsServer => Box::new(ws::Recording::new(Role::Server, layer, options.deflate)),
        Format::HttpResponse => Box::new(http::Responses::new(layer)),
        Format::HttpRequest => Box::new(http::Requests::new(layer)),
        Format::Jsonl => Box::new(sse::Lines::new(layer)),
    };
    let mut out = Output::new(out);
    let result = feed(decode.as_mut(), options.chunk as usize, input, &mut out);
    let whole = match result {
        Ok(()) => true,
        Err(Failed::Io(error)) => return Err(error),
        Err(Failed::Broken(broken)) => {
            out.broken(&broken)?;
            false
        }
    };
    out.flush()?;
    Ok(whole)
}

fn feed(decode: &mut dyn Decode, chunk: usize, input: &mut dyn Read, out: &mut Output<'_>) -> Result<(), Failed> {
    let mut buffer = vec![0; chunk];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return decode.end(out),
            Ok(length) => decode.feed(&buffer[..length], out)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Decodes the file that the options name to the standard output.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let open = || -> io::Result<Box<dyn Read>> {
        Ok(if options.file == "-" { Box::new(io::stdin()) } else { Box::new(File::open(&options.file)?) })
    };
    let mut out = io::stdout().lock();
    match open().and_then(|mut input| run(options, input.as_mut(), &mut out)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever read our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "turnwire: {}: {error}", options.file);
            ExitCode::from(2)
        }
    }
}
