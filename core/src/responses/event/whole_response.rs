//! A response that a server sent as one JSON body although a stream was requested, as the events that the stream would have had
//! (`docs/differences.md` row 43).

use alloc::string::String;
use alloc::vec::Vec;

use super::delivered::DeliveredOutput;
use crate::responses::json::lenient;
use crate::responses::json::members::{elements, member};

/// A whole response, read as far as its events need it.
struct WholeResponse<'a> {
    status: Option<String>,
    output: Vec<&'a str>,
}

impl<'a> WholeResponse<'a> {
    /// Reads a body. `None` if it is not a response.
    fn read(body: &'a str) -> Option<Self> {
        let text = |name: &str| lenient::read::<String>(member(body, name)?).ok();
        let output = member(body, "output").map(elements).transpose().ok()?;
        let status = text("status");
        if text("object").as_deref() != Some("response") && (status.is_none() || output.is_none()) {
            return None;
        }
        Some(Self { status, output: output.unwrap_or_default() })
    }

    /// Returns the terminal event. `None` if the response has not ended.
    fn end(&self, body: &str) -> Option<String> {
        let end = match self.status.as_deref() {
            None | Some("completed") => "response.completed",
            Some("incomplete") => "response.incomplete",
            Some("failed") => "response.failed",
            Some("cancelled") => "response.cancelled",
            Some(_) => return None,
        };
        Some(alloc::format!(r#"{{"type":"{end}","response":{}}}"#, body.trim()))
    }
}

/// Returns the events of a whole response: one per item of its output, and its terminal event. `None` if the body is
/// not an ended response.
pub(crate) fn events_of_response(body: &str) -> Option<Vec<String>> {
    let response = WholeResponse::read(body)?;
    let end = response.end(body)?;
    let items = response.output.into_iter().enumerate();
    let mut events: Vec<String> = items
        .map(|(at, item)| alloc::format!(r#"{{"type":"response.output_item.done","output_index":{at},"item":{item}}}"#))
        .collect();
    events.push(end);
    Some(events)
}

/// Returns the events of a whole response that are missing behind those that were delivered: the rest of each text, the items
/// that were not finished, and the terminal event. `None` if the body is not an ended response.
pub(crate) fn rest_of_response(body: &str, delivered: &DeliveredOutput) -> Option<Vec<String>> {
    let response = WholeResponse::read(body)?;
    let end = response.end(body)?;
    let mut events = delivered.missing(&response.output);
    events.push(end);
    Some(events)
}

/// Returns whether the body is a response that has not ended.
pub(crate) fn is_unended_response(body: &str) -> bool {
    WholeResponse::read(body)
        .is_some_and(|response| matches!(response.status.as_deref(), Some("queued" | "in_progress")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_response_becomes_its_items_and_its_end() {
        let body =
            r#" {"id":"r","object":"response","status":"completed","output":[{"type":"message"},{"type":"x"}]} "#;
        let events = events_of_response(body).expect("a response");
        assert_eq!(events.len(), 3);
        assert!(events[1].contains(r#""output_index":1,"item":{"type":"x"}"#));
        assert!(events[2].starts_with(r#"{"type":"response.completed","response":{"id":"r""#));
    }

    #[test]
    fn status_of_a_whole_response_decides_its_end() {
        let end = |status: &str| {
            let body = alloc::format!(r#"{{"object":"response","status":"{status}"}}"#);
            events_of_response(&body)?.pop()
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
            delivered.record(&crate::responses::Envelope::scan(event).expect("an event"));
        }
        let body = r#"{"object":"response","status":"completed","output":[{"type":"x"},{"type":"message","id":"m","content":[
            {"type":"output_text","text":"Röm"},{"type":"refusal","refusal":"no"}]},{"type":"y"},
            {"type":"function_call","arguments":"{}"}]}"#;
        let events = rest_of_response(body, &delivered).expect("a response");
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
        assert_eq!(rest_of_response(r#"{"object":"response","status":"queued"}"#, &delivered), None);
        assert!(is_unended_response(r#"{"object":"response","status":"queued"}"#) && !is_unended_response(body));
    }

    #[test]
    fn other_bodies_are_no_response() {
        for body in ["", "<html>", "{}", r#"{"error":{"message":"no"}}"#, r#"{"status":"ok"}"#, "[]"] {
            assert_eq!(events_of_response(body), None, "{body}");
        }
    }
}
