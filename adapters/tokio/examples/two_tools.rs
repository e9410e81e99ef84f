//! Two tools: the model calls two functions, the application runs both and sends the outputs, and the model responds with text.
//!
//! The second request repeats the history; on a WebSocket, turnwire sends only what the server has not seen.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::tool::Function;
use turnwire::responses::{CreateMessage, CreateResponse, EventData, FunctionCall, Item, RawJson, ResponseWriter};
use turnwire_tokio::{Client, Turn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default().serve(respond).await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    let city = RawJson::new(r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#)?;
    let weather = Function::new("weather", "The weather in a city.", city.clone());
    let time = Function::new("local_time", "The local time in a city.", city);
    let mut request = CreateResponse::new("gpt-x", vec![Item::user("Weather and time in Oslo?")]);
    request.tools = Some(vec![weather.to_raw(), time.to_raw()]);
    request.parallel_tool_calls = true;

    let mut turn = client.turn()?;
    loop {
        let output = complete(&mut turn, &request).await?;
        let calls =
            output.iter().filter_map(|item| if let Item::FunctionCall(call) = item { Some(call) } else { None });
        let results: Vec<Item> =
            calls.map(|call| Item::function_call_output(&call.call_id, &run(&call.name, &call.arguments))).collect();
        request.input.extend(output);
        if results.is_empty() {
            break;
        }
        request.input.extend(results);
    }
    if let Some(Item::Message(message)) = request.input.last() {
        println!("{}", message.text());
    }
    Ok(())
}

/// Sends a request and returns the items of its response.
async fn complete(turn: &mut Turn<'_>, request: &CreateResponse) -> support::Result<Vec<Item>> {
    let mut output = Vec::new();
    turn.send(request.clone())?;
    while let Some(event) = turn.next().await {
        match event {
            Event::Server { event, .. } => {
                if let EventData::OutputItemDone { item, .. } = event.data {
                    output.push(Item::parse(item.as_str())?);
                }
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => return Err(failure.clone().into()),
            _ => {}
        }
    }
    Ok(output)
}

/// Runs a tool. `arguments` is JSON that follows the schema of the tool.
fn run(name: &str, arguments: &str) -> String {
    println!("{name}({arguments})");
    if name == "weather" { "4 °C, rain".into() } else { "14:05".into() }
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
