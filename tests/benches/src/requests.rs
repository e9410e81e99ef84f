//! Requests with a long history: encoding them whole, and sending what follows on them.

use std::hint::black_box;

use serde::Serialize;
use turnwire::client::{Client, Credentials, Provider, Settings, SocketCommand};
use turnwire::connection::{ServerConnection, server};
use turnwire::http::Headers;
use turnwire::responses::request::{Input, ItemEncoding};
use turnwire::responses::{ContentPart, CreateResponse, FunctionCall, Item, Message};
use turnwire::time::Instant;

use crate::contest::Row;
use crate::workload::{Rng, SEED, text};

/// The number of items of a history.
pub const ITEMS: usize = 10_000;

const NOW: Instant = Instant::ZERO;

/// Creates a history of this many items of about 1 000 bytes: questions, answers, calls and their outputs.
#[must_use]
pub fn history(items: usize) -> Vec<Item> {
    let mut rng = Rng(SEED);
    (0..items)
        .map(|number| {
            let text = text(&mut rng, 900);
            match number % 4 {
                0 => Item::user(&text),
                1 => {
                    FunctionCall::new(&format!("call_{number}"), "shell", &text).with_id(&format!("fc_{number}")).into()
                }
                2 => Item::function_call_output(&format!("call_{}", number - 1), &text),
                _ => Message::new("assistant", vec![ContentPart::output_text(&text)])
                    .with_id(&format!("msg_{number}"))
                    .into(),
            }
        })
        .collect()
}

/// The items of a history for serde's derive, with borrowed texts.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Entry<'a> {
    Message {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        role: &'a str,
        content: [Part<'a>; 1],
    },
    FunctionCall {
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
        call_id: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: &'a str,
    },
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Entry<'a>>,
    tool_choice: &'a str,
    parallel_tool_calls: bool,
    reasoning: Option<&'a str>,
    store: bool,
    stream: bool,
    include: [&'a str; 0],
}

fn derived<'a>(items: &'a [Item]) -> Body<'a> {
    let input = items.iter().map(|item| match item {
        Item::Message(message) => {
            let [ContentPart::Text { kind, text, .. }] = &message.content[..] else { panic!("one text") };
            Entry::Message { id: message.id.as_deref(), role: &message.role, content: [Part { kind, text }] }
        }
        Item::FunctionCall(call) => {
            let id = call.id.as_deref().expect("it has an id");
            Entry::FunctionCall { id, name: &call.name, arguments: &call.arguments, call_id: &call.call_id }
        }
        Item::FunctionCallOutput(output) => {
            let turnwire::responses::ToolOutput::Text(text) = &output.output else { panic!("a text") };
            Entry::FunctionCallOutput { call_id: &output.call_id, output: text }
        }
        other => panic!("{other:?}"),
    });
    Body {
        model: "gpt-x",
        input: input.collect(),
        tool_choice: "auto",
        parallel_tool_calls: false,
        reasoning: None,
        store: false,
        stream: true,
        include: [],
    }
}

/// Returns rows that encode one request with this history into a buffer that is kept, and its length.
#[must_use]
pub fn encoders(items: &[Item]) -> (usize, Vec<Row<'_, usize>>) {
    let request = CreateResponse::new("gpt-x", items);
    let body = derived(items);
    let mut encoded = Vec::new();
    request.encode_http(ItemEncoding::EVERYTHING, &mut encoded);
    assert_eq!(String::from_utf8_lossy(&encoded), serde_json::to_string(&body).expect("it can be serialized"));
    let length = encoded.len();
    let (mut copied, mut out, mut text) = (Vec::new(), Vec::new(), Vec::new());
    let rows = vec![
        Row::new("limit: memcpy + scan for what is escaped", move || {
            copied.clear();
            copied.extend_from_slice(black_box(&encoded));
            black_box(scan(&encoded));
            copied.len()
        }),
        Row::new("turnwire", move || {
            out.clear();
            black_box(&request).encode_http(ItemEncoding::EVERYTHING, &mut out);
            out.len()
        }),
        Row::new("serde_json, derived borrowed types", move || {
            text.clear();
            serde_json::to_writer(&mut text, black_box(&body)).expect("it can be serialized");
            text.len()
        }),
    ];
    (length, rows)
}

