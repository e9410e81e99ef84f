//! Laws of the `web` layer: of a socket that a runtime's WebSocket and `fetch` stand in for.

use turnwire::http::Headers;
use turnwire::web::{Command, ExchangeId, ReadResult, Settings, Socket};
use turnwire::ws;

use super::web_wire::{Frame, Stage, Wire};
use crate::chunks::Chunks;

/// What a client, or the runtime, does with a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client opens the socket, with or without TLS.
    Open(bool),
    /// The client drops the connection.
    Disconnect,
    /// The client writes these bytes, whatever they are.
    Write(Vec<u8>),
    /// The client writes the request of a WebSocket handshake.
    Upgrade,
    /// The client writes a request with this method and body.
    Request(&'static str, Vec<u8>),
    /// The client writes a frame with a text message.
    Send(String),
    /// The client writes a ping.
    Ping(Vec<u8>),
    /// The client writes a close frame.
    Close(u16),
    /// The client reads at most so many bytes.
    Read(usize),
    /// The runtime reports something, of the last exchange or of an earlier one.
    Report(Report, Age),
}

/// Which exchange a report names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The last one.
    Last,
    /// The first one, which the runtime should have forgotten if there was another.
    First,
}

/// What a runtime reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the methods of the socket")]
pub enum Report {
    Open,
    Rejected(u16, Vec<u8>),
    Text(String),
    Binary,
    Close(u16, String),
    Head(u16),
    Body(Vec<u8>),
    End,
    Lost,
}

/// The limits of a run, beside a head and a close frame, which come on top.
const SLACK: usize = 1024;

/// Reads actions from arbitrary bytes: two bytes each, the second of which chooses the payload among the bytes that follow.
#[must_use]
pub fn script(mut input: &[u8]) -> Vec<Action> {
    let mut actions = Vec::new();
    while let [kind, argument, rest @ ..] = input {
        let length = usize::from(argument & 31).min(rest.len());
        let (payload, after) = rest.split_at(length);
        // Lengths that cross the limits, of a frame's header and of what may wait.
        let payload = payload.repeat([1, 1, 1, 20, 300][usize::from(argument >> 5).min(4)]);
        let text = || String::from_utf8_lossy(&payload).into_owned();
        let number = payload.iter().take(2).fold(0, |number, byte| number * 256 + u16::from(*byte));
        let age = if kind & 64 == 0 { Age::Last } else { Age::First };
        actions.push(match kind & 31 {
            0 | 1 => Action::Open(kind & 1 == 0),
            2 => Action::Disconnect,
            3 => Action::Write(payload),
            4 | 5 => Action::Upgrade,
            6 => Action::Request("POST", payload),
            7 => Action::Request("GET", Vec::new()),
            8 => Action::Request("HEAD", Vec::new()),
            9 | 10 => Action::Send(text()),
            11 => Action::Ping(payload.into_iter().take(125).collect()),
            12 => Action::Close(number),
            13..=15 => Action::Read(usize::from(*argument) + 1),
            16 | 17 => Action::Report(Report::Open, age),
            18 => Action::Report(Report::Rejected(number, payload), age),
            19..=21 => Action::Report(Report::Text(text()), age),
            22 => Action::Report(Report::Binary, age),
            23 => Action::Report(Report::Close([1000, 1005, 1006, number][usize::from(kind >> 6)], text()), age),
            24 => Action::Report(Report::Head([200, 204, 404, number][usize::from(kind >> 6)]), age),
            25..=28 => Action::Report(Report::Body(payload), age),
            29 | 30 => Action::Report(Report::End, age),
            _ => Action::Report(Report::Lost, age),
        });
        input = after;
    }
    actions
}

/// All laws over arbitrary input, for the fuzz target `web`. The first byte chooses how many bytes may wait, the second the split
/// of what the client writes; the rest is a [`script`].
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [limit, sizes, input @ ..] = input else { return Ok(()) };
    let limit = [200, 1000, 70_000, 1 << 20][usize::from(limit & 3)];
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    check(&script(input), limit, &chunks)
}

