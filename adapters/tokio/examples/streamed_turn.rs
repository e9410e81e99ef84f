//! A streamed turn: sends a request and prints the text as it arrives.
//!
//! `cargo run -p turnwire-tokio --example streamed_turn`
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::{CreateResponse, EventData, Item};
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default().serve(|_, writer| support::message(writer, &["Hello", ", ", "world."])).await?;

    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;
    let mut turn = client.turn()?;
    turn.send(CreateResponse::new("gpt-x", vec![Item::user("Say hello.")]))?;
    while let Some(event) = turn.next().await {
        match event {
            Event::Server { event, .. } => {
                if let EventData::OutputTextDelta { delta, .. } = event.data {
                    print!("{delta}");
                }
            }
            Event::Finished { outcome: Outcome::Completed(response), report, .. } => {
                println!("\n{} after {} attempt(s)", response.id.as_deref().unwrap_or_default(), report.attempts);
            }
            Event::Finished { outcome, .. } => return Err(format!("no response: {outcome:?}").into()),
            _ => {}
        }
    }
    drop(turn);
    client.close().await;
    Ok(())
}