/// Counts the bytes that a JSON string has only escaped.
fn scan(bytes: &[u8]) -> usize {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let blocks = bytes.chunks(128).map(|block| block.iter().map(|byte| u8::from(is_escaped(byte))).sum::<u8>());
    blocks.map(usize::from).sum()
}

/// A client whose WebSocket is open.
struct Open {
    client: Client,
    server: ServerConnection,
    responses: usize,
}

impl Open {
    fn new() -> Self {
        let provider = Provider::new("bench", "http://127.0.0.1:8080/v1");
        let mut client =
            Client::new(provider, Credentials::bearer("key"), Settings::default(), [7; 32]).expect("valid");
        let mut server = ServerConnection::new(server::Config::new(), [7; 32]);
        client.preconnect(NOW);
        assert!(matches!(client.poll_socket(), Some(SocketCommand::Connect(_))));
        client.handle_connected(NOW);
        server.handle_input(NOW, client.poll_transmit());
        client.handle_written(NOW, usize::MAX);
        assert!(matches!(server.poll_event(), Some(server::Event::Upgrade { .. })));
        server.accept(NOW, &Headers::new()).expect("it was asked for");
        let mut open = Self { client, server, responses: 0 };
        open.answer();
        open
    }

    /// Sends a request. Returns the length of what waits to be written then.
    fn send(&mut self, request: CreateResponse) -> usize {
        self.client.send(NOW, request).expect("it can be sent");
        self.client.poll_transmit().len()
    }

    /// Completes the response, and lets the client read it.
    fn complete(&mut self) {
        // The server's connection only frames here: it need not read the request.
        self.client.handle_written(NOW, usize::MAX);
        self.responses += 1;
        let id = format!("resp_{}", self.responses);
        for event in ["response.created", "response.completed"] {
            let event = format!(r#"{{"type":"{event}","response":{{"id":"{id}"}}}}"#);
            self.server.send(NOW, &event).expect("it is open");
        }
        self.answer();
    }

    fn answer(&mut self) {
        self.client.handle_input(NOW, self.server.poll_transmit());
        self.server.handle_written(NOW, usize::MAX);
        while self.client.poll_event().is_some() {}
    }
}

/// Returns rows that send one more question on a conversation with this history, each on its own connection, from the call of `send`
/// to the bytes. The response and the next question are part of a pass, and small.
#[must_use]
pub fn follow_ups(items: &[Item]) -> Vec<Row<'_, bool>> {
    let few = |sent: usize| sent < 1000;
    let mut other = items.to_vec();
    let shared = Input::from(items);
    vec![
        Row::new("limit: comparing the two histories", move || {
            assert_eq!(black_box(&other), black_box(items));
            other.truncate(items.len());
            true
        }),
        Row::new("the application's own copy of the history", move || !black_box(black_box(items).to_vec()).is_empty()),
        conversation("turnwire, the history shared", move || shared.clone(), few),
        conversation("turnwire, the history copied by the application", move || items.into(), few),
    ]
}

fn conversation<'r>(name: &'static str, history: impl Fn() -> Input + 'r, few: fn(usize) -> bool) -> Row<'r, bool> {
    let mut open = Open::new();
    let mut more = Vec::new();
    open.send(CreateResponse::new("gpt-x", history()));
    open.complete();
    Row::new(name, move || {
        more.push(Item::user("And now?"));
        let mut input = history();
        input.extend(more.iter().cloned());
        let sent = open.send(CreateResponse::new("gpt-x", input));
        open.complete();
        few(sent)
    })
}