/// Checks laws 1, 3, 4, 8 and 11 over these actions: whatever the order, the client reads one response of HTTP, or one handshake and the
/// messages that the runtime reported, then one end; the runtime is told to begin each exchange once, and nothing of one that
/// has ended; bytes that wait are bounded; and the split of the client's writes changes nothing.
pub fn check(actions: &[Action], limit: usize, chunks: &Chunks) -> Result<(), String> {
    let whole = run(actions, limit, &Chunks::Whole)?;
    for chunks in [chunks, &Chunks::Bytes] {
        let cut = run(actions, limit, chunks)?;
        if cut != whole {
            return Err(format!("{chunks:?}: {cut:?}, but unsplit: {whole:?}"));
        }
    }
    Ok(())
}

/// What a run showed: the commands, and what the client read of each connection.
type Shown = (Vec<Command>, Vec<Vec<u8>>);

fn run(actions: &[Action], limit: usize, chunks: &Chunks) -> Result<Shown, String> {
    let mut settings = Settings::new();
    settings.max_waiting = limit;
    let mut run = Run {
        socket: Socket::new(settings),
        runtime: Runtime::default(),
        wire: Wire::default(),
        limit,
        read: Vec::new(),
    };
    for action in actions {
        run.act(action, chunks).map_err(|why| format!("{action:?}: {why}"))?;
        while let Some(command) = run.socket.poll_command() {
            run.runtime.command(command, &mut run.wire)?;
        }
        if run.socket.poll_command().is_some() {
            return Err("a command came after there was none".into());
        }
    }
    run.hang_up()?;
    Ok((run.runtime.commands, run.read))
}

struct Run {
    socket: Socket,
    runtime: Runtime,
    wire: Wire,
    limit: usize,
    read: Vec<Vec<u8>>,
}

impl Run {
    fn act(&mut self, action: &Action, chunks: &Chunks) -> Result<(), String> {
        match action {
            Action::Open(tls) => {
                self.hang_up()?;
                self.socket.open(*tls);
                self.wire = Wire { stage: Stage::Request, ..Wire::default() };
            }
            Action::Disconnect => {
                self.hang_up()?;
                self.socket.disconnect();
            }
            Action::Read(length) => self.read(*length)?,
            Action::Report(report, age) => self.report(report, *age),
            Action::Write(_)
            | Action::Upgrade
            | Action::Request(..)
            | Action::Send(_)
            | Action::Ping(_)
            | Action::Close(_) => {
                let bytes = self.wire.write(action);
                chunks.cut(&bytes).into_iter().for_each(|part| self.socket.write(part));
            }
        }
        Ok(())
    }

    fn report(&mut self, report: &Report, age: Age) {
        let exchange = match age {
            Age::Last => self.runtime.begun.last(),
            Age::First => self.runtime.begun.first(),
        };
        let Some(exchange) = exchange.copied() else { return };
        self.runtime.report(exchange, report, &mut self.wire);
        let (socket, headers) = (&mut self.socket, headers());
        match report {
            Report::Open => socket.handle_open(exchange, &headers),
            Report::Rejected(status, body) => socket.handle_rejected(exchange, *status, &headers, body),
            Report::Text(text) => socket.handle_text(exchange, text),
            Report::Binary => socket.handle_binary(exchange),
            Report::Close(code, reason) => socket.handle_close(exchange, *code, reason),
            Report::Head(status) => socket.handle_head(exchange, *status, &headers),
            Report::Body(bytes) => socket.handle_body(exchange, bytes),
            Report::End => socket.handle_end(exchange),
            Report::Lost => socket.handle_lost(exchange, "gone"),
        }
    }

    fn read(&mut self, length: usize) -> Result<(), String> {
        let mut buffer = vec![0; length];
        match (self.socket.read(&mut buffer), &self.wire.end) {
            (ReadResult::Bytes(length), None) if (1..=buffer.len()).contains(&length) => {
                self.wire.read.extend_from_slice(&buffer[..length]);
            }
            (ReadResult::Blocked, None) => {}
            (end @ (ReadResult::Eof | ReadResult::Lost(_)), None) => self.wire.end = Some(end),
            (again, Some(end)) if again == *end => {}
            (result, end) => return Err(format!("read {result:?} after {end:?}")),
        }
        Ok(())
    }

    /// Reads the rest of a connection, and compares what the client read with what the runtime reported.
    fn hang_up(&mut self) -> Result<(), String> {
        let before = self.wire.read.len();
        loop {
            let length = self.wire.read.len();
            self.read(4096)?;
            if self.wire.read.len() == length {
                break;
            }
        }
        let waited = self.wire.read.len() - before;
        if waited > self.limit + SLACK || !self.socket.wants_input() {
            return Err(format!("{waited} bytes waited, {} may", self.limit));
        }
        self.read(1)?;
        self.wire.check()?;
        self.read.push(core::mem::take(&mut self.wire).read);
        Ok(())
    }
}

