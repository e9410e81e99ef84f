//! `turnwire chat`: a conversation at the command line, with any server, or with a scripted server in this process.

mod exit;
mod printer;
mod run;

pub use exit::Exit;
pub use printer::Printer;
pub use run::{demo, demo_with, main, prompt};

use turnwire::client::TransportPreference;

/// Transport of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// WebSocket, and HTTP if the server responds with 426.
    Auto,
    /// WebSocket.
    Ws,
    /// HTTP and event streams.
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
    #[arg(long)]
    pub demo: bool,
    /// Let the demo's server reject WebSocket with 426.
    #[arg(long, requires = "demo")]
    pub demo_refuse_websocket: bool,
    /// Base URL of the server.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1", conflicts_with = "demo")]
    pub base_url: String,
    /// Name of the model.
    #[arg(long, value_name = "NAME", default_value = "gpt-5-mini")]
    pub model: String,
    /// Transport of the requests.
    #[arg(long, value_enum, default_value = "auto")]
    pub transport: Transport,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
    /// Environment variable that contains the API key. Optional for a server on this machine.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// Maximum number of retries after a transient failure.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub retries: u32,
    /// Connect timeout, and idle timeout between two events, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Allow plain `http` to hosts other than this machine.
    #[arg(long)]
    pub allow_plain: bool,
    /// Text of the user message.
    #[arg(value_name = "PROMPT", required_unless_present = "demo", conflicts_with = "demo")]
    pub prompt: Option<String>,
}
