//! What a server replies to steering, interruption and injection, and how it ends a response because of them
//! ([docs/protocol.md §15.1](crate::docs::protocol#151-steering) to §15.3).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Events, ResponseWriter, owned};
use crate::responses::error_object::ErrorObject;
use crate::responses::event::{EventData, ServerEvent};
use crate::responses::json::object_writer::{array, object};
use crate::responses::json::raw::RawJson;
use crate::responses::usage::Usage;

impl ResponseWriter {
    /// The server owns the input of a steering message. `steer_id`: the id of the submission.
    pub fn steer_accepted(&mut self, steer_id: &str) -> ServerEvent<'static> {
        let steer = self.steer(Some(steer_id), None);
        self.event(EventData::SteerAccepted { steer: Some(steer) })
    }

    /// The response has completed, and the input of a submission waits for output of the client's tools, or for an approval.
    /// `required_input`: the stubs that the next request must contain.
    pub fn steer_pending(&mut self, steer_id: &str, required_input: &[RawJson<'_>]) -> ServerEvent<'static> {
        let mut stubs = Vec::new();
        array(required_input, &mut stubs, |stub, out| out.extend_from_slice(stub.as_str().as_bytes()));
        let stubs = alloc::string::String::from_utf8(stubs).expect("JSON is written as UTF-8");
        let steer = self.steer(Some(steer_id), None);
        self.event(EventData::SteerPending {
            steer: Some(steer),
            reason: Some(Cow::Borrowed("waiting_for_required_input")),
            required_input: Some(RawJson::built(stubs)),
        })
    }

    /// The input of a submission is given back. `steer_id`: its id, if it was accepted.
    pub fn steer_failed(
        &mut self,
        steer_id: Option<&str>,
        input: &RawJson<'_>,
        error: &ErrorObject,
    ) -> ServerEvent<'static> {
        let steer = self.steer(steer_id, Some(input));
        let error = object_of(error);
        self.event(EventData::SteerFailed { steer: Some(steer), error: Some(error) })
    }

    /// The response ends because it was steered, and its successor follows. Returns the last events, and the writer of the
    /// successor.
    #[must_use]
    pub fn steered(self, successor_id: &str, created_at: i64, usage: Option<&Usage>) -> (Events, Self) {
        let successor = self.successor(successor_id, created_at);
        (self.incomplete("steered", usage), successor)
    }

    /// The writer of a successor of this response: it continues this one by itself, on the same lane.
    #[must_use]
    pub fn successor(&self, successor_id: &str, created_at: i64) -> Self {
        let mut successor = Self::new(successor_id, &self.model, created_at);
        successor.stream_id.clone_from(&self.stream_id);
        successor.request = self.request.clone();
        successor.continuing(&self.id)
    }

    /// The response is interrupted: the message that is being written is gone, items that are done are kept.
    #[must_use]
    pub fn interrupted(mut self, usage: Option<&Usage>) -> Events {
        let response_id = owned(&self.id);
        let mut events = Vec::from([self.event(EventData::InterruptAccepted { response_id: response_id.clone() })]);
        let output_index = self.index();
        if let Some(message) = self.message.take() {
            let item_id = owned(&message.id);
            events.push(self.event(EventData::OutputItemInterrupted { response_id, item_id, output_index }));
        }
        events.extend(self.incomplete("interrupted", usage));
        events
    }

    /// The response is not interrupted, and goes on.
    pub fn interrupt_failed(&mut self, error: &ErrorObject) -> ServerEvent<'static> {
        let response_id = owned(&self.id);
        self.event(EventData::InterruptFailed { response_id, error: Some(object_of(error)) })
    }

    /// The server took output of the client's tools that was injected.
    pub fn inject_created(&mut self) -> ServerEvent<'static> {
        let response_id = owned(&self.id);
        self.event(EventData::InjectCreated { response_id })
    }

    /// The server did not take what was injected.
    pub fn inject_failed(&mut self, error: &ErrorObject) -> ServerEvent<'static> {
        let response_id = owned(&self.id);
        self.event(EventData::InjectFailed { response_id, error: Some(object_of(error)), input: None })
    }

    /// A submission, as a reply names it.
    fn steer(&self, id: Option<&str>, input: Option<&RawJson<'_>>) -> RawJson<'static> {
        object(|steer| {
            steer.optional("id", id);
            steer.string("previous_response_id", &self.id);
            if let Some(input) = input {
                steer.raw("input", input.as_str());
            }
        })
    }
}

fn object_of(error: &ErrorObject) -> RawJson<'static> {
    let mut out = Vec::new();
    error.encode(&mut out);
    RawJson::built(alloc::string::String::from_utf8(out).expect("JSON is written as UTF-8"))
}
