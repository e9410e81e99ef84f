//! Checks of the payloads that the client delivered: which payload, for which response, in which order.

use turnwire::client::RequestId;
use turnwire::connection::Transport;
use turnwire::responses::{Item, ResponseInfo};
use turnwire::turn::{RequestInput, RequestState};

use super::{Attempt, Oracle};

/// The member that numbers every payload, over all connections.
pub const NUMBER: &str = "\"sequence_number\":";

impl Oracle<'_> {
    pub(super) fn response_of(&self, attempt: &Attempt) -> Option<usize> {
        self.connections[attempt.link].arrived.get(attempt.nth).and_then(|arrival| arrival.response)
    }

    /// Checks a payload that the client delivered.
    pub(super) fn delivered(&mut self, link: usize, id: RequestId, text: &str, malformed: bool) {
        let Some(at) = self.find(id) else {
            return self.violated("law 11", || format!("request {id} was not submitted"));
        };
        let number =
            number(text).filter(|number| self.payloads.get(*number).is_some_and(|payload| payload.text == text));
        let Some(number) = number else {
            return self.violated("law 11", || format!("request {id} received a payload that no server sent"));
        };
        let Some(attempt) = &self.requests[at].attempt else {
            return self.violated("law 11", || format!("request {id} received payload {number} while not in flight"));
        };
        let (own, cursor, transport) = (self.response_of(attempt), attempt.cursor, attempt.transport);
        let payload = &self.payloads[number];
        let same_link = payload.link == link && attempt.link == link;
        let lane = self.requests[at].lane;
        let mine = Some(payload.response) == own && !payload.late;
        let (late, well_formed, nobody) = (payload.late, payload.well_formed, payload.nobody);
        let expected = own.filter(|_| mine).and_then(|own| self.responses[own].payloads.get(cursor)).copied();
        let before = self.connection(link).delivered[lane].replace(number);
        self.require(same_link, "law 11", || format!("payload {number} received from another connection"));
        self.require(well_formed != malformed, "law 11", || {
            format!("payload {number} was well-formed: {well_formed}, reported as malformed: {malformed}")
        });
        self.require(!nobody, "law 13", || {
            format!("request {id} received payload {number}, which concerns no request")
        });
        if mine {
            self.require(expected == Some(number), "law 11", || {
                format!("request {id} received payload {number}, expected {expected:?}")
            });
        } else {
            // A late payload that names no response is delivered to the request in flight on its lane.
            self.require(late && before < Some(number), "law 11", || {
                format!("request {id} received payload {number} of another response")
            });
        }
        if let Some(attempt) = &mut self.requests[at].attempt {
            attempt.cursor += usize::from(mine);
            attempt.last = Some(number);
            if self.payloads[number].is_end() {
                attempt.end = Some(number);
            } else if self.payloads[number].class == RequestInput::Created {
                attempt.end = None;
            }
        }
        self.apply_payload(at, number, transport);
    }

    /// Applies the effect of a delivered payload.
    fn apply_payload(&mut self, at: usize, number: usize, transport: Transport) {
        let payload = &self.payloads[number];
        let (class, item) = (payload.class, payload.item);
        if transport == Transport::WebSocket
            && self.plan.provider.capabilities.turn_token
            && let Some(token) = payload.token.clone()
        {
            self.token_received(&token);
        }
        if item && let Some(item) = item_of(&self.payloads[number].text) {
            self.requests[at].items.push(item);
        }
        let Some(class) = self.payloads[number].well_formed.then_some(class) else {
            // An event of a known type that cannot be parsed still has its type; a payload that is not an event has no
            // effect.
            if class != RequestInput::Informational {
                self.requests[at].output |= class == RequestInput::Output;
                self.step(self.requests[at].lane, class);
            }
            return;
        };
        self.requests[at].output |= class == RequestInput::Output;
        self.requests[at].interrupted |= self.payloads[number].interrupted;
        let lane = self.requests[at].lane;
        let has_ended =
            matches!(self.lanes[lane], RequestState::Completed | RequestState::Failed | RequestState::Incomplete);
        let succeeds = class == RequestInput::Created && has_ended;
        self.step(lane, if succeeds { RequestInput::Successor } else { class });
    }

    /// Handles an informational event. `ModelsEtag` also shows that the response head has arrived.
    pub(super) fn informed(&mut self, id: Option<RequestId>, derived: &ResponseInfo<'_>) {
        match derived {
            ResponseInfo::ModelsEtag(etag) => {
                let response = etag.strip_prefix("response-").and_then(|number| number.parse::<usize>().ok());
                let token = response.and_then(|response| self.responses[response].token.clone());
                // A header value is usable if it is visible ASCII (docs/protocol.md §2.1).
                if let Some(token) = token.filter(|token| token.is_ascii()) {
                    self.token_received(&token);
                }
            }
            ResponseInfo::RateLimits(_) if id.is_none() => self.step(0, RequestInput::Informational),
            _ => {}
        }
    }
}

fn number(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(NUMBER)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn item_of(text: &str) -> Option<Item> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Item::parse(&value.get("item")?.to_string()).ok()
}
