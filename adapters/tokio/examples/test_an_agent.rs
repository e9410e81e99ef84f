//! The test of an agent against a server that follows a script. `cargo test -p turnwire-tokio --example test_an_agent` runs it.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateMessage, CreateResponse, EventData, FunctionCall, Item, ResponseWriter, ToolOutput};
use turnwire_driver::{ClientDriver, Io};
use turnwire_tokio::Client;

/// The agent: gives the model a task, and runs `tool` for each call until the model calls no more.
async fn agent<I: Io>(
    client: &mut ClientDriver<I>,
    task: &str,
    mut tool: impl FnMut(&FunctionCall) -> String,
) -> support::Result<String> {
    let mut input = vec![Item::user(task)];
    let mut turn = client.turn()?;
    loop {
        let (mut answer, mut outputs) = (String::new(), Vec::new());
        turn.send(CreateResponse::new("gpt-x", input.clone()))?;
        while let Some(event) = turn.next().await {
            match event {
                Event::Server { event, .. } => {
                    let EventData::OutputItemDone { item, .. } = event.data else { continue };
                    let item = Item::parse(item.as_str())?;
                    match &item {
                        Item::FunctionCall(call) => {
                            outputs.push(Item::function_call_output(&call.call_id, &tool(call)));
                        }
                        Item::Message(message) => answer = message.text(),
                        _ => {}
                    }
                    input.push(item);
                }
                Event::Finished { outcome: Outcome::Failed(failure), .. } => return Err(failure.clone().into()),
                _ => {}
            }
        }
        if outputs.is_empty() {
            return Ok(answer);
        }
        input.append(&mut outputs);
    }
}

/// The script: one tool call, then the answer, which repeats the tool's output.
fn script(create: CreateMessage, mut writer: ResponseWriter) -> support::Events {
    if let Some(Item::FunctionCallOutput(result)) = create.request.input.last()
        && let ToolOutput::Text(output) = &result.output
    {
        return support::message(writer, &["You rolled ", output, "."]);
    }
    let mut events = writer.begin();
    events.extend(writer.item(&Item::FunctionCall(FunctionCall::new("call_1", "roll", "{}"))));
    events.extend(writer.complete(None, None));
    events
}

/// Runs the agent against the script.
async fn run() -> support::Result<String> {
    let provider = Provider::new("example", &Demo::default().serve(script).await?);
    let mut client = Client::new(provider, Credentials::None, Settings::default())?;
    agent(&mut client, "Roll a die.", |_| "4".into()).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    println!("{}", run().await?);
    Ok(())
}

#[cfg(test)]
#[tokio::test]
async fn agent_runs_tool_and_returns_answer() {
    assert_eq!(run().await.expect("an answer"), "You rolled 4.");
}
