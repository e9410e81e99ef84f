//! `Received`: the received part of the response to the latest attempt.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::client::violation::ServerViolation;
use crate::responses::{Envelope, EventClass, Item, RequestProgress, ResponseInfoTracker};
use crate::time::Instant;
use crate::truncate::truncated;

/// The maximum length of the previous response's id that is kept of a response, in bytes.
const MAX_ECHO: usize = 256;

/// The received part of the response to the latest attempt.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// How far the request got. Terminal events do not lower it. A new attempt sets it back to `Sent`, unless an earlier attempt
    /// delivered output.
    pub(super) progress: RequestProgress,
    /// The items that are done, as JSON. `None` when one of them could not be kept, so that no later request can be incremental.
    pub(super) items: Option<Vec<Box<str>>>,
    /// The memory that these items take when they are parsed, in bytes.
    item_bytes: usize,
    pub(super) info: ResponseInfoTracker,
    pub(super) last_event: Instant,
    /// The previous response that the request named.
    pub(super) previous_response_id: Option<String>,
    /// It was compared with the one that the response names.
    pub(super) previous_response_checked: bool,
    /// The response ended because it was steered, so that a successor follows.
    pub(super) steered_end: bool,
}

impl Received {
    /// Begins the response to another attempt, of which nothing has been received.
    pub(super) fn begin(&mut self, now: Instant, previous_response_id: Option<String>) {
        *self = Self {
            progress: match self.progress {
                RequestProgress::OutputSeen => RequestProgress::OutputSeen,
                RequestProgress::NotSent | RequestProgress::Sent | RequestProgress::Created => RequestProgress::Sent,
            },
            items: Some(Vec::new()),
            item_bytes: 0,
            info: ResponseInfoTracker::default(),
            last_event: now,
            previous_response_id,
            previous_response_checked: false,
            steered_end: false,
        };
    }

    /// Raises the progress to what this event shows.
    pub(super) fn record_progress(&mut self, envelope: &Envelope<'_>) {
        if self.progress == RequestProgress::OutputSeen {
            return;
        }
        let reached = match envelope.class() {
            EventClass::Created => RequestProgress::Created,
            EventClass::Output if envelope.has_output() => RequestProgress::OutputSeen,
            // What has only begun can be forgotten (docs/differences.md row 42).
            EventClass::Output => RequestProgress::Created,
            EventClass::Informational
            | EventClass::Completed
            | EventClass::Failed
            | EventClass::Incomplete
            | EventClass::Cancelled
            | EventClass::Error => return,
        };
        self.progress = self.progress.max(reached);
    }

    /// Records an item that is done. No item is kept once they take more than `limit` bytes.
    pub(super) fn record_item(&mut self, text: Option<&str>, limit: usize) {
        self.item_bytes += text.map_or(0, Item::memory_of);
        let kept = text.filter(|_| self.item_bytes <= limit);
        match (&mut self.items, kept.map(Box::from)) {
            (Some(items), Some(item)) => items.push(item),
            (_, None) => self.items = None,
            (None, Some(_)) => {}
        }
    }

    /// Compares the previous response that the response names, at most once, with the one that the request named
    /// (docs/differences.md row 58).
    pub(super) fn check_previous_response(&mut self, envelope: &Envelope<'_>) -> Option<ServerViolation> {
        if self.previous_response_checked {
            return None;
        }
        let sent = &self.previous_response_id;
        let mut echoed = envelope.echoed_previous_response().filter(|echoed| !echoed.is_empty())?;
        let differs = sent.as_deref() != Some(&*echoed);
        echoed.truncate(truncated(&echoed, MAX_ECHO).len());
        let violation = differs.then(|| ServerViolation::PreviousResponse { sent: sent.clone(), echoed });
        self.previous_response_checked = true;
        violation
    }
}
