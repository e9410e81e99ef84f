//! Serves one connection, within its limits.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use turnwire::responses::ResponseCommand;
use turnwire_driver::{Io, ServerDriver, Wake};

use super::action::{Plan, Responses};
use super::connections::Place;
use super::ending::Ending;
use super::errors::{ApiError, error_event};
use super::faults::{Faults, InputBudget, ServeIo};
use super::request::OwnedRequest;
use super::response_budget::{ResponseBudget, Share};
use super::server::ScriptedServer;
use super::store::Lanes;

/// Serves one connection until it is closed.
pub async fn serve<I: Io>(server: &mut ServerDriver<I>, scripted: &ScriptedServer) {
    let limits = ConnectionLimits {
        faults: Arc::default(),
        input: Arc::new(InputBudget::new(usize::MAX, usize::MAX)),
        responses: Arc::new(ResponseBudget::new(usize::MAX).share()),
        place: None,
        inflates_to: 1,
    };
    serve_with(server, scripted, &limits, Ending::never()).await;
}

/// The limits of one connection.
#[derive(Debug)]
pub(super) struct ConnectionLimits {
    pub(super) faults: Arc<Faults>,
    pub(super) input: Arc<InputBudget>,
    pub(super) responses: Arc<Share>,
    /// Its place among the connections of a server that limits their number.
    pub(super) place: Option<Arc<Place>>,
    /// How many bytes one byte on an open WebSocket may become.
    pub(super) inflates_to: usize,
}

/// The memory of the compressor of a WebSocket, which exists while a response is in progress.
const COMPRESSOR: usize = 384 * 1024;

/// Serves one connection until it is closed or cut, or its server ends.
pub(super) async fn serve_with<I: Io>(
    server: &mut ServerDriver<I>,
    scripted: &ScriptedServer,
    limits: &ConnectionLimits,
    mut ending: Ending,
) {
    let ConnectionLimits { faults, input, responses: share, place, inflates_to } = limits;
    let (mut responses, mut lanes) = (Responses::default(), Lanes::default());
    let mut compressor = 0;
    loop {
        let now = server.now();
        let next = responses.run(now, server.connection(), faults);
        if next.cut {
            return;
        }
        let unsent = server.connection().poll_transmit().len();
        let held = if responses.held() > 0 || unsent > 0 { compressor } else { 0 };
        share.update(responses.held() + unsent + held, next.unsent.is_some(), next.progressed);
        // A response whose last bytes are not yet written is in progress too.
        let ends = responses.count() == 0 && unsent > 0;
        if let Some(place) = place {
            place.set_running(responses.count() + usize::from(ends));
        }
        let until_unsent = next.unsent.or_else(|| ends.then_some(0));
        let wake = tokio::select! {
            // What is read once the server ends is no further request.
            biased;
            within = ending.begins() => {
                server.shut_down_gracefully(within);
                continue;
            }
            wake = server.wait(until_unsent, next.until) => wake,
        };
        match wake {
            Wake::Event => {}
            Wake::Closed => return,
            // The next action can be performed.
            _ => continue,
        }
        let Some(incoming) = server.next().await else { return };
        let request = OwnedRequest::from_incoming(&incoming);
        ServeIo::request_is_complete(faults, input);
        match &request {
            OwnedRequest::Upgrade(head) => {
                faults.inflates_to(*inflates_to);
                let offer = head.headers.get_str("sec-websocket-extensions").unwrap_or_default();
                compressor = if *inflates_to > 1 && offer.contains("permessage-deflate") { COMPRESSOR } else { 0 };
            }
            OwnedRequest::Text(lane, _) if responses.is_full() => {
                let error = ApiError::too_many_responses();
                // Fails only when the connection has ended.
                let _ = server.connection().send(now, &error_event(error.status, &error.object(), lane.as_deref()));
                continue;
            }
            OwnedRequest::Request(..) | OwnedRequest::Text(..) | OwnedRequest::Malformed(_) | OwnedRequest::Ignored => {
            }
        }
        if let OwnedRequest::Text(lane, text) = &request
            && let Ok(Some(command)) = ResponseCommand::parse(text)
        {
            responses.command(scripted, &command, lane.as_deref(), text, &mut lanes);
            responses.measure();
            continue;
        }
        let plan = admit(scripted, request, &mut lanes, |bytes| share.admit(responses.held() + bytes + compressor));
        responses.push(plan);
    }
}

/// Plans the response to a request, or an error if there is no memory for it. The memory of the longest response so far is taken before
/// anything is made of the request. `has_memory`: takes memory for the plan, and returns whether there is enough.
fn admit(
    scripted: &ScriptedServer,
    request: OwnedRequest,
    lanes: &mut Lanes,
    mut has_memory: impl FnMut(usize) -> bool,
) -> Plan {
    let lane = match &request {
        OwnedRequest::Text(lane, _) => Some(lane.clone()),
        OwnedRequest::Request(..) => None,
        // What is sent of these is short.
        OwnedRequest::Upgrade(_) | OwnedRequest::Malformed(_) | OwnedRequest::Ignored => {
            return scripted.plan(request, Some(lanes));
        }
    };
    let refuse = || match &lane {
        Some(lane) => Plan::one(ApiError::overloaded().event(lane.as_deref())),
        None => ApiError::overloaded().respond(),
    };
    let expected = scripted.longest.load(Ordering::Relaxed);
    if !has_memory(expected) {
        return refuse();
    }
    let plan = scripted.plan(request, Some(lanes));
    let bytes = plan.bytes();
    scripted.longest.fetch_max(bytes, Ordering::Relaxed);
    if bytes <= expected || has_memory(bytes) {
        return plan;
    }
    if let Some(exchange) = &plan.exchange {
        exchange.end(false);
    }
    refuse()
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering;

    use super::admit;
    use crate::serve::action::{Action, Plan};
    use crate::serve::store::Lanes;
    use crate::serve::{OwnedRequest, Script, ScriptedServer};

    fn sent(plan: &Plan) -> String {
        let events = plan.actions.iter().filter_map(|action| match action {
            Action::Send(event) => Some(&**event),
            _ => None,
        });
        events.collect()
    }

    #[test]
    fn nothing_is_made_of_a_request_for_which_there_is_no_memory() {
        let script = Script::parse("[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n").expect("a script");
        let scripted = ScriptedServer::new(script);
        let request = || OwnedRequest::Text(None, r#"{"type":"response.create","model":"m","input":"hi"}"#.into());
        let mut asked = Vec::new();
        let mut ask = |has_memory: fn(usize) -> bool| {
            let plan = admit(&scripted, request(), &mut Lanes::default(), |bytes| {
                asked.push(bytes);
                has_memory(bytes)
            });
            (sent(&plan), plan.bytes())
        };
        let (first, bytes) = ask(|_| true);
        assert!(first.contains("one") && bytes > 0, "{first}");
        let (refused, _) = ask(|_| false);
        assert!(refused.contains("\"status\":503"), "{refused}");
        let (second, next) = ask(|_| true);
        assert!(second.contains("two"), "the request that was refused has used a reply: {second}");
        assert_eq!(scripted.requests().len(), 2);
        assert_eq!(scripted.longest.load(Ordering::Relaxed), bytes.max(next));
        // Nothing is known before the first response. Then the longest one counts, and what is longer is asked for again.
        let expected = [vec![0, bytes], vec![bytes], vec![bytes], vec![next; usize::from(next > bytes)]].concat();
        assert_eq!(asked, expected);
    }
}
