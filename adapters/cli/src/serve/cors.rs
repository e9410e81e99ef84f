//! Which web pages may use the server (the Fetch standard, CORS). By default, none may.

use core::net::IpAddr;

use turnwire::http::{Headers, Request};

use super::action::{Action, Plan};
use super::errors::ApiError;
use super::server::set;

/// The origins of pages that may use the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Cors(Vec<String>);

/// Headers of a response that a page may read.
const EXPOSED: &str = "x-codex-turn-state, x-request-id, openai-model, retry-after, x-models-etag";

/// The methods of requests.
const METHODS: &str = "GET, POST, DELETE, OPTIONS";

/// How long a browser may remember that a request is allowed, in seconds.
const MAX_AGE: &str = "600";

/// The origin of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is not from a page of another origin.
    Own,
    Allowed(String),
    Forbidden,
}

impl Cors {
    /// `origins`: such as `http://localhost:5173`; `*` means every page.
    pub(super) fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    pub(super) fn origin_of(&self, head: &Request) -> Origin {
        let Some(origin) = head.headers.get_str("origin") else {
            // An origin that is not text is not that of a page.
            return if head.headers.contains("origin") { Origin::Forbidden } else { Origin::Own };
        };
        let lower = origin.to_ascii_lowercase();
        if self.0.iter().any(|allowed| allowed == "*" || *allowed == lower) {
            return Origin::Allowed(origin.to_owned());
        }
        // A page of this server itself. A name that a foreign page lets point here is not this machine's.
        let host = head.headers.get_str("host").unwrap_or_default().to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).trim_matches(['[', ']']);
        let local = name == "localhost" || name.parse::<IpAddr>().is_ok();
        if local && lower == format!("http://{host}") { Origin::Own } else { Origin::Forbidden }
    }

    /// Responds to `OPTIONS`, with which a browser asks whether another request is allowed.
    pub(super) fn preflight(head: &Request, origin: &Origin) -> Plan {
        let mut headers = match origin {
            Origin::Forbidden => return refuse(),
            Origin::Own => Headers::new(),
            Origin::Allowed(origin) => allowed(origin),
        };
        set(&mut headers, "Allow", METHODS);
        let Origin::Allowed(_) = origin else { return Plan::one(Action::Respond(204, headers, Vec::new())) };
        set(&mut headers, "Access-Control-Allow-Methods", METHODS);
        let asked = head.headers.get_str("access-control-request-headers").unwrap_or("authorization, content-type");
        set(&mut headers, "Access-Control-Allow-Headers", asked);
        set(&mut headers, "Access-Control-Max-Age", MAX_AGE);
        if head.headers.contains("access-control-request-private-network") {
            set(&mut headers, "Access-Control-Allow-Private-Network", "true");
        }
        Plan::one(Action::Respond(204, headers, Vec::new()))
    }

    /// Lets the page read a response.
    pub(super) fn allow(plan: &mut Plan, origin: &str) {
        for action in &mut plan.actions {
            if let Action::Accept(headers) | Action::Respond(_, headers, _) | Action::Begin(headers) = action {
                for (name, value) in allowed(origin).iter() {
                    // The name and the value are valid.
                    let _ = headers.set_if_absent(name, value.clone());
                }
                set(headers, "Access-Control-Expose-Headers", EXPOSED);
            }
        }
    }
}

/// The response to a page that may not use the server.
pub(super) fn refuse() -> Plan {
    ApiError::forbidden_origin().respond()
}

fn allowed(origin: &str) -> Headers {
    let mut headers = Headers::new();
    set(&mut headers, "Access-Control-Allow-Origin", origin);
    set(&mut headers, "Vary", "Origin");
    headers
}

#[cfg(test)]
mod tests {
    use turnwire::http::Request;

    use super::{Cors, Origin};

    fn origin(cors: &Cors, host: &str, origin: Option<&str>) -> Origin {
        let mut head = Request::new("GET", "/v1/responses").expect("a head");
        head.headers.append("Host", host).expect("a header");
        if let Some(origin) = origin {
            head.headers.append("Origin", origin).expect("a header");
        }
        cors.origin_of(&head)
    }

    #[test]
    fn pages_of_other_origins_are_forbidden_unless_they_are_named() {
        let closed = Cors::default();
        assert_eq!(origin(&closed, "127.0.0.1:8080", None), Origin::Own);
        assert_eq!(origin(&closed, "127.0.0.1:8080", Some("http://127.0.0.1:8080")), Origin::Own);
        for other in ["http://127.0.0.1:8081", "https://127.0.0.1:8080", "null", "", "http://example.com"] {
            assert_eq!(origin(&closed, "127.0.0.1:8080", Some(other)), Origin::Forbidden, "{other}");
        }
        let rebound = origin(&closed, "evil.example:8080", Some("http://evil.example:8080"));
        assert_eq!(rebound, Origin::Forbidden, "a foreign name that points to this machine");
        let open = Cors::new(&["http://Localhost:5173/".to_owned()]);
        let page = "http://localhost:5173";
        assert_eq!(origin(&open, "127.0.0.1:8080", Some(page)), Origin::Allowed(page.to_owned()));
        assert_eq!(origin(&open, "127.0.0.1:8080", Some("http://localhost:51730")), Origin::Forbidden);
        assert_eq!(origin(&Cors::new(&["*".to_owned()]), "a", Some("null")), Origin::Allowed("null".to_owned()));
    }
}
