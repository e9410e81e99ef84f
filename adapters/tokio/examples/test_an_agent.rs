//! The test of an agent against a server that follows a script. `cargo test -p turnwire-tokio --example test_an_agent` runs it.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Provider, Request, Settings};
use turnwire::responses::{CreateMessage, CreateResponse, FunctionCall, Item, ResponseWriter, ToolOutput};
use turnwire_driver::{ClientDriver, Io};
use turnwire_tokio::{Client, ToolCall};

/// The agent: gives the model a task, and runs `tool` for each call until the model calls no more.
async fn agent<I: Io>(
    client: &mut ClientDriver<I>,
    task: &str,
    tool: impl AsyncFn(ToolCall) -> String,
) -> support::Result<String> {
    let mut request = Request::from(CreateResponse::new("gpt-x", task));
    let response = client.turn()?.run_tools(&mut request, 10, |call| tool(call)).await?;
    Ok(response.output_text())
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
    agent(&mut client, "Roll a die.", async |_| "4".into()).await
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
