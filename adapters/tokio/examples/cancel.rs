//! Cancellation: ends a response that takes too long, then uses the same client for the next request.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use std::time::Duration;

use support::Demo;
use tokio::time::{Instant, sleep_until};
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateMessage, CreateResponse, Item, ResponseWriter};
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default().serve(respond).await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    // Dropping a `Turn` cancels as well; `cancel` lets the application see how the request ended.
    let mut turn = client.turn()?;
    let id = turn.send(CreateResponse::new("gpt-x", "Count to a million."))?;
    let deadline = Instant::now() + Duration::from_millis(100);
    let mut cancelled = false;
    loop {
        tokio::select! {
            // `next` is cancel-safe: the other branch may win at any time, and no event is lost.
            event = turn.next() => match event {
                Some(Event::Finished { outcome: Outcome::Cancelled, report, .. }) => {
                    println!("cancelled after {} bytes of events", report.received_bytes);
                }
                Some(_) => {}
                None => break,
            },
            () = sleep_until(deadline), if !cancelled => {
                turn.cancel(id);
                cancelled = true;
            }
        }
    }
    drop(turn);

    // Dropping the future of `ask` cancels, too.
    let mut turn = client.turn()?;
    println!("{}", turn.ask(CreateResponse::new("gpt-x", "Count to three.")).await?.output_text());
    Ok(())
}

/// The server: a response that never ends, or a short one.
fn respond(create: CreateMessage, mut writer: ResponseWriter) -> support::Events {
    match create.request.input.last() {
        Some(Item::Message(message)) if message.text().contains("million") => {
            let mut events = writer.begin();
            events.extend(writer.text("msg_1", "1, 2, 3, "));
            events
        }
        _ => support::message(writer, &["1, 2, 3."]),
    }
}
