//! What the client told of responses: which payload, of which response, in which order.

use turnwire::client::RequestId;
use turnwire::connection::Transport;
use turnwire::responses::{Item, ResponseInfo};
use turnwire::turn::RequestInput;

use super::{Attempt, Oracle};

/// The member that numbers each payload, over all connections.
pub const NUMBER: &str = "\"sequence_number\":";

impl Oracle<'_> {
    pub(super) fn response_of(&self, attempt: &Attempt) -> Option<usize> {
        self.tracks[attempt.link].arrived.get(attempt.nth).and_then(|arrival| arrival.response)
    }

    /// A payload was delivered.
    pub(super) fn delivered(&mut self, link: usize, id: RequestId, text: &str, malformed: bool) {
        let Some(at) = self.find(id) else { return self.breaks("law 11", || format!("request {id} was not asked")) };
        let number =
            number(text).filter(|number| self.payloads.get(*number).is_some_and(|payload| payload.text == text));
        let Some(number) = number else {
            return self.breaks("law 11", || format!("request {id} was given a payload that nobody sent"));
        };
        let Some(attempt) = &self.asks[at].attempt else {
            return self.breaks("law 11", || format!("request {id} was given payload {number}, and is not in flight"));
        };
        let (own, cursor, transport) = (self.response_of(attempt), attempt.cursor, attempt.transport);
        let payload = &self.payloads[number];
        let same_link = payload.link == link && attempt.link == link;
        let lane = self.asks[at].lane;
        let mine = Some(payload.response) == own && !payload.late;
        let (late, well_formed) = (payload.late, payload.well_formed);
        let expected = own.filter(|_| mine).and_then(|own| self.responses[own].payloads.get(cursor)).copied();
        let before = self.track(link).delivered[lane].replace(number);
        self.demand(same_link, "law 11", || format!("payload {number} came over another connection"));
        self.demand(well_formed != malformed, "law 11", || format!("payload {number} was read as it is not"));
        if mine {
            self.demand(expected == Some(number), "law 11", || {
                format!("request {id} was given payload {number}, and {expected:?} comes next")
            });
        } else {
            // What comes late and does not say of what belongs to whoever waits on its lane.
            self.demand(late && before < Some(number), "law 11", || {
                format!("request {id} was given payload {number} of another response")
            });
        }
        if let Some(attempt) = &mut self.asks[at].attempt {
            attempt.cursor += usize::from(mine);
            attempt.last = Some(number);
        }
        self.follow(at, number, transport);
    }

    /// What the payload does.
    fn follow(&mut self, at: usize, number: usize, transport: Transport) {
        let payload = &self.payloads[number];
        let (class, item) = (payload.class, payload.item);
        if transport == Transport::WebSocket
            && self.plan.provider.capabilities.turn_token
            && let Some(token) = payload.token.clone()
        {
            self.offered(&token);
        }
        if item && let Some(item) = item_of(&self.payloads[number].text) {
            self.asks[at].items.push(item);
        }
        let Some(class) = self.payloads[number].well_formed.then_some(class) else {
            // A known kind that cannot be read is still what it is; a payload that is no event is not.
            if class != RequestInput::Informational {
                self.asks[at].output |= class == RequestInput::Output;
                self.step(self.asks[at].lane, class);
            }
            return;
        };
        self.asks[at].output |= class == RequestInput::Output;
        self.step(self.asks[at].lane, class);
    }

    /// Something was derived: from here on the head of an answer is known to have come.
    pub(super) fn derived(&mut self, id: Option<RequestId>, derived: &ResponseInfo<'_>) {
        match derived {
            ResponseInfo::ModelsEtag(etag) => {
                let response = etag.strip_prefix("response-").and_then(|number| number.parse::<usize>().ok());
                let token = response.and_then(|response| self.responses[response].token.clone());
                // A header's value counts when it is visible ASCII (`docs/protocol.md` §2.1).
                if let Some(token) = token.filter(|token| token.is_ascii()) {
                    self.offered(&token);
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
