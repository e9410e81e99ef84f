//! Runs a conversation.

use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;

use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, EventData, FunctionCall, Item, RawJson};
use turnwire_blocking::{Client, block_on};
use turnwire_driver::{Io, Turn};

use super::Options;
use super::exit::Exit;
use super::printer::Printer;
use crate::serve::{self, Script, ScriptedServer};

/// The demo's prompts, one per turn.
const DEMO: [&str; 2] = ["Bergen or Oslo today?", "Thank you!"];

/// Runs `turnwire chat`.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let mut out = io::stdout();
    let mut printer = Printer::new(&mut out, options.json);
    let result = match &options.prompt {
        Some(text) => prompt(options, text, &mut printer),
        None => demo(options, &mut printer),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            let _ = writeln!(io::stderr(), "turnwire: {exit}");
            exit.code()
        }
    }
}

/// Runs one turn with the server of the options.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn prompt(options: &Options, text: &str, printer: &mut Printer<'_>) -> Result<(), Exit> {
    let local = ["://localhost", "://127.", "://[::1]"].iter().any(|host| options.base_url.contains(host));
    let credentials = match std::env::var(&options.api_key_env) {
        Ok(key) if !key.trim().is_empty() => Credentials::bearer(key.trim()),
        _ if local => Credentials::None,
        _ => {
            return Err(Exit::Arguments(format!(
                "the environment variable `{}` contains no API key",
                options.api_key_env
            )));
        }
    };
    let mut provider = Provider::new("custom", &options.base_url);
    provider.allow_plain = options.allow_plain;
    let mut conversation = Conversation::new(options, provider, credentials)?;
    let result = conversation.turn(text, printer);
    conversation.end();
    result
}

/// Runs the demo's two turns with a server in this process.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn demo(options: &Options, printer: &mut Printer<'_>) -> Result<(), Exit> {
    let mut script = Script::demo();
    script.refuse_websocket = options.demo_refuse_websocket;
    let (url, scripted) = serve::demo(script)?;
    demo_with(options, &url, &scripted, printer)
}

/// Runs the demo's two turns with a server that follows the demo's script already.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn demo_with(
    options: &Options,
    url: &str,
    scripted: &ScriptedServer,
    printer: &mut Printer<'_>,
) -> Result<(), Exit> {
    let provider = Provider::new("demo", url);
    let mut conversation = Conversation::new(options, provider, Credentials::bearer("demo-key"))?;
    conversation.tools = vec![weather()?];
    for text in DEMO {
        conversation.turn(text, printer)?;
    }
    conversation.end();
    let tokens: Vec<Option<String>> = scripted.requests().into_iter().map(|request| request.turn_state).collect();
    printer.server_tokens(&tokens)?;
    Ok(())
}

struct Conversation {
    client: Client,
    model: String,
    tools: Vec<RawJson<'static>>,
    /// All items of the conversation so far.
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

    /// Runs one turn: sends a request, and another one as long as the model calls tools.
    fn turn(&mut self, text: &str, printer: &mut Printer<'_>) -> Result<(), Exit> {
        let Self { client, model, tools, items } = self;
        printer.turn(text)?;
        items.push(Item::user(text));
        let mut turn = client.turn()?;
        loop {
            let mut request = CreateResponse::new(model, items.clone());
            request.tools = (!tools.is_empty()).then(|| tools.clone());
            turn.send(request).map_err(|rejected| rejected.reason)?;
            let received = block_on(collect_items(&mut turn, printer))?;
            let calls: Vec<FunctionCall> = received.iter().filter_map(as_call).cloned().collect();
            items.extend(received);
            for call in &calls {
                // Without tools there is no output to return for a call.
                let output = (!tools.is_empty()).then(|| run(call));
                printer.tool(&call.name, &call.arguments, output)?;
                items.extend(output.map(|output| Item::function_call_output(&call.call_id, output)));
            }
            if calls.is_empty() || tools.is_empty() {
                return Ok(());
            }
        }
    }

    /// Closes the connection.
    fn end(&mut self) {
        block_on(self.client.close());
    }
}

/// Receives the events of a request until it ends, and returns the output items.
async fn collect_items<I: Io>(turn: &mut Turn<'_, I>, printer: &mut Printer<'_>) -> Result<Vec<Item>, Exit> {
    let mut received = Vec::new();
    let mut result = Ok(());
    while let Some(event) = turn.next().await {
        printer.event(&event)?;
        match event {
            Event::Server { event, .. } => {
                // An item of an unknown type is printed, but not part of the next request.
                if let EventData::OutputItemDone { item, .. } = &event.data
                    && let Ok(item) = Item::parse(item.as_str())
                {
                    received.push(item);
                }
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => result = Err(Exit::of(failure)),
            _ => {}
        }
    }
    result.map(|()| received)
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

/// Runs the demo's tool.
fn run(call: &FunctionCall) -> &'static str {
    match (call.name.as_str(), call.arguments.contains("Bergen")) {
        ("weather", true) => "rain, 8 degrees",
        ("weather", false) => "dry, 11 degrees",
        _ => "there is no such tool",
    }
}
