//! Finds the exchange of a recording that a request belongs to.

use core::cmp::Reverse;

use serde_json::Value;
use turnwire::connection::Transport;

use super::{Exchange, Recording};

/// Finds the exchange of a recording that a request belongs to. Each exchange is used once before one is used again.
#[derive(Clone, Debug)]
pub struct Matcher {
    recording: Recording,
    keys: Vec<Key>,
    used: Vec<bool>,
}

/// The parts of a request that are compared.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    method: String,
    path: String,
    is_response: bool,
    prewarm: bool,
    /// The body without the members that differ between two runs.
    body: Value,
    previous: Value,
    /// The last item of the input, without its id.
    last: Value,
}

/// The members of a request that may differ between two runs, or between the transports.
const VOLATILE: [&str; 14] = [
    "type",
    "stream",
    "stream_id",
    "stream_options",
    "client_metadata",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "previous_response_id",
    "generate",
    "store",
    "user",
    "safety_identifier",
    "include",
];

impl Key {
    fn of(method: &str, target: &str, transport: Transport, body: &str) -> Self {
        let path = target.split('?').next().unwrap_or_default().trim_end_matches('/');
        let is_response = path.ends_with("/responses") && (transport == Transport::WebSocket || method == "POST");
        let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| body.into());
        let (previous, prewarm) = (body["previous_response_id"].clone(), body["generate"] == false);
        if let Some(members) = body.as_object_mut() {
            VOLATILE.iter().for_each(|name| drop(members.remove(*name)));
        }
        let mut last = match &body["input"] {
            Value::Array(items) => items.last().cloned().unwrap_or_default(),
            input => input.clone(),
        };
        if let Some(members) = last.as_object_mut() {
            ["id", "status", "internal_chat_message_metadata_passthrough"]
                .iter()
                .for_each(|name| drop(members.remove(*name)));
        }
        Self { method: method.into(), path: path.into(), is_response, prewarm, body, previous, last }
    }

    /// Returns how well a request fits: 0 means not at all.
    fn fits(&self, request: &Self) -> u8 {
        if self.is_response != request.is_response || self.prewarm != request.prewarm {
            return 0;
        }
        if !self.is_response {
            return match self.method == request.method && self.path == request.path {
                true if self.body == request.body => 4,
                true => 2,
                false => 0,
            };
        }
        let same_kind = ["type", "role", "call_id"].iter().all(|name| self.last[name] == request.last[name]);
        match self.body == request.body {
            true if self.previous == request.previous => 4,
            _ if self.last == request.last && !self.last.is_null() => 3,
            true => 3,
            false if same_kind => 1,
            false => 0,
        }
    }
}

