//! The test of an agent with a tool, without sockets. `cargo test -p turnwire-testkit --example agent_test` runs it.
#![expect(clippy::print_stdout, reason = "an example prints")]

use turnwire::client::{Event, Outcome};
use turnwire::responses::{CreateResponse, EventData, Failure, FunctionCall, Item};
use turnwire_driver::{ClientDriver, Io};
use turnwire_testkit::{MockServer, Reply, block_on};

/// The agent: gives the model a task, and runs `tool` for each call until the model calls no more.
async fn agent<I: Io>(
    client: &mut ClientDriver<I>,
    task: &str,
    mut tool: impl FnMut(&FunctionCall) -> String,
) -> Result<String, Failure> {
    let mut input = vec![Item::user(task)];
    let mut turn = client.turn().expect("no other request is in flight");
    loop {
        let (mut answer, mut outputs) = (String::new(), Vec::new());
        turn.send(CreateResponse::new("gpt-x", input.clone())).expect("no other request is in flight");
        while let Some(event) = turn.next().await {
            match event {
                Event::Server { event, .. } => {
                    let EventData::OutputItemDone { item, .. } = event.data else { continue };
                    let Ok(item) = Item::parse(item.as_str()) else { continue };
                    match &item {
                        Item::FunctionCall(call) => {
                            outputs.push(Item::function_call_output(&call.call_id, &tool(call)));
                        }
                        Item::Message(message) => answer = message.text(),
                        _ => {}
                    }
                    input.push(item);
                }
                Event::Finished { outcome: Outcome::Failed(failure), .. } => return Err(failure.clone()),
                _ => {}
            }
        }
        if outputs.is_empty() {
            return Ok(answer);
        }
        input.append(&mut outputs);
    }
}

fn main() {
    let server = MockServer::new([Reply::call("roll", "{}"), Reply::text("You rolled 4.")]);
    let answer = block_on(agent(&mut server.client(), "Roll a die.", |_| "4".into()));
    println!("{} The tool said {:?}.", answer.expect("an answer"), server.seen()[1].tool_outputs());
}

#[cfg(test)]
#[test]
fn agent_runs_tool_and_returns_answer() {
    let server = MockServer::new([Reply::call("roll", "{}").turn_state("token"), Reply::text("You rolled 4.")]);
    let answer = block_on(agent(&mut server.client(), "Roll a die.", |_| "4".into()));
    assert_eq!(answer.expect("an answer"), "You rolled 4.");
    assert_eq!(server.seen()[1].tool_outputs(), ["4"]);
    assert_eq!(server.seen()[1].turn_state.as_deref(), Some("token"));
}
