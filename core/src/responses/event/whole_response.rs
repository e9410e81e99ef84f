//! A response that a server sent as one JSON body although a stream was requested, as the events that the stream would have had
//! (`docs/differences.md` row 43).

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write as _;
use core::ops::Range;

use super::delivered::{DeliveredOutput, MissingText};
use crate::buffer::make_room;
use crate::responses::json::iter::{each_element, element_range, member_range};
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::limits;

/// A whole response that has ended, as its terminal event. The events of its output are made of that one after the other, so that the
/// response is kept once, however many they are.
#[derive(Debug)]
pub(crate) struct WholeResponse {
    end: Arc<String>,
    /// Where in the terminal event the output is.
    output: Range<usize>,
}

impl WholeResponse {
    /// Reads a body. `None` if it is not a response that has ended.
    pub(crate) fn read(body: &str) -> Option<Self> {
        let end = match status(body)?.as_deref() {
            None | Some("completed") => "response.completed",
            Some("incomplete") => "response.incomplete",
            Some("failed") => "response.failed",
            Some("cancelled") => "response.cancelled",
            Some(_) => return None,
        };
        let body = body.trim();
        let begin = [r#"{"type":""#, end, r#"","response":"#];
        let start = begin.iter().map(|part| part.len()).sum::<usize>();
        let mut text = String::with_capacity(start + body.len() + 1);
        text.extend(begin);
        text.push_str(body);
        text.push('}');
        let output = member_range(body, "output").map_or(0..0, |output| start + output.start..start + output.end);
        Some(Self { end: Arc::new(text), output })
    }

    /// Returns the terminal event, which contains the response.
    pub(crate) const fn end(&self) -> &Arc<String> {
        &self.end
    }

    /// Returns the events of the output: one per item. If some output was `delivered` before, the events that are missing behind it:
    /// the rest of each text, and the items that were not finished.
    pub(crate) fn output(&self, delivered: Option<&DeliveredOutput>) -> OutputEvents {
        // Without events, where it is not known what is missing.
        let is_known = delivered.is_none_or(DeliveredOutput::is_known);
        OutputEvents {
            whole: Arc::clone(&self.end),
            rest: if is_known { self.output.clone() } else { 0..0 },
            behind: 0,
            delivered: delivered.cloned(),
            index: -1,
            item: 0..0,
            texts: VecDeque::new(),
            is_item_due: false,
            event: String::new(),
        }
    }
}

/// The events of the output of a [`WholeResponse`]. Each is made when it is taken.
#[derive(Clone, Debug)]
pub(crate) struct OutputEvents {
    whole: Arc<String>,
    /// Where the output is.
    rest: Range<usize>,
    /// Where in the output the current item ends.
    behind: usize,
    delivered: Option<DeliveredOutput>,
    /// The index of the current item.
    index: i64,
    /// Where the current item is.
    item: Range<usize>,
    /// What is missing of the texts of the current item.
    texts: VecDeque<MissingText>,
    /// The event of the current item is still to be made.
    is_item_due: bool,
    event: String,
}

impl OutputEvents {
    /// Makes the next event.
    pub(crate) fn next(&mut self) -> Option<&str> {
        while !self.is_item_due {
            self.next_item()?;
        }
        self.event.clear();
        if let Some(text) = self.texts.pop_front() {
            text.write(self.index, &self.whole[self.item.clone()], &mut self.event);
        } else {
            self.is_item_due = false;
            self.write_item();
        }
        Some(&self.event)
    }

    fn next_item(&mut self) -> Option<()> {
        let output = &self.whole[self.rest.clone()];
        let item = element_range(output, self.behind)?;
        self.behind = item.end;
        self.index += 1;
        let text = &output[item.clone()];
        if let Some(delivered) = &self.delivered {
            if delivered.is_finished(self.index) {
                return Some(());
            }
            self.texts = delivered.missing_texts(self.index, text);
        }
        self.item = self.rest.start + item.start..self.rest.start + item.end;
        self.is_item_due = true;
        Some(())
    }