/// Headers of a response as a runtime shows them. Those that describe bytes which the runtime has decoded must not reach the client.
fn headers() -> Headers {
    let mut headers = Headers::new();
    for (name, value) in [("Content-Type", "text/event-stream"), ("Content-Length", "7"), ("Content-Encoding", "br")] {
        headers.append(name, value).expect("a header");
    }
    headers
}

/// The runtime's side: what it was told to do, in which states.
#[derive(Default)]
struct Runtime {
    commands: Vec<Command>,
    begun: Vec<ExchangeId>,
    /// The last exchange, until it has ended: whether it is a WebSocket.
    live: Option<bool>,
    closing: bool,
}

impl Runtime {
    fn command(&mut self, command: Command, wire: &mut Wire) -> Result<(), String> {
        let last = self.begun.last().copied();
        let is_valid = match &command {
            Command::OpenWebSocket(request) => {
                self.begin(request.exchange, true, wire) && last.is_none_or(|last| last < request.exchange)
            }
            Command::Fetch(request) => {
                let is_sent = !wire.is_clean || wire.body.as_ref() == Some(&request.body);
                wire.method.clone_from(&request.method);
                self.begin(request.exchange, false, wire) && last.is_none_or(|last| last < request.exchange) && is_sent
            }
            Command::SendText { exchange, text } => {
                let is_sent = !wire.is_clean || wire.sent.first() == Some(text);
                wire.sent.drain(..wire.sent.len().min(1));
                wire.is_open() && self.live == Some(true) && Some(*exchange) == last && !self.closing && is_sent
            }
            Command::CloseWebSocket { exchange, .. } => {
                let is_first = !core::mem::replace(&mut self.closing, true);
                wire.is_open() && self.live == Some(true) && Some(*exchange) == last && is_first
            }
            Command::Abort(exchange) => {
                wire.is_over |= wire.exchange == Some(*exchange);
                self.live.take().is_some() && Some(*exchange) == last
            }
            _ => false,
        };
        let told = format!("{command:?}");
        self.commands.push(command);
        if is_valid { Ok(()) } else { Err(format!("{told} is not expected, {:?}", self.live)) }
    }

    fn begin(&mut self, exchange: ExchangeId, websocket: bool, wire: &mut Wire) -> bool {
        self.begun.push(exchange);
        (self.live, self.closing, wire.exchange) = (Some(websocket), false, Some(exchange));
        let was_requested = wire.stage == Stage::Request;
        wire.stage = if websocket { Stage::Opening } else { Stage::Fetching };
        was_requested
    }

    /// Notes what a report means for the client. One of another exchange, or of another state, means nothing.
    fn report(&mut self, exchange: ExchangeId, report: &Report, wire: &mut Wire) {
        if self.live.is_none() || Some(&exchange) != self.begun.last() {
            return;
        }
        let live = match (wire.stage, report) {
            (Stage::Opening, Report::Open) => wire.head(101, Stage::Open),
            (Stage::Opening, Report::Rejected(status, body)) if is_status(*status) => {
                wire.head(*status, Stage::Done);
                wire.data(body);
                false
            }
            (Stage::Open, Report::Text(text)) => wire.frame(!self.closing, Frame::Text(text.clone())),
            (Stage::Open, Report::Binary) => wire.frame(!self.closing, Frame::Binary),
            (Stage::Open, Report::Close(code, reason)) => {
                let is_sent = self.closing || *code == 1005 || ws::is_close_code(*code);
                !wire.frame(is_sent, Frame::Close(if self.closing { String::new() } else { reason.clone() }))
            }
            (Stage::Fetching, Report::Head(status)) if is_status(*status) => wire.head(*status, Stage::Response),
            (Stage::Response, Report::Body(bytes)) => wire.data(bytes),
            (Stage::Response, Report::End) => {
                wire.is_whole = true;
                false
            }
            (Stage::Opening, Report::Close(..)) | (_, Report::Lost) => false,
            // A status that is none ends the exchange too, and the runtime is told to drop it.
            _ => true,
        };
        if !live {
            (self.live, wire.is_over) = (None, true);
        }
    }
}

const fn is_status(status: u16) -> bool {
    matches!(status, 200..=599)
}
