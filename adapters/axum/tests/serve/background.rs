//! Background responses: they go on without a client, and their streams are resumed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response as AxumResponse};
use axum::routing::{any, get, post as on_post};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;
use turnwire::client::TransportPreference;
use turnwire::responses::{CreateResponse, Response};
use turnwire_axum::{Exchange, History, Responses, SendError};

use super::{Gone, SOON, client, exchange_bytes, post};

type Parameters = std::collections::HashMap<String, String>;

async fn retrieve(
    State(history): State<History>,
    Path(id): Path<String>,
    Query(query): Query<Parameters>,
) -> AxumResponse {
    let after = query.get("starting_after").and_then(|after| after.parse().ok());
    let response = match query.get("stream") {
        Some(_) => history.stream(&id, after),
        None => history.response(&id).map(IntoResponse::into_response),
    };
    response.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

async fn cancel(State(history): State<History>, Path(id): Path<String>) -> AxumResponse {
    history.cancel(&id).map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

/// What the handlers of the tests wait for and say.
#[derive(Clone, Default)]
struct Signals {
    go_on: Arc<Notify>,
    gone: Arc<Notify>,
}

async fn start(history: &History, signals: &Signals) -> String {
    let (kept, signals) = (history.clone(), signals.clone());
    let serve = move |responses: Responses| {
        let signals = signals.clone();
        async move { responses.with_history(&kept).serve(move |exchange| answer(exchange, signals.clone())).await }
    };
    let app: Router = Router::new()
        .route("/v1/responses", any(serve))
        .route("/v1/responses/{id}", get(retrieve))
        .route("/v1/responses/{id}/cancel", on_post(cancel))
        .with_state(history.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Says one word, and the other once it is told to.
async fn answer(exchange: Exchange, signals: Signals) -> Result<(), SendError> {
    let _gone = Gone(Arc::clone(&signals.gone));
    let (model, is_background) = (exchange.request().model.clone(), exchange.is_background());
    assert_eq!(is_background, model != "short");
    let mut response = exchange.respond("resp_1");
    response.begin().await?;
    response.text("msg_1", "One").await?;
    if is_background {
        signals.go_on.notified().await;
    }
    assert_ne!(model, "panics");
    response.text("msg_1", " two").await?;
    response.complete(None).await
}

fn request(members: &str) -> String {
    post(&format!(r#"{{"model":"m","input":"hi","background":true{members}}}"#), "")
}

fn on(path: &str) -> String {
    let (method, path) = path.split_once(' ').expect("a method");
    format!(
        "{method} /v1/responses/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
}

fn status_of(json: &str) -> Option<String> {
    Response::parse(json).expect("a response").status
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").expect("a head").1
}

/// The types of the events of a stream.
fn kinds(response: &str) -> Vec<&str> {
    response.lines().filter_map(|line| line.strip_prefix("event: response.")).collect()
}

#[tokio::test]
async fn background_response_goes_on_without_its_client_and_is_resumed() {
    let (history, signals) = (History::new(), Signals::default());
    let address = start(&history, &signals).await;
    let first = exchange_bytes(&address, &request("")).await;
    assert_eq!(status_of(body(&first)).as_deref(), Some("queued"));
    while status_of(&history.response("resp_1").expect("it is known")).as_deref() != Some("in_progress") {
        tokio::task::yield_now().await;
    }
    // One client reads from the beginning, another one from the event after the number 2; both before the end.
    let all = tokio::spawn({
        let address = address.clone();
        async move { exchange_bytes(&address, &on("GET resp_1?stream=true")).await }
    });
    let rest = tokio::spawn({
        let address = address.clone();
        async move { exchange_bytes(&address, &on("GET resp_1?stream=true&starting_after=2")).await }
    });
    tokio::time::sleep(core::time::Duration::from_millis(50)).await;
    signals.go_on.notify_one();
    let (all, rest) = (all.await.expect("no panic"), rest.await.expect("no panic"));
    let expected = [
        "created",
        "queued",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(kinds(&all), expected);
    assert_eq!(kinds(&rest), expected[3..]);
    // After the end, the same.
    let again = exchange_bytes(&address, &on("GET resp_1?stream=true&starting_after=9")).await;
    assert_eq!(kinds(&again), ["completed"]);
    let whole = exchange_bytes(&address, &on("GET resp_1")).await;
    assert_eq!(Response::parse(body(&whole)).expect("a response").output_text(), "One two");
    // It can be continued.
    let next = exchange_bytes(&address, &post(r#"{"model":"short","previous_response_id":"resp_1"}"#, "")).await;
    assert!(next.starts_with("HTTP/1.1 200 "), "{next}");
    assert!(exchange_bytes(&address, &on("GET other?stream=true")).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn cancelled_background_response_drops_its_handler_and_ends_its_streams() {
    let (history, signals) = (History::new(), Signals::default());
    let address = start(&history, &signals).await;
    let stream = tokio::spawn({
        let address = address.clone();
        async move { exchange_bytes(&address, &request(r#","stream":true"#)).await }
    });
    while history.response("resp_1").is_none() {
        tokio::task::yield_now().await;
    }
    let cancelled = exchange_bytes(&address, &on("POST resp_1/cancel")).await;
    assert_eq!(status_of(body(&cancelled)).as_deref(), Some("cancelled"));
    timeout(SOON, signals.gone.notified()).await.expect("the handler is dropped");
    let stream = stream.await.expect("no panic");
    assert_eq!((kinds(&stream)[0], kinds(&stream).last()), ("created", Some(&"cancelled")), "{stream}");
    assert_eq!(history.cancel("resp_1").and_then(|json| status_of(&json)).as_deref(), Some("cancelled"));
    assert!(history.remove("resp_1") && history.response("resp_1").is_none() && history.cancel("resp_1").is_none());
}

#[tokio::test]
async fn background_response_whose_handler_panics_fails() {
    let (history, signals) = (History::new(), Signals::default());
    let address = start(&history, &signals).await;
    signals.go_on.notify_one();
    let members = r#"{"model":"panics","input":"hi","background":true,"stream":true}"#;
    let stream = exchange_bytes(&address, &post(members, "")).await;
    assert_eq!(kinds(&stream).last(), Some(&"failed"), "{stream}");
}

#[tokio::test]
async fn background_response_over_websocket_is_rejected_and_the_websocket_goes_on() {
    let (history, signals) = (History::new(), Signals::default());
    let address = start(&history, &signals).await;
    let mut client = client(TransportPreference::WebSocket, &address);
    let mut turn = client.turn().expect("a turn");
    let asked = turn.ask(CreateResponse::new("m", "hi").background(true));
    let failure = timeout(SOON, asked).await.expect("in time").expect_err("no background response");
    let failure = format!("{failure:?}");
    for part in ["status: Some(400)", "unsupported_parameter"] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
    assert!(history.response("resp_1").is_none(), "no handler has run");
    let response = timeout(SOON, turn.ask(CreateResponse::new("short", "hi"))).await.expect("in time");
    assert_eq!(response.expect("a response").output_text(), "One two");
    // A client that may use both transports takes the other one.
    let mut client = super::client(TransportPreference::Auto, &address);
    let mut turn = client.turn().expect("a turn");
    signals.go_on.notify_one();
    let response = timeout(SOON, turn.ask(CreateResponse::new("m", "hi").background(true))).await.expect("in time");
    let response = response.expect("a response");
    assert_eq!((response.output_text().as_str(), &response.error), ("One two", &None));
}

#[tokio::test]
async fn background_response_must_be_stored() {
    let address = start(&History::new(), &Signals::default()).await;
    let response = exchange_bytes(&address, &request(r#","store":false"#)).await;
    assert!(response.starts_with("HTTP/1.1 400 ") && response.contains(r#""param":"background""#), "{response}");
}
