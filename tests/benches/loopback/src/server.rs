//! The server: paced events for each request, over both transports.

use std::net::TcpListener;

use tokio::time::{Instant, sleep_until};
use turnwire::connection::server::{Config, Event};
use turnwire::http::Headers;
use turnwire_tokio::Server;

use crate::{nanos, pace, per_stream};

/// Serves until the process is ended.
pub fn run(count: u64, seconds: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    listener.set_nonblocking(true).expect("a socket");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let server = turnwire_tokio::accept(stream, Config::default(), None).expect("a connection");
            tokio::task::spawn_local(serve(server, count, seconds));
        }
    });
}

async fn serve(mut server: Server, count: u64, seconds: u64) {
    loop {
        let is_post = match server.next().await {
            None | Some(Event::Closed(_)) => return,
            Some(Event::Upgrade { .. }) => {
                let now = server.now();
                server.connection().accept(now, &Headers::new()).expect("it was asked for");
                continue;
            }
            Some(Event::Request { .. }) => true,
            Some(Event::Text { .. }) => false,
            Some(_) => continue,
        };
        let now = server.now();
        if is_post {
            server.connection().begin_stream(now, &Headers::new()).expect("a request waits");
        }
        let (interval, burst) = pace(count);
        let mut due = Instant::now();
        let mut number = 0;
        send(&mut server, r#"{"type":"response.created","response":{"id":"resp_1"},"sequence_number":0}"#);
        while number < per_stream(count, seconds) {
            due += interval;
            sleep_until(due).await;
            for _ in 0..burst {
                number += 1;
                let delta = format!(
                    r#"{{"type":"response.output_text.delta","item_id":"msg_68f0c0ffee5ca1ab1e0ddba11","output_index":0,"content_index":0,"delta":"{} and a few words","logprobs":[],"obfuscation":"abcdefghij","sequence_number":{number}}}"#,
                    nanos()
                );
                send(&mut server, &delta);
            }
            server.flush().await;
        }
        send(&mut server, r#"{"type":"response.completed","response":{"id":"resp_1"},"sequence_number":0}"#);
        if is_post {
            let now = server.now();
            server.connection().end_stream(now).expect("a stream is open");
        }
        server.flush().await;
    }
}

fn send(server: &mut Server, event: &str) {
    let now = server.now();
    server.connection().send(now, event).expect("it is open");
}
