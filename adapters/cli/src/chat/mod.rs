//! `turnwire chat`: a conversation at the command line, with any server, or with one of our own in this process.

mod exit;
mod run;
mod show;

pub use exit::Exit;
pub use run::{demo, demo_with, main, prompt};
pub use show::Show;

use turnwire::client::TransportPreference;

/// Which transport requests take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// WebSocket, and HTTP when the server answers 426.
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

/// With whom to speak, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Hold the demo's conversation with a scripted server in this process: two turns, the first with a tool.
    #[arg(long)]
    pub demo: bool,
    /// Let the demo's server refuse WebSocket with 426.
    #[arg(long, requires = "demo")]
    pub demo_refuse_websocket: bool,
    /// Where the server is.
    #[arg(long, value_name = "URL", default_value = "https://api.openai.com/v1", conflicts_with = "demo")]
    pub base_url: String,
    /// The model.
    #[arg(long, value_name = "NAME", default_value = "gpt-5-mini")]
    pub model: String,
    /// Which transport requests take.
    #[arg(long, value_enum, default_value = "auto")]
    pub transport: Transport,
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
    /// The environment variable that holds the API key. A server on this machine may do without.
    #[arg(long, value_name = "NAME", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// How often a request is made again after a failure that may pass.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub retries: u32,
    /// How long to wait for a connection, and from one event to the next, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Allow plain `http` to hosts other than this machine.
    #[arg(long)]
    pub allow_plain: bool,
    /// What to say.
    #[arg(value_name = "PROMPT", required_unless_present = "demo", conflicts_with = "demo")]
    pub prompt: Option<String>,
}
