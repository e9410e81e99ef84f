//! `Collectors`: the responses that are assembled for the application.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::request::RequestId;
use crate::responses::{Collector, Response, ServerEvent};

/// The responses to requests that asked for the whole response. Each is assembled from the events as they are polled, so that no event
/// waits in two places, and none is parsed twice.
#[derive(Debug, Default)]
pub(super) struct Collectors {
    collectors: Vec<(RequestId, Collector)>,
}

impl Collectors {
    /// Assembles the response to this request.
    pub(super) fn insert(&mut self, id: RequestId) {
        self.collectors.push((id, Collector::new()));
    }

    /// The response is made again, from its beginning.
    pub(super) fn restart(&mut self, id: RequestId) {
        if let Some((_, collector)) = self.collectors.iter_mut().find(|(of, _)| *of == id) {
            *collector = Collector::new();
        }
    }

    /// Returns whether the response to this request is assembled.
    #[inline]
    pub(super) fn collects(&self, id: RequestId) -> bool {
        self.collectors.iter().any(|(of, _)| *of == id)
    }

    pub(super) fn add(&mut self, id: RequestId, event: &ServerEvent<'_>) {
        if let Some((_, collector)) = self.collectors.iter_mut().find(|(of, _)| *of == id) {
            collector.add(event);
        }
    }

    /// Ends a response, and returns it unless it was too long.
    pub(super) fn take(&mut self, id: RequestId) -> Option<Box<Response>> {
        let at = self.collectors.iter().position(|(of, _)| *of == id)?;
        let (_, collector) = self.collectors.swap_remove(at);
        if self.collectors.is_empty() {
            self.collectors = Vec::new();
        }
        (!collector.is_truncated()).then(|| Box::new(collector.finish()))
    }
}
