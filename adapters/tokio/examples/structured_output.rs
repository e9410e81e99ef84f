//! Structured output: the response is JSON that follows a schema, and is read into a type of the application.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use serde::Deserialize;
use support::Demo;
use turnwire::client::{Credentials, Provider, Settings};
use turnwire::responses::request::TextOptions;
use turnwire::responses::{CreateResponse, RawJson};
use turnwire_tokio::Client;

#[derive(Debug, Deserialize)]
struct City {
    name: String,
    population: u64,
}

/// The JSON schema of [`City`]. With `strict`, every property is required, and no other is allowed.
const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"name": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["name", "population"],
    "additionalProperties": false
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let url = Demo::default()
        .serve(|_, writer| support::message(writer, &[r#"{"name":"Oslo","#, r#""population":717710}"#]))
        .await?;
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("key"), Settings::default())?;

    let mut request = CreateResponse::new("gpt-x", "Describe the capital of Norway.");
    request.text = Some(TextOptions::json_schema("answer", &RawJson::new(SCHEMA)?));

    let mut turn = client.turn()?;
    let response = turn.ask(request).await?;
    if let Some(refusal) = response.refusal() {
        return Err(refusal.into());
    }
    let City { name, population } = serde_json::from_str(&response.output_text())?;
    println!("{name} has {population} inhabitants");
    Ok(())
}
