//! The conversation and its expected result, independent of the runtime.

use core::ops::ControlFlow;

use turnwire::client::{Client, Event, Outcome, RequestId, TransportPreference};
use turnwire::connection::{ServerConnection, Transport, server};
use turnwire::responses::{CreateResponse, EventData, Item};
use turnwire::time::Instant;
use turnwire_cli::serve::{OwnedRequest, Script, ScriptedServer};

use crate::endpoints::{Application, ServerLogic};

/// One request, as the client's events describe it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) transport: Option<Transport>,
    pub(crate) reused: bool,
    pub(crate) incremental: bool,
    pub(crate) token: Option<String>,
    pub(crate) text: String,
    pub(crate) tokens: (i64, i64, i64),
}

/// The demo conversation: a turn of three requests, two of which follow tool calls, and a turn of one request.
#[derive(Debug, Default)]
pub(crate) struct DemoConversation {
    items: Vec<Item>,
    turns: usize,
    asked: Option<RequestId>,
    calls: Vec<String>,
    text: String,
    token: Option<String>,
    lines: Vec<Line>,
}

impl Application for DemoConversation {
    /// Commands the client when its requests have ended.
    fn command(&mut self, now: Instant, client: &mut Client) {
        if self.asked.is_some() || client.is_finished() {
            return;
        }
        if self.calls.is_empty() {
            self.turns += 1;
            if self.turns > 2 {
                return client.close(now);
            }
            client.begin_turn().expect("nothing is in flight");
            self.items.push(Item::user("Bergen or Oslo?"));
        }
        for call in self.calls.drain(..) {
            self.items.push(Item::function_call_output(&call, "dry"));
        }
        let request = CreateResponse::new("gpt-x", self.items.clone());
        self.asked = Some(client.send(now, request).expect("a request that can be sent"));
    }

    fn handle_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Sent { turn_token: turn_state, .. } => self.token = turn_state.map(str::to_owned),
            Event::Server { id, event } => {
                assert_eq!(Some(*id), self.asked);
                match &event.data {
                    EventData::OutputTextDelta { delta, .. } => self.text.push_str(delta),
                    EventData::OutputItemDone { item, .. } => {
                        let item = Item::parse(item.as_str()).expect("an item");
                        if let Item::FunctionCall(call) = &item {
                            self.calls.push(call.call_id.clone());
                        }
                        self.items.push(item);
                    }
                    _ => {}
                }
            }
            Event::Finished { id, outcome, report } => {
                assert_eq!(Some(*id), self.asked.take());
                let Outcome::Completed(completed) = outcome else { panic!("{outcome:?}") };
                let usage = completed.usage.expect("usage");
                self.lines.push(Line {
                    transport: report.transport,
                    reused: report.reused,
                    incremental: report.incremental,
                    token: self.token.take(),
                    text: core::mem::take(&mut self.text),
                    tokens: (usage.input_tokens, usage.cached_tokens, usage.output_tokens),
                });
            }
            Event::Malformed { .. } | Event::Violation { .. } | Event::Retry { .. } | Event::HttpFallback(_) => {
                panic!("{event:?}")
            }
            _ => {}
        }
    }
}

impl DemoConversation {
    /// Checks the results at the client and at the server.
    pub(crate) fn check(self, choice: TransportPreference, scripted: &ScriptedServer) {
        let transport = if choice == TransportPreference::Http { Transport::Http } else { Transport::WebSocket };
        let first = Some("ts-first".to_owned());
        let expected = [
            (None, "", (96, 0, 18)),
            (first.clone(), "", (131, 96, 18)),
            (first.clone(), "It rains in Bergen, as it should, and Oslo is dry: go to Oslo.", (166, 128, 19)),
            (None, "You are welcome. Take an umbrella all the same.", (201, 160, 12)),
        ];
        let expected = expected.into_iter().enumerate().map(|(at, (token, text, tokens))| Line {
            transport: Some(transport),
            reused: at > 0,
            incremental: at > 0 && transport == Transport::WebSocket,
            token,
            text: text.to_owned(),
            tokens,
        });
        assert_eq!(self.lines, expected.collect::<Vec<_>>());

        let seen = scripted.requests();
        let tokens: Vec<_> = seen.iter().map(|seen| seen.turn_state.clone()).collect();
        assert_eq!(tokens, [None, first.clone(), first, None], "turn tokens that the server received");
        assert!(seen.iter().all(|seen| seen.transport == transport));
        let lengths: Vec<_> = seen.iter().map(|seen| seen.body["input"].as_array().map_or(0, Vec::len)).collect();
        match transport {
            // Only items that the server does not know.
            Transport::WebSocket => assert_eq!(lengths, [1, 1, 1, 1]),
            Transport::Http => assert_eq!(lengths, [1, 3, 5, 7]),
        }
    }
}

/// Returns the server's script.
pub(crate) fn scripted() -> ScriptedServer {
    ScriptedServer::new(Script::demo())
}

impl ServerLogic for ScriptedServer {
    type Received = OwnedRequest;

    fn handle_event(&self, _now: Instant, _socket: usize, incoming: &server::Event<'_>) -> OwnedRequest {
        OwnedRequest::from_incoming(incoming)
    }

    fn answer(&self, now: Instant, connection: &mut ServerConnection, received: OwnedRequest) -> ControlFlow<()> {
        // The connection may have ended before the response; its last event reports that.
        let _ = Self::respond(self, now, connection, received);
        ControlFlow::Continue(())
    }
}
