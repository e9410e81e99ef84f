//! The messages of the simulated servers, formatted when they are sent.

use turnwire::turn::{RequestInput, Turn};

use crate::sim::oracle::{NUMBER, Payload};
use crate::sim::plan::LANES;

/// A turn token, in the shape in which it is sent.
#[derive(Clone, Debug)]
pub enum Token {
    /// A string.
    Plain(String),
    /// The first element of an array, under another spelling of the name.
    Array(String),
    /// A number, which is not a valid turn token.
    Number,
}

/// A message of a server.
#[derive(Clone, Debug)]
pub enum Message {
    /// `response.created`, or `response.in_progress`.
    Created(&'static str),
    /// A text delta with this number.
    Delta(u32),
    /// `response.output_item.done`.
    Item(u32),
    /// `response.metadata` with a token.
    Metadata(Token),
    /// `codex.rate_limits`.
    RateLimits,
    /// An event of an unknown type.
    Unknown,
    /// A payload that is not JSON.
    NotJson,
    /// A delta event without its `delta` member.
    BadEvent,
    /// `response.completed`.
    Completed,
    /// `response.completed` without an id.
    BadCompleted,
    /// `response.failed` with this error.
    Failed(&'static str),
    /// `response.incomplete`.
    Incomplete,
    /// `error` with these members.
    Error(&'static str),
    /// A delta on a lane that the client did not use.
    Foreign,
    /// `response.incomplete` of a steered response, which a successor follows.
    Steered,
    /// `response.created` of the successor of the response with this id.
    Successor(String),
    /// A reply to a steering submission.
    Steer(Reply, Steering),
    /// `response.interrupt.accepted` or `response.interrupt.failed`.
    Interrupt(&'static str),
    /// `response.incomplete` of a response that was interrupted.
    Interrupted,
    /// `error` with these members, which concerns no request.
    Nobody(&'static str),
}

/// What a server says of a steering submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `response.steer.accepted`.
    Accepted,
    /// `response.steer.pending`.
    Pending,
    /// `response.steer.failed`.
    Failed,
}

/// A steering submission, as its server knows it.
#[derive(Clone, Debug)]
pub struct Steering {
    /// The server's id for it, once it is accepted.
    pub id: Option<String>,
    /// The response that it steers.
    pub response_id: String,
    /// The text of its input.
    pub text: String,
}

impl Message {
    /// Returns whether it ends its response.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::BadCompleted
                | Self::Failed(_)
                | Self::Incomplete
                | Self::Error(_)
                | Self::Interrupted
        )
    }

    fn class(&self) -> RequestInput {
        match self {
            Self::Created(_) | Self::Successor(_) => RequestInput::Created,
            Self::Delta(_) | Self::Item(_) | Self::BadEvent | Self::Foreign => RequestInput::Output,
            Self::Metadata(_) | Self::RateLimits | Self::Unknown | Self::NotJson => RequestInput::Informational,
            Self::Steered | Self::Steer(..) | Self::Interrupt(_) | Self::Nobody(_) => RequestInput::Informational,
            Self::Completed | Self::BadCompleted => RequestInput::Completed,
            Self::Failed(_) | Self::Error(_) => RequestInput::Failed,
            Self::Incomplete | Self::Interrupted => RequestInput::Incomplete,
        }
    }

    /// Formats the message as payload `number`, counted over all connections.
    #[must_use]
    pub fn write(&self, place: &Place<'_>, number: usize, late: bool) -> Payload {
        let token = match self {
            Self::Metadata(Token::Plain(token) | Token::Array(token)) if token.len() <= Turn::MAX_TOKEN => {
                Some(token.clone())
            }
            _ => None,
        };
        Payload {
            link: place.link,
            response: place.response,
            class: self.class(),
            well_formed: !matches!(self, Self::NotJson | Self::BadEvent),
            late: late || matches!(self, Self::Foreign),
            item: matches!(self, Self::Item(_)),
            interrupted: matches!(self, Self::Interrupted),
            nobody: matches!(self, Self::Nobody(_)),
            token,
            text: self.text(place, number),
        }
    }

    fn text(&self, place: &Place<'_>, number: usize) -> String {
        let id = place.id;
        let (kind, rest) = match self {
            Self::Created(kind) => (*kind, format!(r#","response":{{"id":"{id}"}}"#)),
            Self::Delta(n) => ("response.output_text.delta", format!(r#","item_id":"msg_{id}","delta":"{n}""#)),
            Self::Item(n) => ("response.output_item.done", item(id, *n)),
            Self::Metadata(token) => ("response.metadata", metadata(token)),
            Self::RateLimits => {
                let limits = r#","plan_type":"plus","rate_limits":{"primary":{"used_percent":4.5},"secondary":null}"#;
                ("codex.rate_limits", limits.into())
            }
            Self::Unknown => ("response.dance.started", r#","steps":[1,2]"#.into()),
            Self::NotJson => return format!("this is no event {NUMBER}{number}"),
            Self::BadEvent => ("response.output_text.delta", String::new()),
            Self::Completed => ("response.completed", format!(r#","response":{{"id":"{id}","usage":null}}"#)),
            Self::BadCompleted => ("response.completed", r#","response":{"object":"response"}"#.into()),
            Self::Failed(error) => ("response.failed", format!(r#","response":{{"id":"{id}","error":{error}}}"#)),
            Self::Incomplete => {
                let reason = r#""incomplete_details":{"reason":"max_output_tokens"}"#;
                ("response.incomplete", format!(r#","response":{{"id":"{id}",{reason}}}"#))
            }
            Self::Error(members) | Self::Nobody(members) => ("error", format!(",{members}")),
            Self::Steered => ("response.incomplete", ended_with(id, "steered")),
            Self::Interrupted => ("response.incomplete", ended_with(id, "interrupted")),
            Self::Successor(previous) => {
                ("response.created", format!(r#","response":{{"id":"{id}","previous_response_id":"{previous}"}}"#))
            }
            Self::Steer(reply, steering) => steer(*reply, steering),
            Self::Interrupt(kind) => (*kind, format!(r#","response_id":"{id}""#)),
            Self::Foreign => ("response.output_text.delta", r#","delta":"lost""#.into()),
        };
        let lane = match (self, place.lane.and_then(|lane| LANES[lane])) {
            (Self::Foreign, _) => r#","stream_id":"nobody""#.into(),
            (_, Some(lane)) => format!(r#","stream_id":"{lane}""#),
            (_, None) => String::new(),
        };
        format!(r#"{{"type":"{kind}",{NUMBER}{number}{rest}{lane}}}"#)
    }
}

/// Where a message is sent.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Index of the connection.
    pub link: usize,
    /// Index of the response.
    pub response: usize,
    /// That response's id.
    pub id: &'a str,
    /// Lane, for WebSocket.
    pub lane: Option<usize>,
}

/// Returns the text of an output item.
#[must_use]
pub fn item_text(id: &str, n: u32) -> String {
    format!("{id} says {n}")
}

fn item(id: &str, n: u32) -> String {
    let content = format!(r#"[{{"type":"output_text","text":"{}"}}]"#, item_text(id, n));
    format!(r#","output_index":{n},"item":{{"type":"message","role":"assistant","id":"msg_{n}","content":{content}}}"#)
}

fn ended_with(id: &str, reason: &str) -> String {
    format!(r#","response":{{"id":"{id}","incomplete_details":{{"reason":"{reason}"}}}}"#)
}

fn steer(reply: Reply, steering: &Steering) -> (&'static str, String) {
    let Steering { id, response_id, text } = steering;
    let id = id.as_ref().map_or_else(String::new, |id| format!(r#""id":"{id}","#));
    let steer = format!(r#"{id}"previous_response_id":"{response_id}""#);
    match reply {
        Reply::Accepted => ("response.steer.accepted", format!(r#","steer":{{{steer}}}"#)),
        Reply::Pending => {
            let rest = r#""reason":"waiting_for_required_input","required_input":[]"#;
            ("response.steer.pending", format!(r#","steer":{{{steer}}},{rest}"#))
        }
        Reply::Failed => {
            let input = format!(
                r#""input":[{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{text}"}}]}}]"#
            );
            let error = r#""error":{"code":"response_not_active","message":"too late"}"#;
            ("response.steer.failed", format!(r#","steer":{{{steer},{input}}},{error}"#))
        }
    }
}

fn metadata(token: &Token) -> String {
    let quoted = |token: &str| serde_json::to_string(token).unwrap_or_default();
    match token {
        Token::Plain(token) => format!(r#","headers":{{"x-codex-turn-state":{}}}"#, quoted(token)),
        Token::Array(token) => format!(r#","headers":{{"other":1,"X-Codex-Turn-State":[{},"no"]}}"#, quoted(token)),
        Token::Number => r#","headers":{"x-codex-turn-state":7}"#.into(),
    }
}
