//! A response that a server sent as one JSON body although a stream was requested, as the events that the stream would have had
//! (`docs/differences.md` row 43).

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::lenient;
use crate::responses::json::members::{elements, member};

/// Returns the events of a whole response: one per item of its output, and its terminal event. `None` if the body is
/// not an ended response.
pub(crate) fn events_of_response(body: &str) -> Option<Vec<String>> {
    let text = |name: &str| lenient::read::<String>(member(body, name)?).ok();
    let output = member(body, "output").map(elements).transpose().ok()?;
    let status = text("status");
    if text("object").as_deref() != Some("response") && (status.is_none() || output.is_none()) {
        return None;
    }
    let end = match status.as_deref() {
        None | Some("completed") => "response.completed",
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        Some("cancelled") => "response.cancelled",
        Some(_) => return None,
    };
    let items = output.unwrap_or_default().into_iter().enumerate();
    let mut events: Vec<String> = items
        .map(|(at, item)| alloc::format!(r#"{{"type":"response.output_item.done","output_index":{at},"item":{item}}}"#))
        .collect();
    events.push(alloc::format!(r#"{{"type":"{end}","response":{}}}"#, body.trim()));
    Some(events)
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
    fn other_bodies_are_no_response() {
        for body in ["", "<html>", "{}", r#"{"error":{"message":"no"}}"#, r#"{"status":"ok"}"#, "[]"] {
            assert_eq!(events_of_response(body), None, "{body}");
        }
    }
}
