//! A conversation: its items, and the requests of each turn.

use core::convert::Infallible;
use core::future::pending;
use core::time::Duration;
use std::path::PathBuf;

use turnwire::client::{Credentials, Disconnected, Event, Outcome, Provider, RequestId, Settings, Submitted};
use turnwire::connection::CloseReason;
use turnwire::proxy::ProxySelector;
use turnwire::responses::operations::Compact;
use turnwire::responses::request::TextOptions;
use turnwire::responses::{ContentPart, CreateResponse, Item, RawJson};
use turnwire_tokio::{Client, ClientBuilder, Turn};
use url::Url;

use super::answer::Answer;
use super::console::{Consent, Console};
use super::exit::Exit;
use super::options::Options;
use super::printer::{Printer, incomplete};
use super::tools::{Call, Tools};
use super::{attachments, history};
use crate::terminal::escape_line;

/// Maximum number of requests in one turn: a model that calls tools endlessly is stopped.
const MAX_REQUESTS: usize = 100;

/// A conversation with a server.
#[derive(Debug)]
pub struct Conversation {
    client: Client,
    /// Name of the model.
    pub model: String,
    instructions: String,
    text: Option<TextOptions>,
    tools: Tools,
    /// Parts that go with the next message.
    attachments: Vec<ContentPart>,
    /// All items so far.
    items: Vec<Item>,
    /// File that the items are written to after each turn.
    save: Option<PathBuf>,
    /// The server's host, for errors.
    server: String,
}

impl Conversation {
    /// Begins a conversation with the provider, or continues the one in the file of the options.
    ///
    /// # Errors
    ///
    /// Returns [`Exit::Arguments`] when a file cannot be read or the provider is invalid. Nothing was sent.
    pub fn new(options: &Options, mut provider: Provider, credentials: Credentials) -> Result<Self, Exit> {
        let mut settings = Settings::default();
        settings.transport = options.transport.into();
        settings.default_headers = vec![("user-agent".into(), concat!("turnwire/", env!("CARGO_PKG_VERSION")).into())];
        settings.deadline = options.deadline.map(Duration::from_secs);
        provider.retry.max_retries = options.retries;
        if let Some(seconds) = options.timeout {
            provider.idle_timeout = Duration::from_secs(seconds);
            provider.connect_timeout = Duration::from_secs(seconds);
        }
        let server = authority(&provider.base_url);
        // The server of the demo is in this process, and no proxy can reach it.
        let builder = ClientBuilder::default();
        let builder = if options.demo { builder.proxies(ProxySelector::new()) } else { builder };
        let builder = options.tls.configs()?.configure(builder);
        let items = options.continue_from.as_deref().map(history::load).transpose()?.unwrap_or_default();
        Ok(Self {
            attachments: attachments::parts(options)?,
            text: attachments::schema(options)?,
            client: builder.build(provider, credentials, settings)?,
            model: options.model.clone(),
            instructions: options.system.clone().unwrap_or_default(),
            tools: Tools::of(options),
            items,
            save: options.save.clone(),
            server,
        })
    }

    /// Replaces the tools by the demo's.
    pub(super) fn use_demo_tool(&mut self) {
        self.tools = Tools::Demo;
    }

    /// Returns the items so far.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Runs one turn: sends a request, and another one as long as the model calls tools. Returns `false` if the user interrupted it:
    /// the message and the text so far stay part of the conversation.
    ///
    /// # Errors
    ///
    /// Returns [`Exit`] when a request failed. If it was the first one of the turn and nothing was said, the conversation is as before.
    pub async fn turn(
        &mut self,
        text: &str,
        printer: &mut Printer<'_>,
        console: &mut impl Console,
    ) -> Result<bool, Exit> {
        let before = self.items.len();
        let parts = core::mem::take(&mut self.attachments);
        self.items.push(attachments::message(text, parts.clone()));
        let result = self.requests(printer, console).await.map_err(|exit| exit.at(&self.server));
        if result.is_err() && self.items.len() == before + 1 {
            self.items.truncate(before);
            self.attachments = parts;
        } else if let Some(path) = &self.save {
            history::save(path, &self.items)?;
        }
        result
    }

