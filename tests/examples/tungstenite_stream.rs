//! Layers 2 and 3 over a tungstenite stream: they need only its text messages.
//!
//! `cargo run -p turnwire-tests --example tungstenite_stream`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::net::{TcpListener, TcpStream};
use std::thread;

use tungstenite::{Message, WebSocket};
use turnwire::responses::request::ItemEncoding;
use turnwire::responses::{ClientEvent, CreateMessage, CreateResponse, EventData, Item, ServerEvent};
use turnwire::turn::{RequestInput, RequestState};
use turnwire_tests::laws::ws::Owned;

type Failure = Box<dyn core::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(&listener));

    let stream = TcpStream::connect(address)?;
    let (mut stream, _) = tungstenite::client(format!("ws://{address}/v1/responses"), stream)?;
    let mut request = Vec::new();
    CreateMessage::new(CreateResponse::new("gpt-x", vec![Item::user("ping")]))
        .encode(ItemEncoding::EVERYTHING, &mut request);
    stream.send(Message::text(String::from_utf8(request)?))?;
    let mut state = RequestState::Idle.apply(RequestInput::Request)?;

    let mut answer = String::new();
    while state.is_in_flight() {
        let Owned::Text(text) = next(&mut stream)? else { continue };
        let event = ServerEvent::parse(&text)?;
        if let EventData::OutputTextDelta { delta, .. } = &event.data {
            answer.push_str(delta);
        }
        state = state.apply(match event.kind() {
            "response.created" => RequestInput::Created,
            "response.output_text.delta" => RequestInput::Output,
            "response.completed" => RequestInput::Completed,
            _ => RequestInput::Informational,
        })?;
    }
    assert_eq!((state, answer.as_str()), (RequestState::Completed, "pong"));
    println!("the answer: {answer}");
    stream.close(None)?;
    while next(&mut stream).is_ok() {}
    server.join().map_err(|_| "the server panicked")?
}

/// Reads the next message, as a message of `ws`.
fn next(stream: &mut WebSocket<TcpStream>) -> Result<Owned, Failure> {
    Owned::try_from(stream.read()?).map_err(|_| "unexpected raw frame".into())
}

/// A server that responds to one request, also on a tungstenite stream.
fn serve(listener: &TcpListener) -> Result<(), Failure> {
    let mut stream = tungstenite::accept(listener.accept()?.0)?;
    while let Ok(message) = next(&mut stream) {
        let Owned::Text(text) = message else { continue };
        let ClientEvent::Create(create) = ClientEvent::parse(&text)? else { continue };
        assert_eq!(create.request.model, "gpt-x");
        for event in [
            r#"{"type":"response.created","response":{"id":"resp_1"}}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"po"}"#,
            r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"ng"}"#,
            r#"{"type":"response.completed","response":{"id":"resp_1"}}"#,
        ] {
            stream.send(Message::text(event))?;
        }
    }
    Ok(())
}
