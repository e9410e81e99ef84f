//! A server: it accepts both transports, and streams each response word by word while it goes on reading. Two clients in the same
//! process, one per transport, show that it does.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use tokio::net::TcpListener;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings, TransportPreference};
use turnwire::connection::server;
use turnwire::http::Headers;
use turnwire::responses::{ClientEvent, CreateResponse, EventData, Item, ResponseWriter};
use turnwire_tokio::{Client, Server};

type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Serves one connection.
async fn serve(mut server: Server) -> Result<()> {
    let mut words = tokio::time::interval(Duration::from_millis(10));
    // The events that are still to be sent, and whether they end an HTTP event stream.
    let (mut events, mut is_stream) = (VecDeque::new(), false);
    loop {
        tokio::select! {
            // Reads, writes, and keeps the deadlines of the connection.
            event = server.next() => match event {
                None => return Ok(()),
                Some(server::Event::Upgrade { .. }) => {
                    let now = server.now();
                    server.connection().accept(now, &Headers::new())?;
                }
                Some(server::Event::Text { text, .. }) => {
                    // On a WebSocket the request is a message.
                    if let ClientEvent::Create(create) = ClientEvent::parse(text)? {
                        events = respond(&create.request.model);
                    }
                }
                Some(server::Event::Request { body, .. }) => {
                    let request = CreateResponse::parse(core::str::from_utf8(body)?)?;
                    let now = server.now();
                    server.connection().begin_stream(now, &Headers::new())?;
                    (events, is_stream) = (respond(&request.model), true);
                }
                Some(_) => {}
            },
            _ = words.tick(), if !events.is_empty() => {
                let (now, event) = (server.now(), events.pop_front().unwrap_or_default());
                server.connection().send(now, &event)?;
                if is_stream && events.is_empty() {
                    server.connection().end_stream(now)?;
                }
            }
        }
    }
}

/// Returns the events of a response, as JSON.
fn respond(model: &str) -> VecDeque<String> {
    let mut writer = ResponseWriter::new("resp_1", model, 1_767_225_600);
    let mut events = writer.begin();
    events.extend(["one ", "word ", "at ", "a ", "time"].iter().flat_map(|word| writer.text("msg_1", word)));
    events.extend(writer.complete(None, None));
    events.iter().map(|event| event.to_json()).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // An error of a connection concerns only its client.
            tokio::spawn(async { serve(turnwire_tokio::accept(stream, server::Config::new(), None)?).await });
        }
    });
    for transport in [TransportPreference::WebSocket, TransportPreference::Http] {
        let mut settings = Settings::default();
        settings.transport = transport;
        let mut client = Client::new(Provider::new("example", &url), Credentials::None, settings)?;
        let mut turn = client.turn()?;
        turn.send(CreateResponse::new("gpt-x", vec![Item::user("Say something.")]))?;
        while let Some(event) = turn.next().await {
            match event {
                Event::Server { event, .. } => {
                    if let EventData::OutputTextDelta { delta, .. } = event.data {
                        print!("{delta}");
                    }
                }
                Event::Finished { outcome: Outcome::Completed(_), .. } => println!(" ({transport:?})"),
                Event::Finished { outcome, .. } => return Err(format!("no response: {outcome:?}").into()),
                _ => {}
            }
        }
    }
    Ok(())
}
