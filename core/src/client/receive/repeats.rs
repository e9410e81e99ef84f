//! Deltas that repeat an earlier one except for a few values: they change nothing but the times and bytes of their request.

use super::{ConnectionEffect, Receiver, request_for};
use crate::client::queued_event::{QueuedEvent, found_event};
use crate::client::request::RequestId;
use crate::connection::{ClientConnection, Transport};
use crate::http::Headers;
use crate::responses::{Envelope, Found, RequestProgress, ShortFound};
use crate::time::Instant;

impl Receiver<'_, '_> {
    /// Applies a delta that repeats an earlier one, and says nothing beside its output.
    pub(super) fn apply_repeat(
        &mut self,
        now: Instant,
        transport: Transport,
        handshake: Option<&Headers>,
        (text, found): (&str, &ShortFound),
        lane: Option<&str>,
    ) -> ConnectionEffect {
        if let Some(id) = self.request_of_repeats(transport, handshake, lane) {
            self.record_repeats(now, id, text.len());
            self.output(id, text, found);
            return ConnectionEffect::None;
        }
        if let Ok(envelope) = Envelope::scan(text) {
            return self.apply_payload(now, transport, handshake, &envelope, lane, None);
        }
        // Cannot be, as an event like it was scanned. Nothing is lost if it is.
        self.apply_malformed(now, text);
        ConnectionEffect::None
    }

    /// Takes the deltas at the front of the input that repeat the last one.
    pub(in crate::client) fn take_repeats(
        &mut self,
        now: Instant,
        transport: Transport,
        handshake: Option<&Headers>,
        connection: &mut ClientConnection,
        input: &mut &[u8],
    ) {
        let Some(lane) = connection.lane_of_repeats() else { return };
        let Some(id) = self.request_of_repeats(transport, handshake, lane) else { return };
        let mut bytes = 0;
        connection.read_repeats(now, input, |text, found| {
            bytes += text.len();
            self.output(id, text, found);
        });
        if bytes > 0 {
            self.record_repeats(now, id, bytes);
        }
    }

    /// Returns the request of deltas that repeat an earlier one on this lane. Returns `None` unless the request has had output: only then
    /// such a delta changes nothing but the times and the number of bytes of its request.
    fn request_of_repeats(
        &mut self,
        transport: Transport,
        handshake: Option<&Headers>,
        lane: Option<&str>,
    ) -> Option<RequestId> {
        let request = request_for(self.requests, transport, lane, None)?;
        let is_first = handshake.is_some() && request.awaits_first_event();
        // What was delivered of a background response is recorded, and may come again.
        let is_plain = !is_first && !request.is_background() && request.progress() == RequestProgress::OutputSeen;
        is_plain.then_some(request.id)
    }

    /// Records deltas that repeat an earlier one, of this many bytes.
    fn record_repeats(&mut self, now: Instant, id: RequestId, bytes: usize) {
        if let Some(request) = self.requests.get_mut(id) {
            request.record_received(now, bytes);
        }
    }

    /// Delivers a delta that repeats an earlier one at once, if the application takes events so and none waits, and queues it otherwise.
    #[inline]
    fn output(&mut self, id: RequestId, text: &str, found: &ShortFound) {
        match &mut self.deliver {
            Some(deliver) if self.events.is_empty() => {
                deliver(found_event(id, found, text, self.collectors));
            }
            Some(_) | None => self.events.push(QueuedEvent::Found(id, Found::Short(*found)), text),
        }
    }
}