    async fn requests(&mut self, printer: &mut Printer<'_>, console: &mut impl Console) -> Result<bool, Exit> {
        let described = self.describe_tools()?;
        let Self { client, model, instructions, text, tools, items, .. } = self;
        let mut turn = client.turn()?;
        for _ in 0..MAX_REQUESTS {
            let mut request = CreateResponse::new(model, items.clone());
            request.instructions.clone_from(instructions);
            request.text.clone_from(text);
            request.tools.clone_from(&described);
            let id = turn.send(request).map_err(|rejected| rejected.reason)?;
            let received = receive(&mut turn, id, tools, printer, console).await?;
            let received = match received {
                Received::Complete(received) => received,
                // Servers reject a call without its output, and reasoning without what follows from it.
                Received::Interrupted(received) => {
                    items.extend(received.into_iter().filter(|item| matches!(item, Item::Message(_))));
                    return Ok(false);
                }
                Received::Incomplete(received, reason) => {
                    items.extend(received.into_iter().filter(|item| matches!(item, Item::Message(_))));
                    return Err(Exit::Model(reason));
                }
            };
            let calls = received.iter().filter_map(Call::of).collect::<Vec<_>>();
            items.extend(received);
            if calls.is_empty() || matches!(tools, Tools::None) {
                return Ok(true);
            }
            let mut is_interrupted = false;
            for call in calls {
                let output = if is_interrupted { None } else { run(tools, &call, printer, console).await? };
                is_interrupted |= output.is_none();
                // A server rejects a history with a call that has no output.
                let output = output.unwrap_or_else(|| "the user interrupted this call".to_owned());
                printer.tool(&call.name, &call.arguments, &output)?;
                items.push(call.output(&output));
            }
            if is_interrupted {
                return Ok(false);
            }
        }
        Err(Exit::Model(format!("the model called tools in each of the turn's {MAX_REQUESTS} requests")))
    }

    fn describe_tools(&self) -> Result<Option<Vec<RawJson<'static>>>, Exit> {
        self.tools.describe().map_err(|malformed| Exit::Arguments(malformed.to_string()))
    }

    /// Replaces the items by a shorter history that the server makes of them. Returns `false` if the user interrupted it.
    ///
    /// # Errors
    ///
    /// Returns [`Exit`] when the request failed. The conversation is as before.
    pub async fn compact(&mut self, printer: &mut Printer<'_>, console: &mut impl Console) -> Result<bool, Exit> {
        let mut request = CreateResponse::new(&self.model, self.items.clone());
        request.instructions.clone_from(&self.instructions);
        request.tools = self.describe_tools()?;
        let now = self.client.now();
        let submitted = self.client.client().submit(now, &Compact::from(request), None);
        let Submitted::Pending(id) = submitted.map_err(|rejected| rejected.reason)? else { return Ok(true) };
        loop {
            let step = tokio::select! {
                () = console.interrupted() => None,
                event = self.client.next() => Some(event),
            };
            match step {
                None => {
                    let now = self.client.now();
                    self.client.client().cancel(now, id);
                }
                Some(Some(event)) => {
                    printer.event(&event)?;
                    let Event::Finished { id: finished, outcome, .. } = event else { continue };
                    if finished != id {
                        continue;
                    }
                    match outcome.read::<Compact>() {
                        Some(Ok(compacted)) => self.items = compacted.output,
                        Some(Err(failure)) => return Err(Exit::of(&failure)),
                        None => return Ok(false),
                    }
                    return Ok(true);
                }
                Some(None) => return Ok(false),
            }
        }
    }

    /// Keeps the connection alive until the future is dropped. Dropping it loses nothing.
    pub async fn idle(&mut self) -> Infallible {
        while self.client.next().await.is_some() {}
        pending().await
    }

    /// Closes the connection.
    pub async fn close(&mut self) {
        self.client.close().await;
    }
}

