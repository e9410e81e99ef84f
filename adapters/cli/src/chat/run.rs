//! Holds the conversation.

use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;

use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, EventData, FunctionCall, Item, RawJson};
use turnwire_blocking::{Client, block_on};
use turnwire_driver::{Io, Turn};

use super::Options;
use super::exit::Exit;
use super::show::Show;
use crate::serve::{self, Desk, Script};

/// What the demo says, one turn each.
const DEMO: [&str; 2] = ["Bergen or Oslo today?", "Thank you!"];

/// Holds the conversation that the options want.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let mut out = io::stdout();
    let mut show = Show::new(&mut out, options.json);
    let result = match &options.prompt {
        Some(text) => prompt(options, text, &mut show),
        None => demo(options, &mut show),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            let _ = writeln!(io::stderr(), "turnwire: {exit}");
            exit.code()
        }
    }
}

/// One turn with a server.
///
/// # Errors
///
/// [`Exit`] says what went wrong.
pub fn prompt(options: &Options, text: &str, show: &mut Show<'_>) -> Result<(), Exit> {
    let local = ["://localhost", "://127.", "://[::1]"].iter().any(|host| options.base_url.contains(host));
    let credentials = match std::env::var(&options.api_key_env) {
        Ok(key) if !key.trim().is_empty() => Credentials::bearer(key.trim()),
        _ if local => Credentials::None,
        _ => return Err(Exit::Arguments(format!("`{}` holds no API key", options.api_key_env))),
    };
    let mut provider = Provider::new("custom", &options.base_url);
    provider.allow_plain = options.allow_plain;
    let mut conversation = Conversation::new(options, provider, credentials)?;
    let result = conversation.turn(text, show);
    conversation.end();
    result
}

/// The demo's two turns with its server.
///
/// # Errors
///
/// [`Exit`] says what went wrong.
pub fn demo(options: &Options, show: &mut Show<'_>) -> Result<(), Exit> {
    let mut script = Script::demo();
    script.refuse_websocket = options.demo_refuse_websocket;
    let (url, desk) = serve::demo(script)?;
    demo_with(options, &url, &desk, show)
}

/// The same with a server that is there already, and follows the demo's script.
///
/// # Errors
///
/// [`Exit`] says what went wrong.
pub fn demo_with(options: &Options, url: &str, desk: &Desk, show: &mut Show<'_>) -> Result<(), Exit> {
    let provider = Provider::new("demo", url);
    let mut conversation = Conversation::new(options, provider, Credentials::bearer("demo-key"))?;
    conversation.tools = vec![weather()?];
    for text in DEMO {
        conversation.turn(text, show)?;
    }
    conversation.end();
    let tokens: Vec<Option<String>> = desk.seen().into_iter().map(|seen| seen.turn_state).collect();
    show.seen(&tokens)?;
    Ok(())
}

struct Conversation {
    client: Client,
    model: String,
    tools: Vec<RawJson<'static>>,
    /// All that was said.
    items: Vec<Item>,
}

impl Conversation {
    fn new(options: &Options, mut provider: Provider, credentials: Credentials) -> Result<Self, Exit> {
        let mut settings = Settings::default();
        settings.transport = options.transport.into();
        settings.default_headers = vec![("user-agent".into(), concat!("turnwire/", env!("CARGO_PKG_VERSION")).into())];
        provider.retry.max_retries = options.retries;
        if let Some(seconds) = options.timeout {
            provider.idle_timeout = Duration::from_secs(seconds);
            provider.connect_timeout = Duration::from_secs(seconds);
        }
        let client = Client::new(provider, credentials, settings)?;
        Ok(Self { client, model: options.model.clone(), tools: Vec::new(), items: Vec::new() })
    }

    /// One turn: a request, and another one for as long as tools are called.
    fn turn(&mut self, text: &str, show: &mut Show<'_>) -> Result<(), Exit> {
        let Self { client, model, tools, items } = self;
        show.turn(text)?;
        items.push(Item::user(text));
        let mut turn = client.turn()?;
        loop {
            let mut request = CreateResponse::new(model, items.clone());
            request.tools = (!tools.is_empty()).then(|| tools.clone());
            turn.send(request).map_err(|refused| refused.reason)?;
            let said = block_on(hear(&mut turn, show))?;
            let calls: Vec<FunctionCall> = said.iter().filter_map(as_call).cloned().collect();
            items.extend(said);
            for call in &calls {
                // A model that calls what it was not given is not answered.
                let output = (!tools.is_empty()).then(|| run(call));
                show.tool(&call.name, &call.arguments, output)?;
                items.extend(output.map(|output| Item::function_call_output(&call.call_id, output)));
            }
            if calls.is_empty() || tools.is_empty() {
                return Ok(());
            }
        }
    }

    /// Says good-bye, and does not insist.
    fn end(&mut self) {
        block_on(self.client.close());
    }
}

/// Hears a request to its end, and returns what the model said.
async fn hear<I: Io>(turn: &mut Turn<'_, I>, show: &mut Show<'_>) -> Result<Vec<Item>, Exit> {
    let mut said = Vec::new();
    let mut result = Ok(());
    while let Some(event) = turn.next().await {
        show.event(&event)?;
        match event {
            Event::Server { event, .. } => {
                // An item of a shape that is not known is shown, and forgotten.
                if let EventData::OutputItemDone { item, .. } = &event.data
                    && let Ok(item) = Item::parse(item.as_str())
                {
                    said.push(item);
                }
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => result = Err(Exit::of(failure)),
            _ => {}
        }
    }
    result.map(|()| said)
}

fn as_call(item: &Item) -> Option<&FunctionCall> {
    if let Item::FunctionCall(call) = item { Some(call) } else { None }
}

/// The demo's tool.
fn weather() -> Result<RawJson<'static>, Exit> {
    let tool = serde_json::json!({
        "type": "function", "name": "weather", "description": "The weather in a city", "strict": true,
        "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
            "additionalProperties": false,
        },
    });
    RawJson::of(&tool).map_err(|malformed| Exit::Arguments(malformed.to_string()))
}

/// Runs a tool, as far as there is one.
fn run(call: &FunctionCall) -> &'static str {
    match (call.name.as_str(), call.arguments.contains("Bergen")) {
        ("weather", true) => "rain, 8 degrees",
        ("weather", false) => "dry, 11 degrees",
        _ => "there is no such tool",
    }
}
