//! Two tools: the model calls two functions, the application runs both and sends the outputs, and the model responds with text.
//!
//! The second request repeats the history; on a WebSocket, turnwire sends only what the server has not seen.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Provider, Request, Settings};
use turnwire::responses::tool::Function;
use turnwire::responses::{CreateMessage, CreateResponse, FunctionCall, Item, RawJson, ResponseWriter};
use turnwire_tokio::{Client, ToolCall};

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default().serve(respond).await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    let city = RawJson::new(r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#)?;
    let weather = Function::new("weather", "The weather in a city.", city.clone());
    let time = Function::new("local_time", "The local time in a city.", city);
    let mut question = CreateResponse::new("gpt-x", "Weather and time in Oslo?");
    question.tools = Some(vec![weather.to_raw(), time.to_raw()]);
    question.parallel_tool_calls = true;

    let mut turn = client.turn()?;
    // The input becomes the history: the calls, their outputs, and the answer.
    let mut request = Request::from(question);
    let response = turn.run_tools(&mut request, 10, run).await?;
    println!("{}", response.output_text());
    Ok(())
}

/// Runs a tool. Its input is JSON that follows the schema of the tool. The calls of one response run concurrently.
async fn run(call: ToolCall) -> String {
    println!("{}({})", call.name(), call.input());
    match call.name() {
        "weather" => "4 °C, rain".into(),
        "local_time" => "14:05".into(),
        other => format!("there is no tool {other}"),
    }
}

/// The server: calls both tools, then responds with text.
fn respond(create: CreateMessage, mut writer: ResponseWriter) -> support::Events {
    if create.previous_response_id.is_some() {
        return support::message(writer, &["It is 14:05 in Oslo, ", "and raining at 4 °C."]);
    }
    let mut events = writer.begin();
    for (call_id, name) in [("call_1", "weather"), ("call_2", "local_time")] {
        events.extend(writer.item(&Item::FunctionCall(FunctionCall::new(call_id, name, r#"{"city":"Oslo"}"#))));
    }
    events.extend(writer.complete(None, None));
    events
}
