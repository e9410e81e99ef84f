//! Conversations that a server remembers, over both transports.

use tokio::time::timeout;
use turnwire::client::TransportPreference;
use turnwire::responses::{CreateResponse, ErrorObject, FunctionCall, Response};
use turnwire_axum::{Exchange, History, HistoryLimits, SendError};

use super::{SOON, client, exchange_bytes, post, start_with};

/// Responds with the number of items of the conversation, and with the id that the request asks for in `user`. A request with
/// the model `fails` fails; one with the model `calls` gets a call.
async fn count(exchange: Exchange) -> Result<(), SendError> {
    let items = exchange.conversation().len();
    let id = exchange.request().user.clone().unwrap_or_else(|| "resp".into());
    let model = exchange.request().model.clone();
    let mut response = exchange.respond(&id);
    response.begin().await?;
    match model.as_str() {
        "fails" => return response.fail(&ErrorObject::new("server_error", "no")).await,
        "calls" => response.item(&FunctionCall::new("call_1", "tool", "{}").into()).await?,
        _ => response.text("msg_1", &items.to_string()).await?,
    }
    response.complete(None).await
}

async fn start(history: &History) -> String {
    let history = history.clone();
    start_with(move |responses| responses.with_history(&history), count).await
}

/// Sends a request with these members over HTTP. Returns the status and the body.
async fn ask(address: &str, members: &str) -> (String, String) {
    let body = format!(r#"{{"input":"hi",{members}}}"#);
    let response = exchange_bytes(address, &post(&body, "")).await;
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    (head[9..12].to_owned(), body.to_owned())
}

fn text(body: &str) -> String {
    Response::parse(body).expect("a response").output_text()
}

#[tokio::test]
async fn stored_response_is_continued_and_retrieved_until_it_is_removed() {
    let history = History::new();
    let address = start(&history).await;
    assert_eq!(text(&ask(&address, r#""model":"m","user":"a""#).await.1), "1");
    let next = ask(&address, r#""model":"m","user":"b","previous_response_id":"a""#).await.1;
    assert_eq!(text(&next), "3", "request, response, request");
    let third = ask(&address, r#""model":"m","user":"c","previous_response_id":"b""#).await.1;
    assert_eq!(text(&third), "5");
    // A fork of the same response.
    assert_eq!(text(&ask(&address, r#""model":"m","user":"d","previous_response_id":"a""#).await.1), "3");
    assert_eq!(history.response("b").map(|json| text(&json)).as_deref(), Some("3"));
    assert!(history.remove("b") && !history.remove("b") && history.response("b").is_none());
    let (status, body) = ask(&address, r#""model":"m","previous_response_id":"b""#).await;
    assert_eq!(status, "400");
    assert!(body.contains(r#""code":"previous_response_not_found""#), "{body}");
    assert!(body.contains(r#""param":"previous_response_id""#), "{body}");
}

#[tokio::test]
async fn response_that_is_not_stored_or_failed_cannot_be_continued_over_http() {
    let history = History::new();
    let address = start(&history).await;
    for members in [r#""model":"m","user":"a","store":false"#, r#""model":"fails","user":"a""#] {
        ask(&address, members).await;
        assert!(history.response("a").is_none(), "{members}");
        let (status, body) = ask(&address, r#""model":"m","previous_response_id":"a""#).await;
        assert_eq!((status.as_str(), body.contains("previous_response_not_found")), ("400", true), "{members}");
    }
}

#[tokio::test]
async fn output_without_an_open_call_is_rejected() {
    let address = start(&History::new()).await;
    ask(&address, r#""model":"calls","user":"a""#).await;
    let output = |previous: &str, call: &str, user: &str| {
        let input = format!(r#"[{{"type":"function_call_output","call_id":"{call}","output":"x"}}]"#);
        let body = format!(r#"{{"model":"m","user":"{user}","previous_response_id":"{previous}","input":{input}}}"#);
        post(&body, "")
    };
    let unknown = exchange_bytes(&address, &output("a", "call_2", "b")).await;
    assert!(unknown.starts_with("HTTP/1.1 400 ") && unknown.contains("no_such_call"), "{unknown}");
    assert!(exchange_bytes(&address, &output("a", "call_1", "b")).await.starts_with("HTTP/1.1 200 "));
    let again = exchange_bytes(&address, &output("b", "call_1", "c")).await;
    assert!(again.contains("no_such_call"), "the call has its output: {again}");
}

#[tokio::test]
async fn oldest_response_is_forgotten_at_limit_plus_one() {
    let history = History::with_limits(HistoryLimits::new().responses(2));
    let address = start(&history).await;
    for id in ["a", "b"] {
        ask(&address, &format!(r#""model":"m","user":"{id}""#)).await;
    }
    assert!(history.response("a").is_some(), "at the limit");
    ask(&address, r#""model":"m","user":"c""#).await;
    assert!(history.response("a").is_none() && history.response("b").is_some(), "beyond the limit");

    let history = History::with_limits(HistoryLimits::new().bytes(600));
    let address = start(&history).await;
    ask(&address, r#""model":"m","user":"a""#).await;
    assert!(history.response("a").is_none(), "one response is longer than the limit of bytes");
}

/// Sends a request on the WebSocket of a client. Returns the text of the response, or the failure.
async fn ask_on(client: &mut turnwire_tokio::Client, request: CreateResponse) -> Result<String, String> {
    let mut turn = client.turn().expect("a turn");
    let response = timeout(SOON, turn.ask(request)).await.expect("in time");
    response.map(|response| response.output_text()).map_err(|failure| format!("{failure:?}"))
}

#[tokio::test]
async fn response_that_is_not_stored_is_continued_on_its_websocket_only() {
    let history = History::new();
    let address = start(&history).await;
    let request = |user: &str, previous: Option<&str>| {
        let mut request = CreateResponse::new("m", "hi");
        request.store = false;
        request.user = Some(user.into());
        request.previous_response_id = previous.map(Into::into);
        request
    };
    let mut first = client(TransportPreference::WebSocket, &address);
    assert_eq!(ask_on(&mut first, request("a", None)).await.as_deref(), Ok("1"));
    assert_eq!(ask_on(&mut first, request("b", Some("a"))).await.as_deref(), Ok("3"));
    assert!(history.response("b").is_none());
    let mut second = client(TransportPreference::WebSocket, &address);
    let failure = ask_on(&mut second, request("c", Some("b"))).await.expect_err("another WebSocket");
    assert!(failure.contains("previous_response_not_found"), "{failure}");
    assert_eq!(ask_on(&mut second, request("c", None)).await.as_deref(), Ok("1"), "the WebSocket goes on");
    // The newer response of the lane has replaced `a`.
    assert!(ask_on(&mut first, request("d", Some("a"))).await.is_err());
}
