//! `turnwire doctor --conform`: one short conversation, and the server's deviations from the protocol.

mod check;

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::Value;
use turnwire::client::{Event, Outcome, Request, TransportPreference};
use turnwire::responses::{CreateResponse, Item};
use turnwire_tokio::Client;

use self::check::Check;
use super::{Handshake, Server, handshake, shown};
use crate::chat::Exit;

/// The lane of the last request over WebSocket.
const LANE: &str = "doctor";

/// Holds the conversation on each transport, and writes one line per deviation to `out`.
///
/// # Errors
///
/// Returns [`Exit::Protocol`] if there is a deviation, and the failure of the request if there is no response.
pub(super) async fn examine(server: &Server, model: &str, out: &mut dyn Write) -> Result<(), Exit> {
    let mut report = Report { server, out, listed: BTreeSet::new() };
    let mut client = server.client(TransportPreference::WebSocket)?;
    let now = client.now();
    client.client().preconnect(now);
    match server.within(server.handshake_step(), handshake(&mut client)).await? {
        Handshake::Accepted(_) => {
            let first = report.converse(&mut client, question(model, Vec::new()), None, "websocket").await?;
            let next = question(model, first.items());
            report.converse(&mut client, next, None, "websocket, continued").await?;
            let on_lane = question(model, Vec::new());
            match report.converse(&mut client, on_lane, Some(LANE), "websocket, lane").await {
                Ok(_) => client.close().await,
                Err(Exit::Output(error)) => return Err(Exit::Output(error)),
                // The server responds without a lane.
                Err(_) => drop(report.listed.insert("there is no response on a lane".into())),
            }
        }
        Handshake::Failed(failure) => match failure.status {
            // A server that has HTTP only says so with one of these.
            Some(status @ (404 | 405 | 426 | 501)) => writeln!(report.out, "websocket: refused, status {status}")?,
            Some(status) => {
                let deviation = format!("refused with status {status} instead of 404, 405, 426 or 501");
                writeln!(report.out, "websocket: {deviation}")?;
                report.listed.insert(deviation);
            }
            None => return Err(Exit::of(&failure)),
        },
        Handshake::Closed(reason) => return Err(Exit::Protocol(reason)),
    }
    let mut client = server.client(TransportPreference::Http)?;
    let first = report.converse(&mut client, question(model, Vec::new()), None, "http").await?;
    let next = question(model, first.items());
    report.converse(&mut client, next, None, "http, continued").await?;
    match report.listed.len() {
        0 => Ok(()),
        count => Err(Exit::Protocol(format!("{count} deviations from the protocol"))),
    }
}

/// Returns a request that continues a conversation of its first question and these items.
fn question(model: &str, answer: Vec<Item>) -> CreateResponse {
    let mut input = vec![Item::user("Say hi.")];
    if !answer.is_empty() {
        input.extend(answer);
        input.push(Item::user("Say it again."));
    }
    CreateResponse::new(model, input)
}

/// The deviations that were listed, of all responses of a server. Each is listed once.
struct Report<'a> {
    server: &'a Server,
    out: &'a mut dyn Write,
    listed: BTreeSet<String>,
}

impl Report<'_> {
    /// Requests one response, and writes its deviations.
    async fn converse(
        &mut self,
        client: &mut Client,
        request: CreateResponse,
        lane: Option<&str>,
        name: &str,
    ) -> Result<Check, Exit> {
        let request = Request::from(request);
        let request = lane.into_iter().fold(request, Request::on_lane);
        let mut checked = match self.server.within(name, receive(client, request, lane)).await {
            Ok(Ok(checked)) => checked,
            Ok(Err(exit)) | Err(exit) => {
                writeln!(self.out, "{name}: no response: {}", shown(&exit.to_string()))?;
                return Err(exit);
            }
        };
        checked.finish();
        let new: Vec<&String> = checked.found().iter().filter(|deviation| !self.listed.contains(*deviation)).collect();
        let known = match checked.deviations() - new.len() {
            0 => String::new(),
            known => format!(", and {known} that are listed above"),
        };
        writeln!(self.out, "{name}: {} events, {} deviations{known}", checked.events(), new.len())?;
        for deviation in &new {
            writeln!(self.out, "{name}: {}", shown(deviation))?;
        }
        self.listed.extend(new.into_iter().cloned());
        Ok(checked)
    }
}

async fn receive(client: &mut Client, request: Request, lane: Option<&str>) -> Result<Check, Exit> {
    let mut check = Check::new(lane);
    let mut turn = client.turn()?;
    turn.send(request).map_err(|rejected| rejected.reason)?;
    let mut was_incremental = false;
    while let Some(event) = turn.next().await {
        match event {
            Event::Sent { sent, .. } => {
                if was_incremental && !sent.incremental {
                    check.note("chain: the server does not know its last response on this connection".into());
                }
                was_incremental = sent.incremental;
            }
            Event::Server { event, .. } => match event.raw().map(serde_json::from_str::<Value>) {
                Some(Ok(value)) => check.event(&value),
                Some(Err(error)) => check.note(format!("json: {error}")),
                None => {}
            },
            Event::Malformed { malformed, .. } => check.note(format!("an event cannot be read: {malformed}")),
            Event::Violation { violation, .. } => check.note(format!("order: {violation}")),
            Event::Finished { outcome: Outcome::Failed(failure), .. } if !check.is_created() => {
                return Err(Exit::of(failure));
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => {
                check.note(format!("end: the response failed: {failure}"));
                break;
            }
            Event::Finished { .. } => break,
            _ => {}
        }
    }
    Ok(check)
}
