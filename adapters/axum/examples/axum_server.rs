//! A server in axum that keeps conversations: a request may continue an earlier response by its id, over both transports, and a stored
//! response can be retrieved, resumed, cancelled and deleted. Its "model" calls the first function of a request, or counts its messages.
//!
//! `cargo run -p turnwire-axum --example axum_server -- 127.0.0.1:8080`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;
use turnwire::responses::operations::{Compact, Compacted};
use turnwire::responses::tool::Tool;
use turnwire::responses::{Compaction, FunctionCall, Item, Usage};
use turnwire_axum::{Exchange, History, Responses, SendError};

type Parameters = HashMap<String, String>;
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The "model".
async fn respond(exchange: Exchange) -> Result<(), SendError> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let conversation = exchange.conversation();
    let tools = exchange.request().tools.as_deref().unwrap_or_default();
    let function = tools.iter().find_map(|tool| match Tool::parse(tool.as_str()) {
        Ok(Tool::Function(function)) => Some(function.name),
        _ => None,
    });
    let is_prewarm = exchange.is_prewarm();
    let mut response = exchange.respond(&format!("resp_{number}"));
    response.begin().await?;
    match (conversation.last(), function) {
        _ if is_prewarm => {}
        (Some(Item::Message(_)), Some(name)) => {
            let mut call = FunctionCall::new(&format!("call_{number}"), &name, "{}").with_id(&format!("fc_{number}"));
            call.status = Some("completed".into());
            response.item(&call.into()).await?;
        }
        _ => {
            let said = conversation.iter().filter(|item| matches!(item, Item::Message(_))).count();
            response.text(&format!("msg_{number}"), &format!("You sent {said} messages")).await?;
            response.text(&format!("msg_{number}"), " so far.").await?;
        }
    }
    response.complete(Some(&Usage::new(1, 1))).await
}

async fn responses(State(history): State<History>, responses: Responses) -> Response {
    responses.with_history(&history).serve(respond).await
}

async fn retrieve(State(history): State<History>, Path(id): Path<String>, query: Query<Parameters>) -> Response {
    let after = query.get("starting_after").and_then(|after| after.parse().ok());
    let is_stream = query.contains_key("stream");
    let response = if is_stream { history.stream(&id, after) } else { history.response(&id).map(json) };
    response.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

async fn cancel(State(history): State<History>, Path(id): Path<String>) -> Response {
    history.cancel(&id).map_or_else(|| StatusCode::NOT_FOUND.into_response(), json)
}

async fn delete(State(history): State<History>, Path(id): Path<String>) -> StatusCode {
    if history.remove(&id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// Compacts a conversation: this server keeps nothing of it.
async fn compact(body: String) -> Response {
    match Compact::parse(&body) {
        Ok(request) if !request.model.is_empty() => {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let mut compacted = Compacted::new(vec![Item::Compaction(
                Compaction::new("bm90aGluZw==").with_id(&format!("cmp_{number}")),
            )]);
            compacted.id = Some(format!("resp_{number}"));
            compacted.created_at = Some(0);
            compacted.usage = Some(Usage::new(1, 1));
            let mut body = Vec::new();
            compacted.encode(&mut body);
            json(String::from_utf8_lossy(&body).into_owned())
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Refuses a request without exactly one `Host`, as RFC 9112 §3.2 requires.
async fn check_host(headers: HeaderMap, request: Request, next: Next) -> Result<Response, StatusCode> {
    if headers.get_all(header::HOST).iter().count() == 1 {
        Ok(next.run(request).await)
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/", get(|| async { "turnwire-axum" }).post(async |body: String| body))
        .route("/v1/responses", any(responses))
        .route("/v1/responses/compact", post(compact))
        .route("/v1/responses/{id}", get(retrieve).delete(delete))
        .route("/v1/responses/{id}/cancel", post(cancel))
        .with_state(History::new())
        .layer(from_fn(check_host));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}/v1", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
