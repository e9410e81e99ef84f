//! Serves one connection, within its limits.

use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::Ordering;
use std::sync::Arc;

use turnwire::responses::ResponseCommand;
use turnwire_driver::{Io, ServerDriver, Wake};

use super::action::{Plan, Responses};
use super::connections::{Admitted, Connections, Place};
use super::ending::Ending;
use super::errors::{ApiError, error_event};
use super::faults::{Faults, InputBudget, ServeIo};
use super::request::OwnedRequest;
use super::server::ScriptedServer;
use super::store::Lanes;

/// Serves one connection until it is closed.
pub async fn serve<I: Io>(server: &mut ServerDriver<I>, scripted: &ScriptedServer) {
    let connections = Connections::new(1, usize::MAX);
    // Fails never: it is the only one.
    let Some(Admitted { place, .. }) = connections.open(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) else { return };
    let limits = ConnectionLimits {
        faults: Arc::default(),
        input: Arc::new(InputBudget::new(usize::MAX, usize::MAX)),
        place: Arc::new(place),
        inflates_to: 1,
    };
    serve_with(server, scripted, &limits, Ending::never()).await;
}

/// The limits of one connection.
#[derive(Debug)]
pub(super) struct ConnectionLimits {
    pub(super) faults: Arc<Faults>,
    pub(super) input: Arc<InputBudget>,
    /// Its place among the connections of the server.
    pub(super) place: Arc<Place>,
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
    let ConnectionLimits { faults, input, place, inflates_to } = limits;
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
        place.update(responses.held() + unsent + held, next.unsent.is_some(), next.progressed);
        // A response whose last bytes are not yet written is in progress too.
        let ends = responses.count() == 0 && unsent > 0;
        place.set_running(responses.count() + usize::from(ends));
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
        // On the heap, so that an idle connection does not hold what a request needs.
        let plan = Box::pin(admit(scripted, request, &mut lanes, place, responses.held() + compressor)).await;
        responses.push(plan);
    }
}

/// Plans the response to a request, or an error if there is no memory for it. The memory of the longest response so far is taken before
/// anything is made of the request. `held`: what the connection holds beside it.
async fn admit(
    scripted: &ScriptedServer,
    request: OwnedRequest,
    lanes: &mut Lanes,
    place: &Place,
    held: usize,
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
    if !place.admit(held + expected).await {
        return refuse();
    }
    let plan = scripted.plan(request, Some(lanes));
    let bytes = plan.bytes();
    scripted.longest.fetch_max(bytes, Ordering::Relaxed);
    if bytes <= expected || place.admit(held + bytes).await {
        return plan;
    }
    if let Some(exchange) = &plan.exchange {
        exchange.end(false);
    }
    refuse()
}

#[cfg(test)]
mod tests {
    use core::future::Future as _;
    use core::net::{IpAddr, Ipv4Addr};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::admit;
    use crate::serve::action::{Action, Plan};
    use crate::serve::connections::{Connections, Place};
    use crate::serve::store::Lanes;
    use crate::serve::{OwnedRequest, Script, ScriptedServer};

    /// Returns what is sent in response to a request, and the memory that it takes.
    fn ask(scripted: &ScriptedServer, place: &Place) -> (String, usize) {
        let request = OwnedRequest::Text(None, r#"{"type":"response.create","model":"m","input":"hi"}"#.into());
        let mut lanes = Lanes::default();
        let admitted = pin!(admit(scripted, request, &mut lanes, place, 0));
        let Poll::Ready(plan) = admitted.poll(&mut Context::from_waker(Waker::noop())) else { panic!("nobody leaves") };
        (sent(&plan), plan.bytes())
    }

    fn sent(plan: &Plan) -> String {
        let events = plan.actions.iter().filter_map(|action| match action {
            Action::Send(event) => Some(&**event),
            _ => None,
        });
        events.collect()
    }

    #[test]
    fn nothing_is_made_of_a_request_for_which_there_is_no_memory() {
        const MAX: usize = 1 << 20;
        let script =
            "[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n[[reply]]\ntext = \"three and more words\"\n";
        let scripted = ScriptedServer::new(Script::parse(script).expect("a script"));
        let connections = Connections::new(2, MAX);
        let open = || connections.open(IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("a place").place;
        let (place, other) = (open(), open());
        other.update(1, false, false);
        let (first, bytes) = ask(&scripted, &place);
        assert!(first.contains("one") && bytes > 0, "{first}");
        // The longest response so far does not fit.
        other.update(MAX - bytes + 1, false, false);
        let (refused, _) = ask(&scripted, &place);
        assert!(refused.contains("\"status\":503"), "{refused}");
        other.update(1, false, false);
        let (second, next) = ask(&scripted, &place);
        assert!(second.contains("two"), "the request that was refused has used a reply: {second}");
        assert_eq!(scripted.requests().len(), 2);
        // It fits, and the one that is made, which is longer, does not.
        other.update(MAX - bytes.max(next), false, false);
        let (refused, _) = ask(&scripted, &place);
        assert!(refused.contains("\"status\":503"), "{refused}");
        assert_eq!(scripted.requests().len(), 3);
    }
}
