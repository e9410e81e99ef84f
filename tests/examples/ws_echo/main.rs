//! Programs for tests with third-party implementations: an echo server, a client of Autobahn's server, and a client that checks echoes.
//!
//! ```text
//! ws_echo server ADDRESS            prints `listening ADDRESS`, then echoes; port 0 selects a free port
//! ws_echo autobahn ADDRESS AGENT    runs every case that a fuzzing server has
//! ws_echo check URL [deflate]       checks the echoes of small, empty, large and binary messages
//! ```
#![expect(clippy::print_stdout, reason = "scripts read the output of these programs")]

mod peer;

use peer::{Data, Failure, Next, Peer};
use tokio::net::TcpListener;
use turnwire::ws::Message;
use turnwire::ws::deflate::Offer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["server", address] => serve(address).await,
        ["autobahn", address, agent] => autobahn(address, agent).await,
        ["check", url] => check(url, false).await,
        ["check", url, "deflate"] => check(url, true).await,
        _ => Err("ws_echo server ADDRESS | autobahn ADDRESS AGENT | check URL [deflate]".into()),
    }
}

/// Echoes messages of every client. `/close?code=N` closes with that code after one echo, `/ping` begins with a ping.
async fn serve(address: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        // An error of one connection does not affect the others.
        tokio::spawn(async move {
            if let Ok(Some((target, peer))) = Peer::accept(stream).await {
                let _ = echo(peer, &target).await;
            }
        });
    }
}

async fn echo(mut peer: Peer, target: &str) -> Result<(), Failure> {
    if target == "/ping" {
        peer.send(Message::Ping(b"hello"));
    }
    let close = target.strip_prefix("/close?code=").and_then(|code| code.parse().ok());
    loop {
        match peer.next().await? {
            Next::Data(data) => {
                peer.send(data.lend());
                if let Some(code) = close {
                    peer.close(code, "asked")?;
                }
            }
            Next::Pong => {}
            Next::End(_) => return Ok(()),
        }
    }
}

/// Runs every case of a fuzzing server. The offer allows all its compression cases.
async fn autobahn(address: &str, agent: &str) -> Result<(), Failure> {
    let offer = Offer::default().with_client_no_context_takeover(true);
    let mut count = Peer::connect(address, "/getCaseCount", None).await?;
    let Next::Data(Data::Text(cases)) = count.next().await? else { return Err("the server sent no case count".into()) };
    while !matches!(count.next().await?, Next::End(_)) {}
    for case in 1..=cases.parse::<u32>()? {
        let peer = Peer::connect(address, &format!("/runCase?case={case}&agent={agent}"), Some(&offer)).await?;
        // The suite checks how each case ends.
        let _ = echo(peer, "/").await;
    }
    let mut reports = Peer::connect(address, &format!("/updateReports?agent={agent}"), None).await?;
    while !matches!(reports.next().await?, Next::End(_)) {}
    Ok(())
}

/// Checks the echoes of a server, which may also send pings and fragments.
async fn check(url: &str, deflate: bool) -> Result<(), Failure> {
    let rest = url.strip_prefix("ws://").ok_or("the URL is not ws://")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let offer = deflate.then(Offer::default);
    let mut peer = Peer::connect(address, &format!("/{path}"), offer.as_ref()).await?;
    let text = "h\u{e9}llo w\u{f6}rld \u{1f414} ".repeat(40_000);
    let messages = [
        Data::Text("a".into()),
        Data::Text(String::new()),
        Data::Text(text),
        Data::Binary((0..70_000).map(|byte: u32| byte.to_le_bytes()[0]).collect()),
        Data::Text("a".repeat(126)),
        Data::Binary(Vec::new()),
        Data::Text("last".into()),
    ];
    let closes = path.starts_with("close");
    let count = if closes { 1 } else { messages.len() };
    for message in &messages[..count] {
        peer.send(message.lend());
        peer.send(Message::Ping(b"between"));
        loop {
            match peer.next().await? {
                Next::Data(data) if data == *message => break,
                Next::Data(_) => return Err("an echo differs".into()),
                Next::Pong => {}
                Next::End(end) => return Err(format!("cut: {end:?}").into()),
            }
        }
    }
    if !closes {
        peer.close(1000, "done")?;
    }
    loop {
        if let Next::End(end) = peer.next().await? {
            println!("{count} echoes, close {}", end?);
            return Ok(());
        }
    }
}
