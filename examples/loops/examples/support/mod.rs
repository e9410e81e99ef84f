//! What the loops share: a scripted server in this process, clients of it, and a clock.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant as SystemInstant;

use turnwire::client::{Client, ConnectTarget, Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, EventData, Item};
use turnwire::time::Instant;
use turnwire_cli::serve::{self, Script};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Starts a server on a thread of its own. Returns its base URL.
pub(crate) fn server() -> Result<String> {
    let script = Script::parse("[[reply]]\ntext = \"Hello from the loop.\"\n")?;
    Ok(serve::demo(script)?.0)
}

/// Creates a client with one request.
pub(crate) fn client(url: &str, now: Instant) -> Result<Client> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system has a random source");
    let mut client = Client::new(Provider::new("loop", url), Credentials::bearer("none"), Settings::default(), seed)?;
    client.send(now, CreateResponse::new("gpt-x", vec![Item::user("Say hi")]))?;
    Ok(client)
}

/// Returns the address of a target. A loop of an application looks up names without blocking, for example on another thread.
pub(crate) fn address(target: &ConnectTarget) -> io::Result<SocketAddr> {
    let ip: IpAddr = target.host.parse().map_err(io::Error::other)?;
    Ok(SocketAddr::new(ip, target.port))
}

/// Handles all events, and closes the client when its requests have ended. Appends the text to `text`.
pub(crate) fn handle_events(client: &mut Client, now: Instant, text: &mut String) {
    while let Some(event) = client.poll_event() {
        match event {
            Event::Server { event, .. } => {
                if let EventData::OutputTextDelta { delta, .. } = event.data {
                    text.push_str(&delta);
                }
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => panic!("a request failed: {failure}"),
            _ => {}
        }
    }
    if !client.has_pending_requests() {
        client.close(now);
    }
}

/// A monotonic clock as the core wants it.
pub(crate) struct Clock(SystemInstant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(SystemInstant::now())
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_duration(self.0.elapsed())
    }
}
