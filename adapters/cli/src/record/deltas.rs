//! Events of one exchange that wait until the deltas of their items can be read together: a secret may be spread over several.

use std::collections::BTreeMap;
use std::mem;

use serde::Deserialize;
use serde_json::value::RawValue;
use turnwire::responses::Envelope;
use turnwire_testkit::recording::Line;

use super::redact::Redactor;

/// The bytes of the events of one exchange that wait. When they are more, those that wait are written.
const MAX_WAITING: usize = 4 << 20;

/// The events that wait, in their order.
pub(super) struct Waiting {
    events: Vec<Event>,
    bytes: usize,
    limit: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { events: Vec::new(), bytes: 0, limit: MAX_WAITING }
    }
}

impl core::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Waiting").field("events", &self.events.len()).finish_non_exhaustive()
    }
}

/// A line without its payload, and the payload.
struct Event {
    line: Line,
    text: String,
    /// The text that its delta belongs to.
    part: Option<Part>,
}

/// The members of an event that say which text a delta belongs to.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    item_id: Option<String>,
    output_index: Option<u64>,
    content_index: Option<u64>,
    summary_index: Option<u64>,
}

/// The delta of an event, as it is written there.
#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    delta: &'a RawValue,
}

impl Waiting {
    /// Adds an event. Returns the lines that can be written now.
    pub(super) fn push(&mut self, redactor: &Redactor, line: Line, text: &str) -> Vec<(Line, String)> {
        let part = serde_json::from_str::<Part>(text).ok();
        let ends = part.as_ref().is_some_and(|part| self.is_ended_by(part, text));
        let part = part.filter(|part| part.kind.ends_with(".delta") && delta_of(text).is_some());
        if self.events.is_empty() && part.is_none() {
            return vec![(line, redactor.text(text))];
        }
        self.bytes += text.len();
        self.events.push(Event { line, text: text.to_owned(), part });
        if ends || self.bytes > self.limit { self.take(redactor) } else { Vec::new() }
    }

    /// Returns whether no further delta of a text that waits can follow this event.
    fn is_ended_by(&self, event: &Part, text: &str) -> bool {
        let is_of_item = |part: &Part| part.output_index == event.output_index;
        let ends_item = event.kind == "response.output_item.done"
            && self.events.iter().filter_map(|event| event.part.as_ref()).all(is_of_item);
        ends_item || Envelope::scan(text).is_ok_and(|envelope| envelope.class().is_terminal())
    }

    /// Takes all lines, with their payloads redacted.
    pub(super) fn take(&mut self, redactor: &Redactor) -> Vec<(Line, String)> {
        self.bytes = 0;
        let mut events = mem::take(&mut self.events);
        let mut parts = BTreeMap::<Part, Vec<usize>>::new();
        for (at, event) in events.iter_mut().enumerate() {
            if let Some(part) = event.part.take() {
                parts.entry(part).or_default().push(at);
            }
        }
        for indices in parts.into_values() {
            let deltas =
                indices.iter().map(|at| delta_of(&events[*at].text).map_or_else(String::new, |(_, delta)| delta));
            let deltas: Vec<String> = deltas.collect();
            let joined = deltas.concat();
            let redacted = redactor.text(&joined);
            if redacted == joined {
                continue;
            }
            for (at, delta) in indices.into_iter().zip(spread(&deltas, &joined, &redacted)) {
                let event = &mut events[at];
                if let (Some((range, _)), Ok(json)) = (delta_of(&event.text), serde_json::to_string(&delta)) {
                    event.text.replace_range(range, &json);
                }
            }
        }
        events.into_iter().map(|event| (event.line, redactor.text(&event.text))).collect()
    }
}

