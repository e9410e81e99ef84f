//! `turnwire decode`: decodes recorded bytes to one JSON object per item.

mod event;
mod fields;
mod http;
mod output;
mod recording;
mod sse;
mod ws;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use turnwire::ws::Role;

pub use self::output::Output;

/// Format of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An event stream.
    Sse,
    /// Bytes that a client receives on a WebSocket, with or without the handshake's response.
    WsClient,
    /// Bytes that a server receives on a WebSocket, with or without the handshake.
    WsServer,
    /// HTTP responses.
    HttpResponse,
    /// HTTP requests.
    HttpRequest,
    /// One payload per line.
    Jsonl,
    /// A recording of `turnwire record`: a file, or the folder.
    Recording,
}

/// Layer to decode to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Layer {
    /// Bytes to frames.
    Frames,
    /// Frames to typed events and requests.
    Events,
}

/// Options of `turnwire decode`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Format of the input.
    #[arg(long, value_enum, default_value = "sse")]
    pub format: Format,
    /// Layer to decode to.
    #[arg(long, value_enum, default_value = "events")]
    pub layer: Layer,
    /// Number of bytes per read. It does not change the output.
    #[arg(long, value_name = "N", default_value = "16384", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub chunk: u32,
    /// Assume permessage-deflate, for a WebSocket recording without its handshake.
    #[arg(long)]
    pub deflate: bool,
    /// Input file; `-` is the standard input.
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// Framing error, or a limit that was exceeded.
#[derive(Debug)]
struct FramingError {
    error: String,
    /// Offset in the input of the invalid item, or of the byte that exceeds the limit.
    offset: u64,
    limit: Option<usize>,
}

/// Decoder of one format.
trait Decode {
    fn feed(&mut self, input: &[u8], out: &mut Output<'_>) -> Result<(), DecodeError>;

    /// Handles the end of the input, and prints whether it was cut.
    fn end(&mut self, out: &mut Output<'_>) -> Result<Ending, DecodeError>;
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Between two items.
    Whole,
    /// Inside an item, or before the end of a response. The last line says so, or gives the number of leftover bytes.
    Truncated,
    /// The framing is invalid. The last line gives the error and its offset.
    Invalid,
}

impl Ending {
    fn of(truncated: bool) -> Self {
        if truncated { Self::Truncated } else { Self::Whole }
    }
}

/// Error that ends decoding.
enum DecodeError {
    Framing(FramingError),
    Io(io::Error),
}

impl From<FramingError> for DecodeError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}

impl From<io::Error> for DecodeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Decodes `input` to `out`.
///
/// # Errors
///
/// Returns an error when reading or writing fails.
pub fn run(options: &Options, input: &mut dyn Read, out: &mut dyn Write) -> io::Result<Ending> {
    let layer = options.layer;
    let mut decode: Box<dyn Decode> = match options.format {
        Format::Sse => Box::new(sse::Stream::new(layer)),
        Format::WsClient => Box::new(ws::Recording::new(Role::Client, layer, options.deflate)),
        Format::WsServer => Box::new(ws::Recording::new(Role::Server, layer, options.deflate)),
        Format::HttpResponse => Box::new(http::Responses::new(layer)),
        Format::HttpRequest => Box::new(http::Requests::new(layer)),
        Format::Jsonl => Box::new(sse::Lines::new(layer)),
        Format::Recording => Box::new(recording::Recording::new(layer)),
    };
    let mut out = Output::new(out);
    let result = feed(decode.as_mut(), options.chunk as usize, input, &mut out);
    let ending = match result {
        Ok(ending) => ending,
        Err(DecodeError::Io(error)) => return Err(error),
        Err(DecodeError::Framing(error)) => {
            out.framing_error(&error)?;
            Ending::Invalid
        }
    };
    out.flush()?;
    Ok(ending)
}

fn feed(
    decode: &mut dyn Decode,
    chunk: usize,
    input: &mut dyn Read,
    out: &mut Output<'_>,
) -> Result<Ending, DecodeError> {
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

/// The files of a recording, one after the other.
struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    open: Option<File>,
}

impl Files {
    fn of(folder: &str) -> io::Result<Self> {
        let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        let is_recording = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
        let mut paths: Vec<_> = paths.into_iter().filter(is_recording).collect();
        paths.sort();
        Ok(Self { paths: paths.into_iter(), open: None })
    }
}

impl Read for Files {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.open {
                let length = file.read(buffer)?;
                if length > 0 {
                    return Ok(length);
                }
                self.open = None;
                // A file that ends within a line does not continue in the next one.
                let Some(first) = buffer.first_mut() else { return Ok(0) };
                *first = b'\n';
                return Ok(1);
            }
            let Some(path) = self.paths.next() else { return Ok(0) };
            self.open = Some(File::open(path)?);
        }
    }
}

/// Runs `turnwire decode`: decodes the file of the options to the standard output.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let open = || -> io::Result<Box<dyn Read>> {
        let folder = options.format == Format::Recording && Path::new(&options.file).is_dir();
        Ok(if folder {
            Box::new(Files::of(&options.file)?)
        } else if options.file == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&options.file)?)
        })
    };
    let mut out = io::stdout().lock();
    match open().and_then(|mut input| run(options, input.as_mut(), &mut out)) {
        Ok(Ending::Whole) => ExitCode::SUCCESS,
        Ok(Ending::Truncated) => ExitCode::from(3),
        Ok(Ending::Invalid) => ExitCode::FAILURE,
        // The reader of the output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "turnwire: {}: {error}", options.file);
            ExitCode::from(2)
        }
    }
}
