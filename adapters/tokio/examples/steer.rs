//! Steering: gives the model further input while it responds, so that it need not be interrupted.
//!
//! Over WebSocket only. The server ends the response as `steered` and continues in a successor, whose creation commits the input.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Provider, Settings};
use turnwire::responses::{CreateMessage, CreateResponse, EventData, Item, ResponseWriter, SteerMessage};
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let demo = Demo { steer: Some(steer), ..Demo::default() };
    let url = demo.serve(respond).await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    let mut turn = client.turn()?;
    let id = turn.send(CreateResponse::new("gpt-x", "Tell me a story."))?;
    let mut steered = false;
    while let Some(event) = turn.next().await {
        let mut text = None;
        match event {
            Event::Server { event, .. } => match event.data {
                EventData::OutputTextDelta { delta, .. } => text = Some(delta.into_owned()),
                _ => println!("[{}]", event.kind()),
            },
            Event::Finished { outcome, .. } => println!("{outcome:?}"),
            _ => {}
        }
        let Some(text) = text else { continue };
        println!("{text}");
        if !steered {
            // The first words have come: it should be shorter.
            steered = true;
            turn.steer(id, &[Item::user("Make it short.")])?;
        }
    }
    if steered { Ok(()) } else { Err("there was nothing to steer".into()) }
}

/// The server: begins a story, and does not end it.
fn respond(_: CreateMessage, mut writer: ResponseWriter) -> support::Events {
    let mut events = writer.begin();
    events.extend(writer.text("msg_1", "Once upon a time, in a far country,"));
    events
}

/// The server: ends the response that is steered. Its successor continues.
fn steer(message: &SteerMessage, successor: ResponseWriter) -> support::Events {
    let mut events =
        ResponseWriter::new(&message.previous_response_id, "gpt-x", 1_767_225_600).incomplete("steered", None);
    events.extend(support::message(successor, &["The end."]));
    events
}
