//! Compaction: replaces a long history with a short one, and continues the conversation from there.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Provider, Settings};
use turnwire::responses::operations::{Compact, Compacted};
use turnwire::responses::{Compaction, CreateResponse, Item};
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let demo = Demo { operation: Some(compact), ..Demo::default() };
    let url = demo.serve(|_, writer| support::message(writer, &["As I said: 42."])).await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    let mut history: Vec<Item> = (1..=1000).map(|n| Item::user(&format!("Question {n}?"))).collect();
    println!("{} items", history.len());
    history = client.perform(&Compact::new("gpt-x", history)).await?.output;
    println!("{} items after the compaction", history.len());

    history.push(Item::user("And the last answer?"));
    let mut turn = client.turn()?;
    println!("{}", turn.ask(CreateResponse::new("gpt-x", history)).await?.output_text());
    Ok(())
}

/// The server: keeps the last two messages and adds an opaque summary of all others.
fn compact(body: &[u8]) -> Vec<u8> {
    let text = core::str::from_utf8(body).unwrap_or_default();
    let mut input = Compact::parse(text).map(|compact| compact.input.into_items()).unwrap_or_default();
    let mut output = input.split_off(input.len().saturating_sub(2));
    output.push(Item::Compaction(Compaction::new("opaque")));
    let mut body = Vec::new();
    Compacted::new(output).encode(&mut body);
    body
}
