//! Options of `turnwire chat`.

use std::path::PathBuf;

use turnwire::client::TransportPreference;

use super::printer::Verbosity;
use super::tools::Tool;
use crate::tls::TlsOptions;

/// Transport of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// WebSocket, and HTTP if the server rejects it.
    Auto,
    /// WebSocket.
    #[value(alias = "websocket")]
    Ws,
    /// HTTP and event streams.
    #[value(alias = "http")]
    Sse,
}

impl From<Transport> for TransportPreference {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Auto => Self::Auto,
            Transport::Ws => Self::WebSocket,
            Transport::Sse => Self::Http,
        }
    }
}

/// Options of `turnwire chat`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Run the demo: a conversation of two turns with a scripted server in this process. The first turn calls a tool.
    #[arg(long, conflicts_with_all = ["prompt", "base_url", "tool", "continue_from", "save"])]
    pub demo: bool,
    /// Let the demo's server reject WebSocket with 426.
    #[arg(long, requires = "demo")]
    pub demo_refuse_websocket: bool,
    /// Base URL of the server.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1")]
    pub base_url: String,
    /// Name of the model.
    #[arg(long, short, value_name = "NAME", default_value = "gpt-5-mini")]
    pub model: String,
    /// Transport of the requests.
    #[arg(long, value_enum, default_value = "auto")]
    pub transport: Transport,
    /// Print one JSON object per line, with each event as it came.
    #[arg(long)]
    pub json: bool,
    /// Print only the answer, and errors.
    #[arg(long, short, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print the reasoning, connections and items without text as well.
    #[arg(long, short)]
    pub verbose: bool,
    /// Environment variable that contains the API key. Optional for a server on this machine.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// Maximum number of retries after a transient failure.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub retries: u32,
    /// Connect timeout, and idle timeout between two events, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Total time of a request with all its attempts, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub deadline: Option<u64>,
    /// Allow plain `http` to hosts other than this machine.
    #[arg(long)]
    pub allow_plain: bool,
    /// Options for TLS.
    #[command(flatten)]
    pub tls: TlsOptions,
    /// Instructions for the model.
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Image to send with the first message: PNG, JPEG, GIF or WebP. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub image: Vec<PathBuf>,
    /// File to send with the first message. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// JSON schema that the answer must follow.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Tool that the model may call: a shell command, which reads the arguments as JSON from its standard input. May be repeated.
    #[arg(long, value_name = "NAME=COMMAND")]
    pub tool: Vec<Tool>,
    /// Run tools without asking.
    #[arg(long, short)]
    pub yes: bool,
    /// Continue the conversation in this file: a JSON array of items.
    #[arg(long = "continue", value_name = "FILE")]
    pub continue_from: Option<PathBuf>,
    /// Write the conversation to this file after each turn.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Text of the user message. Words are joined by spaces; `-` stands for the standard input, as a paragraph of its own. Without a
    /// text, it is the standard input, or on a terminal a conversation begins.
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
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

    /// Returns how much is printed beside the answer.
    #[must_use]
    pub const fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}
