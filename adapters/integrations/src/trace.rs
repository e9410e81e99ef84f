//! Events of a client as events of the `tracing` crate.

use tracing::{debug, info, trace, warn};
use turnwire::client::{Event, Outcome, RequestReport};

/// The target of every event that [`trace()`] emits.
const TARGET: &str = "turnwire";

/// Emits a `tracing` event for an event of a client. Call it with each polled event.
///
/// Retries, fallbacks and outcomes have level `info`, violations and malformed events `warn`, connections and attempts `debug`, the
/// types of server events `trace`. Fields contain only numbers, types and classes: no payload, token, header or credential.
pub fn trace(event: &Event<'_>) {
    let id = event.id().map(|id| id.to_string());
    let request = id.as_deref();
    match event {
        Event::Sent { sent, turn_token: turn_state, .. } => debug!(
            target: TARGET,
            request,
            attempt = sent.attempt,
            transport = ?sent.transport,
            reused = sent.reused,
            incremental = sent.incremental,
            bytes = sent.bytes,
            turn_state = turn_state.is_some(),
            "sent"
        ),
        Event::Server { event, .. } => trace!(target: TARGET, request, kind = event.kind(), "event"),
        Event::Info { .. } => trace!(target: TARGET, request, "derived"),
        Event::Malformed { malformed, text, .. } => {
            warn!(target: TARGET, request, why = %malformed, bytes = text.len(), "malformed");
        }
        Event::Violation { violation, .. } => warn!(target: TARGET, request, why = %violation, "violation"),
        Event::Retry { failure, retries, delay, .. } => {
            info!(target: TARGET, request, why = failure.kind.name(), status = failure.status, retries, ?delay, "retry");
        }
        Event::HttpFallback(_) => info!(target: TARGET, "from websocket to http"),
        Event::CredentialsNeeded { failure, .. } => {
            info!(target: TARGET, request, status = failure.status, "credentials needed");
        }
        Event::Connected { transport, .. } => debug!(target: TARGET, ?transport, "connected"),
        Event::Disconnected(_) => debug!(target: TARGET, "disconnected"),
        Event::Finished { outcome, report, .. } => finished(request, outcome, report),
        _ => {}
    }
}

fn finished(request: Option<&str>, outcome: &Outcome<'_>, report: &RequestReport) {
    let (outcome, why) = match outcome {
        Outcome::Completed(_) => ("completed", None),
        Outcome::Failed(failure) => ("failed", Some(failure.kind.name())),
        Outcome::Cancelled => ("cancelled", None),
        Outcome::PrewarmSkipped => ("skipped", None),
        Outcome::OperationCompleted { .. } => ("answered", None),
        _ => ("ended", None),
    };
    info!(
        target: TARGET,
        request,
        outcome,
        why,
        transport = report.transport.map(tracing::field::debug),
        status = report.status,
        attempts = report.attempts,
        first_event = report.first_event.map(tracing::field::debug),
        total = ?report.total,
        sent_bytes = report.sent_bytes,
        received_bytes = report.received_bytes,
        "finished"
    );
}
