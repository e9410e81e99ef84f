//! A client and a server over the sockets of async-std itself, instead of async-io's.
//!
//! async-std is discontinued (RUSTSEC-2025-0052). This is for programs that still use it; smol is its successor.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use turnwire::client::{ConnectTarget, Credentials, Event, Outcome, Provider, Settings};
use turnwire::connection::server;
use turnwire::http::Headers;
use turnwire::responses::{CreateResponse, Item, ResponseWriter};
use turnwire_async_std::{StreamClientBuilder, StreamIo, accept_stream};

/// Responds to the requests of one connection.
async fn serve(stream: TcpStream) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut server = accept_stream(stream, server::Config::new(), None)?;
    while let Some(event) = server.next().await {
        let is_request = match event {
            server::Event::Upgrade { .. } => false,
            server::Event::Text { .. } => true,
            _ => continue,
        };
        let now = server.now();
        if !is_request {
            server.connection().accept(now, &Headers::new())?;
            continue;
        }
        let mut writer = ResponseWriter::new("resp_1", "gpt-x", 1_767_225_600);
        let mut events = writer.begin();
        events.extend(writer.text("msg_1", "Hello."));
        events.extend(writer.complete(None, None));
        for event in events {
            server.connection().send(now, &event.to_json())?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    task::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                task::spawn(serve(stream));
            }
        });

        let dial = |target: ConnectTarget| async move { TcpStream::connect((target.host.as_str(), target.port)).await };
        let io = StreamIo::with_dialer(dial);
        let provider = Provider::new("example", &url);
        let mut client = StreamClientBuilder::new(io).build(provider, Credentials::None, Settings::default())?;
        let mut turn = client.turn()?;
        turn.send(CreateResponse::new("gpt-x", vec![Item::user("Say hello.")]))?;
        while let Some(event) = turn.next().await {
            if let Event::Finished { outcome, .. } = event {
                match outcome {
                    Outcome::Completed(response) => {
                        println!("{} completed", response.id.as_deref().unwrap_or_default())
                    }
                    outcome => return Err(format!("no response: {outcome:?}").into()),
                }
            }
        }
        Ok(())
    })
}
