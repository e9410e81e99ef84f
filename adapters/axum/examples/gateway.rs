//! A server in axum: both transports, a tool, a turn token, and authorization before the body is read. Two clients in the same process,
//! one per transport, have a conversation of two turns with it.
//!
//! `cargo run -p turnwire-axum --example gateway`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::any;
use tokio::net::TcpListener;
use turnwire::client::{Credentials, Provider, Settings, TransportPreference};
use turnwire::responses::tool::Function;
use turnwire::responses::{CreateResponse, FunctionCall, Item, RawJson, ToolOutput};
use turnwire_axum::{Exchange, Responses, SendError};
use turnwire_tokio::{Client, ToolCall};

/// The "model": calls the tool `weather` once a turn, then responds with its output.
async fn respond(exchange: Exchange) -> Result<(), SendError> {
    let last = exchange.request().input.last().cloned();
    let response_id = format!("resp_{}", exchange.request().input.len());
    let is_first = exchange.turn_token().is_none();
    let mut response = exchange.respond(&response_id);
    if is_first {
        response.turn_token("turn-1").await?;
    }
    response.begin().await?;
    match last {
        Some(Item::FunctionCallOutput(result)) => {
            let ToolOutput::Text(weather) = result.output else { return Ok(()) };
            for piece in ["It is ", &weather, "."] {
                response.text("msg_1", piece).await?; // waits while the client does not read
            }
        }
        _ => response.item(&Item::FunctionCall(FunctionCall::new("call_1", "weather", r#"{"city":"Oslo"}"#))).await?,
    }
    response.complete(None).await
}

async fn responses(responses: Responses) -> Response {
    responses.serve(respond).await
}

/// Sees the head of the request before its body is read.
async fn authorize(request: Request, next: Next) -> Result<Response, StatusCode> {
    let authorized = request.headers().get("authorization").is_some_and(|value| value == "Bearer key");
    if authorized { Ok(next.run(request).await) } else { Err(StatusCode::UNAUTHORIZED) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new().route("/v1/responses", any(responses)).layer(from_fn(authorize));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    for transport in [TransportPreference::WebSocket, TransportPreference::Http] {
        println!("{transport:?}");
        let mut settings = Settings::default();
        settings.transport = transport;
        let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), settings)?;
        let schema = RawJson::new(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#)?;
        let mut question = CreateResponse::new("gpt-x", "How is the weather in Oslo?");
        question.tools = Some(vec![Function::new("weather", "The weather in a city.", schema).to_raw()]);
        let mut request = question.into();
        for _ in 0..2 {
            let mut turn = client.turn()?;
            let response = turn.run_tools(&mut request, 5, weather).await?;
            println!("{} ({} items, turn token: {:?})", response.output_text(), request.body.input.len(), turn.token());
            request.body.input.push(Item::user("And now?"));
        }
    }
    Ok(())
}

async fn weather(call: ToolCall) -> &'static str {
    println!("{}({})", call.name(), call.input());
    "4 °C, rain"
}