/// Returns where the delta of an event is, and the text that it means.
fn delta_of(text: &str) -> Option<(core::ops::Range<usize>, String)> {
    let raw = serde_json::from_str::<Delta<'_>>(text).ok()?.delta.get();
    // The raw value is a part of the text.
    let start = (raw.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    Some((start..start + raw.len(), serde_json::from_str(raw).ok()?))
}

/// Distributes a redacted text over the deltas of the original. What comes before the first secret and behind the last one stays in its
/// delta; all that is between is in the delta in which the first one begins.
fn spread(deltas: &[String], joined: &str, redacted: &str) -> Vec<String> {
    let same = |pair: &(char, char)| pair.0 == pair.1;
    let length = |pair: (char, char)| pair.0.len_utf8();
    let before: usize = joined.chars().zip(redacted.chars()).take_while(same).map(length).sum();
    let behind = joined[before..].chars().rev().zip(redacted[before..].chars().rev()).take_while(same);
    let behind: usize = behind.map(length).sum();
    let (end, mut middle) = (joined.len() - behind, Some(&redacted[before..redacted.len() - behind]));
    let mut start = 0;
    let mut spread = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let stop = start + delta.len();
        let mut out = joined[start.min(before)..stop.min(before)].to_owned();
        if stop > before || stop == joined.len() {
            out.push_str(middle.take().unwrap_or_default());
        }
        out.push_str(&joined[start.max(end)..stop.max(end)]);
        spread.push(out);
        start = stop;
    }
    spread
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use turnwire::responses::EVENT_TYPES;
    use turnwire_testkit::recording::Line;

    use super::{Waiting, delta_of, spread};
    use crate::record::redact::Redactor;

    const KEY: &str = "sk-proj-abcdefghijklmnop0123456789";

    fn delta(item: u64, delta: &str) -> String {
        let delta = serde_json::to_string(delta).expect("json");
        format!(r#"{{"type":"response.output_text.delta","item_id":"m{item}","output_index":{item},"delta":{delta}}}"#)
    }

    fn push(waiting: &mut Waiting, text: &str) -> Vec<String> {
        let lines = waiting.push(&Redactor::default(), Line::new("event", Duration::ZERO), text);
        lines.into_iter().map(|(_, text)| text).collect()
    }

    fn said(events: &[String], item: u64) -> String {
        let own = events.iter().filter(|text| text.contains(&format!("\"item_id\":\"m{item}\"")));
        own.filter_map(|text| delta_of(text)).map(|(_, delta)| delta).collect()
    }

    #[test]
    fn secret_in_several_deltas_is_replaced_however_it_is_cut_and_nothing_else_is_changed() {
        let text = format!("The \"clé\" is {KEY}, so é.");
        let letters: Vec<char> = text.chars().collect();
        for size in 1..=letters.len() {
            let mut waiting = Waiting::default();
            for (at, piece) in letters.chunks(size).enumerate() {
                // The deltas of two items alternate.
                assert!(push(&mut waiting, &delta(0, &piece.iter().collect::<String>())).is_empty());
                assert!(push(&mut waiting, &delta(1, &format!("{at} "))).is_empty());
            }
            assert!(push(&mut waiting, r#"{"type":"response.output_item.done","output_index":0}"#).is_empty());
            let events = push(&mut waiting, r#"{"type":"response.completed","response":{}}"#);
            assert_eq!(events.len(), 2 * letters.chunks(size).len() + 2);
            assert_eq!(said(&events, 0), "The \"clé\" is sk-***, so é.", "in pieces of {size}");
            let others: String = (0..letters.chunks(size).len()).map(|at| format!("{at} ")).collect();
            assert_eq!(said(&events, 1), others);
        }
    }

    #[test]
    fn every_event_that_ends_a_response_lets_what_waits_be_written() {
        for (kind, class, _) in EVENT_TYPES {
            let mut waiting = Waiting::default();
            assert!(push(&mut waiting, &delta(0, "a")).is_empty());
            let written = push(
                &mut waiting,
                &format!(r#"{{"type":"{kind}","response":{{"id":"r"}},"error":{{"code":"e"}},"output_index":1}}"#),
            );
            assert_eq!(written.len(), if class.is_terminal() { 2 } else { 0 }, "{kind}");
        }
    }

    #[test]
    fn text_before_and_behind_secrets_stays_in_its_deltas() {
        let deltas = ["ab ", "c X", "YZ", " d XYZ e", " f", ""].map(str::to_owned);
        let joined = deltas.concat();
        let spread = spread(&deltas, &joined, &joined.replace("XYZ", "*"));
        assert_eq!(spread, ["ab ", "c * d *", "", " e", " f", ""]);
    }

    #[test]
    fn events_wait_for_the_end_of_their_item_only_and_at_most_up_to_the_limit() {
        let mut waiting = Waiting { limit: 4096, ..Waiting::default() };
        let created = r#"{"type":"response.created","response":{"id":"r"}}"#;
        assert_eq!(push(&mut waiting, created), [created]);
        assert!(push(&mut waiting, &delta(0, "a")).is_empty());
        assert!(push(&mut waiting, created).is_empty(), "the order stays");
        let done = r#"{"type":"response.output_item.done","output_index":0}"#;
        assert_eq!(push(&mut waiting, done), [delta(0, "a"), created.to_owned(), done.to_owned()]);
        let long = delta(0, &"a".repeat(4096 - delta(0, "").len()));
        assert_eq!(long.len(), 4096);
        assert!(push(&mut waiting, &long).is_empty());
        assert_eq!(push(&mut waiting, &delta(0, "b")).len(), 2);
        assert!(waiting.events.is_empty() && waiting.bytes == 0);
    }
}