/// Returns the host of a URL, with its port if there is one.
fn authority(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    url.as_ref().and_then(Url::port).map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The result of a request.
#[derive(Debug)]
enum Received {
    /// All items of the answer.
    Complete(Vec<Item>),
    /// The items until the user interrupted the answer.
    Interrupted(Vec<Item>),
    /// The items until the server ended the answer early, and why it did.
    Incomplete(Vec<Item>, String),
}

/// Receives the events of a request until it ends.
async fn receive(
    turn: &mut Turn<'_>,
    id: RequestId,
    tools: &Tools,
    printer: &mut Printer<'_>,
    console: &mut impl Console,
) -> Result<Received, Exit> {
    let mut answer = Answer::default();
    let mut failed = None;
    let mut cancelled = false;
    let mut ended_early = None;
    let mut timed_out = false;
    loop {
        let step = tokio::select! {
            biased;
            () = console.interrupted() => None,
            event = turn.next() => Some(event),
        };
        match step {
            None => turn.cancel(id),
            Some(None) => break,
            Some(Some(event)) => {
                let pieces = match &event {
                    Event::Server { event, .. } => answer.event(event),
                    // The request is sent again: another answer begins.
                    Event::Retry { .. } => core::mem::take(&mut answer).end(),
                    Event::Finished { .. } => answer.end(),
                    _ => Vec::new(),
                };
                if !matches!(event, Event::Finished { .. }) {
                    printer.event(&event)?;
                }
                for piece in &pieces {
                    printer.piece(piece, |name| tools.runs(name))?;
                }
                match &event {
                    Event::Finished { outcome, .. } => {
                        printer.event(&event)?;
                        match outcome {
                            Outcome::Failed(failure) => failed = Some(Exit::of(failure)),
                            Outcome::Incomplete(response) => ended_early = Some(incomplete(response.reason.as_deref())),
                            Outcome::Cancelled => cancelled = true,
                            _ => {}
                        }
                    }
                    Event::Sent { .. } => timed_out = false,
                    Event::Disconnected(Disconnected::Closed(CloseReason::Timeout(_))) => timed_out = true,
                    _ => {}
                }
            }
        }
    }
    match (failed, ended_early) {
        (Some(Exit::Protocol(text)), _) if timed_out => Err(Exit::Timeout(text)),
        (Some(exit), _) => Err(exit),
        (None, Some(reason)) => Ok(Received::Incomplete(answer.into_items(), reason)),
        (None, None) if cancelled => Ok(Received::Interrupted(answer.into_items())),
        (None, None) => Ok(Received::Complete(answer.into_items())),
    }
}

/// Runs a tool, after asking if the options say so. Returns its output for the model, or `None` if the user interrupted the turn.
async fn run(
    tools: &Tools,
    call: &Call,
    printer: &mut Printer<'_>,
    console: &mut impl Console,
) -> Result<Option<String>, Exit> {
    let question = format!("run {}({})?", escape_line(&call.name), escape_line(&call.arguments));
    if tools.asks(&call.name) {
        printer.end_line()?;
        match console.confirm(&question).await.map_err(Exit::Output)? {
            Consent::Yes => {}
            Consent::No => return Ok(Some("the user does not allow this call".to_owned())),
            Consent::Interrupted => return Ok(None),
        }
    }
    let runnable = tools.runnable(call);
    // The connection stays as it is meanwhile; a command that runs for long costs at most a new one.
    let run = tokio::task::spawn_blocking(runnable);
    tokio::pin!(run);
    let mut is_interrupted = false;
    loop {
        tokio::select! {
            biased;
            // On a terminal the command is interrupted as well, and ends by itself.
            () = console.interrupted() => is_interrupted = true,
            output = &mut run => {
                let output = output.map_err(|error| Exit::Output(std::io::Error::other(error)))?;
                return Ok((!is_interrupted).then_some(output));
            }
        }
    }
}