    fn write_item(&mut self) {
        const BEGIN: &str = r#"{"type":"response.output_item.done","output_index":"#;
        const ITEM: &str = r#","item":"#;
        // The digits of the longest index, and the last bracket.
        make_room(&mut self.event, BEGIN.len() + ITEM.len() + self.item.len() + 20);
        let item = &self.whole[self.item.clone()];
        let written = write!(self.event, "{BEGIN}{}{ITEM}{item}}}", self.index);
        debug_assert!(written.is_ok(), "a string takes any text");
    }
}

/// Returns whether the body is a response that has not ended.
pub(crate) fn is_unended_response(body: &str) -> bool {
    matches!(status(body), Some(Some(status)) if matches!(&*status, "queued" | "in_progress"))
}

/// Returns the status of a response, which may be missing. `None` if the body is no response.
fn status(body: &str) -> Option<Option<String>> {
    let text = |name: &str| match member(body, name)? {
        // No status, nor type of object, is so long.
        text if text.len() > limits::NAME && text.starts_with('"') => Some(String::new()),
        text => lenient::read::<String>(text).ok(),
    };
    let output = member(body, "output");
    if let Some(output) = output {
        each_element(output, |_| {}).ok()?;
    }
    let status = text("status");
    (text("object").as_deref() == Some("response") || (status.is_some() && output.is_some())).then_some(status)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;
    use alloc::vec::Vec;

    use super::*;
    use crate::responses::Envelope;

    fn events(body: &str, delivered: Option<&DeliveredOutput>) -> Option<Vec<String>> {
        let whole = WholeResponse::read(body)?;
        let (mut output, mut events) = (whole.output(delivered), Vec::new());
        while let Some(event) = output.next() {
            assert!(Envelope::scan(event).is_ok(), "{event}");
            events.push(event.to_owned());
        }
        events.push(whole.end().as_str().into());
        Some(events)
    }

    #[test]
    fn whole_response_becomes_its_items_and_its_end() {
        let body =
            r#" {"id":"r","object":"response","status":"completed","output":[{"type":"message"},{"type":"x"}]} "#;
        let events = events(body, None).expect("a response");
        assert_eq!(events.len(), 3);
        assert!(events[1].contains(r#""output_index":1,"item":{"type":"x"}"#));
        assert!(events[2].starts_with(r#"{"type":"response.completed","response":{"id":"r""#));
    }

    #[test]
    fn status_of_a_whole_response_decides_its_end() {
        let end = |status: &str| {
            let body = alloc::format!(r#"{{"object":"response","status":"{status}"}}"#);
            events(&body, None)?.pop()
        };
        assert!(end("incomplete").expect("an end").contains("response.incomplete"));
        assert!(end("failed").expect("an end").contains("response.failed"));
        assert_eq!(end("in_progress"), None);
    }

    #[test]
    fn rest_of_a_response_is_what_was_not_delivered() {
        let mut delivered = DeliveredOutput::default();
        for event in [
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"x"}}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"R\u00f6"}"#,
            r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"y"}}"#,
        ] {
            delivered.record(&Envelope::scan(event).expect("an event"));
        }
        let body = r#"{"object":"response","status":"completed","output":[{"type":"x"},{"type":"message","id":"m","content":[
            {"type":"output_text","text":"Röm"},{"type":"refusal","refusal":"no"}]},{"type":"y"},
            {"type":"function_call","arguments":"{}"}]}"#;
        let events = events(body, Some(&delivered)).expect("a response");
        let delta = |at: usize| events[at].as_str();
        assert_eq!(
            delta(0),
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"m"}"#
        );
        assert_eq!(
            delta(1),
            r#"{"type":"response.refusal.delta","item_id":"m","output_index":1,"content_index":1,"delta":"no"}"#
        );
        assert!(events[2].contains(r#""output_index":1,"item":{"type":"message""#));
        assert!(events[3].contains(r#""type":"response.function_call_arguments.delta","output_index":3,"delta":"{}""#));
        assert!(events[4].contains(r#""output_index":3,"item":{"type":"function_call""#));
        assert!(events[5].starts_with(r#"{"type":"response.completed""#));
        assert_eq!(events.len(), 6);
        assert!(WholeResponse::read(r#"{"object":"response","status":"queued"}"#).is_none());
        assert!(is_unended_response(r#"{"object":"response","status":"queued"}"#) && !is_unended_response(body));
    }

    #[test]
    fn other_bodies_are_no_response() {
        for body in ["", "<html>", "{}", r#"{"error":{"message":"no"}}"#, r#"{"status":"ok"}"#, "[]"] {
            assert_eq!(events(body, None), None, "{body}");
        }
    }
}
