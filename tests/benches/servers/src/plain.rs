//! What one writes with axum alone: its WebSocket and its event stream, with `serde_json`.

use core::convert::Infallible;
use core::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts as _;
use axum::extract::Request;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::servers::{Pace, WORDS, Work, stopped_by};

pub(crate) async fn serve(listener: TcpListener, stopped: watch::Receiver<()>, grace: Duration) {
    let app = Router::new().route("/v1/responses", any(responses));
    let mut later = stopped.clone();
    let served = axum::serve(listener, app).with_graceful_shutdown(stopped_by(stopped));
    tokio::select! {
        _ = served.into_future() => {}
        () = async {
            let _ = later.changed().await;
            tokio::time::sleep(grace).await;
        } => {}
    }
}

async fn responses(request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        return upgrade.on_upgrade(socket);
    }
    let body = axum::body::to_bytes(body, 1 << 26).await.unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let events = stream::unfold(Events::new(&request), |mut events| async {
        let event = events.next().await?;
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        Some((Ok::<_, Infallible>(Event::default().event(kind).data(event.to_string())), events))
    });
    Sse::new(events).into_response()
}

async fn socket(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let request: Value = serde_json::from_str(text.as_str()).unwrap_or_default();
        let mut events = Events::new(&request);
        while let Some(event) = events.next().await {
            if socket.send(Message::Text(event.to_string().into())).await.is_err() {
                return;
            }
        }
    }
}

/// The events of a response, with the members that the public API sends.
struct Events {
    model: String,
    work: Work,
    pace: Option<Pace>,
    /// The number of the next event.
    number: u64,
    /// The events before and behind the deltas that were sent.
    sent: usize,
    /// The text so far, which the events behind the deltas repeat.
    said: String,
}

impl Events {
    fn new(request: &Value) -> Self {
        let model = request["model"].as_str().unwrap_or_default().to_owned();
        let work = Work::of(&model);
        let pace = match work {
            Work::Paced { count, period } => Some(Pace::new(count, period)),
            Work::Short | Work::Flood => None,
        };
        Self { model, work, pace, number: 0, sent: 0, said: String::new() }
    }

    async fn next(&mut self) -> Option<Value> {
        let event = match self.sent {
            0..=3 => self.before(),
            4 => match self.text().await {
                Some(text) => {
                    self.sent -= 1;
                    if !matches!(self.work, Work::Flood) {
                        self.said.push_str(&text);
                    }
                    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
                        "delta": text, "logprobs": []})
                }
                None => {
                    json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0, "text": self.said})
                }
            },
            5 => {
                json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part(&self.said)})
            }
            6 => {
                json!({"type": "response.output_item.done", "output_index": 0, "item": item("completed", &[part(&self.said)])})
            }
            7 => {
                json!({"type": "response.completed", "response": self.object("completed", &[item("completed", &[part(&self.said)])])})
            }
            _ => return None,
        };
        let mut event = event;
        event["sequence_number"] = self.number.into();
        self.number += 1;
        self.sent += 1;
        Some(event)
    }

    fn before(&self) -> Value {
        match self.sent {
            0 => json!({"type": "response.created", "response": self.object("in_progress", &[])}),
            1 => json!({"type": "response.in_progress", "response": self.object("in_progress", &[])}),
            2 => json!({"type": "response.output_item.added", "output_index": 0, "item": item("in_progress", &[])}),
            _ => {
                json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part("")})
            }
        }
    }

    /// Returns the text of the next delta, if there is one.
    async fn text(&mut self) -> Option<String> {
        match (self.work, &mut self.pace) {
            (Work::Flood, _) => Some("x".repeat(16 * 1024)),
            (_, Some(pace)) if pace.left > 0 => Some(pace.next().await),
            (Work::Short, _) if self.said.is_empty() => Some(WORDS.to_owned()),
            _ => None,
        }
    }

    fn object(&self, status: &str, output: &[Value]) -> Value {
        json!({"id": "resp_1", "object": "response", "created_at": 0, "status": status, "model": self.model, "output": output})
    }
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn item(status: &str, content: &[Value]) -> Value {
    json!({"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content})
}