impl Matcher {
    /// Creates a matcher of all exchanges, none of which is used.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        let key = |exchange: &Exchange| {
            let key = Key::of(&exchange.method, &exchange.target, exchange.transport, &exchange.body);
            // No request belongs to a rejected handshake.
            let rejected = exchange.transport == Transport::WebSocket && exchange.status.is_some();
            if rejected { Key { method: String::new(), is_response: false, ..key } } else { key }
        };
        let keys: Vec<_> = recording.exchanges.iter().map(key).collect();
        Self { used: vec![false; keys.len()], recording, keys }
    }

    /// Finds the exchange of a request, and uses it. Returns its index too. An exchange that fits better is preferred, then one that was
    /// not used, then the first: the same body, then the same last item of the input, then an item of the same type, role and `call_id`.
    pub fn find(&mut self, method: &str, target: &str, transport: Transport, body: &str) -> Option<(usize, &Exchange)> {
        let request = Key::of(method, target, transport, body);
        let best = |used: bool, least: u8| {
            let fitting = self.keys.iter().enumerate().filter(|(at, _)| self.used[*at] == used);
            let scored = fitting.map(|(at, key)| (key.fits(&request), at)).filter(|(fits, _)| *fits >= least);
            scored.max_by_key(|(fits, at)| (*fits, Reverse(*at))).map(|(_, at)| at)
        };
        // A request that is repeated exactly gets the same exchange again, before it gets one that fits less.
        let at = best(false, 2).or_else(|| best(true, 2)).or_else(|| best(false, 1)).or_else(|| best(true, 1))?;
        self.used[at] = true;
        self.recording.exchanges.get(at).map(|exchange| (at, exchange))
    }

    /// Returns the response to the WebSocket handshake, if it was rejected.
    #[must_use]
    pub fn rejected_handshake(&self) -> Option<&Exchange> {
        let accepts = |exchange: &&Exchange| exchange.transport == Transport::WebSocket && exchange.status.is_none();
        if self.recording.exchanges.iter().any(|exchange| accepts(&exchange)) {
            return None;
        }
        let mut exchanges = self.recording.exchanges.iter();
        exchanges.find(|exchange| exchange.transport == Transport::WebSocket && exchange.status.is_some())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use turnwire::connection::Transport;

    use super::super::{Exchange, Line, Recording, raw_or_string};
    use super::Matcher;

    /// An exchange with this request, and a response that has the number.
    fn exchange(transport: &str, target: &str, body: &str, status: Option<u16>) -> Exchange {
        let mut request = Line::new("request", Duration::ZERO);
        request.transport = Some(transport.into());
        request.method = Some(if body.is_empty() { "GET" } else { "POST" }.into());
        request.target = Some(target.into());
        request.body = Some(raw_or_string(body));
        let mut response = Line::new("response", Duration::from_millis(5));
        response.status = status;
        response.body = status.map(|_| raw_or_string("{}"));
        let lines = [request, response].map(|line| line.to_json());
        Exchange::parse(&lines[..1 + usize::from(status.is_some())].join("\n")).expect("an exchange")
    }

    fn find(matcher: &mut Matcher, body: &str) -> Option<usize> {
        matcher.find("POST", "/v1/responses", Transport::Http, body).map(|(at, _)| at)
    }

    #[test]
    fn a_request_gets_the_exchange_that_fits_best_and_each_is_used_first_once() {
        let output = |id: &str, text: &str| {
            format!(
                r#"{{"model":"m","input":[{{"role":"user"}},{{"type":"function_call_output","call_id":"{id}","output":"{text}"}}]}}"#
            )
        };
        let exchanges = vec![
            exchange("websocket", "/v1/responses", "", Some(426)),
            exchange("http", "/v1/responses", r#"{"model":"m","input":"hi"}"#, Some(200)),
            exchange("http", "/v1/responses", r#"{"model":"m","input":"hi"}"#, Some(200)),
            exchange(
                "websocket",
                "/v1/responses",
                r#"{"type":"response.create","model":"m","input":[],"generate":false}"#,
                None,
            ),
            exchange("websocket", "/v1/responses", &output("a", "1"), None),
            exchange("websocket", "/v1/responses", &output("b", "2"), None),
            exchange("http", "/v1/models", "", Some(200)),
        ];
        let mut matcher = Matcher::new(Recording { exchanges });
        let hi = r#"{"stream":true,"client_metadata":{"x":"y"},"input":"hi","model":"m"}"#;
        assert_eq!((1..=3).map(|_| find(&mut matcher, hi)).collect::<Vec<_>>(), [Some(1), Some(2), Some(1)]);
        assert_eq!(
            find(&mut matcher, r#"{"model":"n","input":[],"generate":false}"#),
            Some(3),
            "only a prewarm fits one"
        );
        assert_eq!(find(&mut matcher, &output("b", "another time")), Some(5));
        assert_eq!(find(&mut matcher, &output("a", "1")), Some(4));
        assert_eq!(find(&mut matcher, &output("c", "1")), None);
        let models = matcher.find("GET", "/v1/models?limit=1", Transport::Http, "").map(|(at, _)| at);
        assert_eq!(models, Some(6));
        assert!(matcher.find("GET", "/v1/files", Transport::Http, "").is_none());
        assert!(matcher.rejected_handshake().is_none(), "another handshake was accepted");
    }
}
