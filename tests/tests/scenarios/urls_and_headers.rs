//! Scenarios A and B that need a client and a server (tests/scenarios.md).

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use turnwire::client::{
    Client, Credentials, InvalidProvider, Provider, Request, Settings, Sign, SignError, SignableRequest, TraceContext,
};
use turnwire::responses::FailureKind;
use turnwire::responses::session::{RequestKind, Session, TurnMetadata, UserAgent};
use turnwire_tests::fixtures::{ask, done0};
use turnwire_tests::pair::{Act, Kind, Pair, Script, Seen, http_provider, provider};

fn at(base_url: &str) -> Provider {
    let mut provider = http_provider();
    provider.base_url = base_url.into();
    provider
}

/// Returns the only `POST` of a client with this provider and these settings.
fn posted(provider: Provider, credentials: Credentials, settings: Settings, request: impl Into<Request>) -> Seen {
    let script = Script::new().sse([vec![done0("r")]]);
    let mut pair = Pair::with(provider, credentials, settings, script);
    let id = pair.ask(request);
    assert_eq!(pair.completed(id), "r");
    pair.posts()[0].clone()
}

fn plain(provider: Provider) -> Seen {
    posted(provider, Credentials::None, Settings::default(), ask("hi"))
}

#[test]
fn a01_path_join() {
    let seen = plain(at("http://127.0.0.1:8080/v1"));
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/v1/responses"));
    assert_eq!(seen.header("accept"), Some("text/event-stream"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[test]
fn a02_slash_normalisation() {
    assert_eq!(plain(at("http://127.0.0.1:8080/v1///")).target, "/v1/responses");
}

#[test]
fn a03_query_params() {
    let mut provider = at("http://127.0.0.1:8080/openai");
    provider.query = vec![("api-version".into(), "2025-04-01-preview".into())];
    provider.headers = vec![("Custom-Header".into(), "Value".into())];
    let seen = posted(provider, Credentials::bearer("key"), Settings::default(), ask("hi"));
    assert_eq!(seen.target, "/openai/responses?api-version=2025-04-01-preview");
    assert_eq!(seen.header("custom-header"), Some("Value"));
    assert_eq!(seen.header("authorization"), Some("Bearer key"));
}

#[test]
fn a04_ws_url_mapping() {
    let dialed = |base: &str| {
        let mut provider = provider();
        provider.base_url = base.into();
        provider.allow_plain = true;
        let mut pair = Pair::new(provider, Settings::default(), Script::new().ws([vec![done0("r")]]));
        pair.ask(ask("hi"));
        let dial = pair.dials[0].clone();
        (dial.host, dial.port, dial.tls, pair.upgrades()[0].target.clone())
    };
    let target = || "/v1/responses".to_owned();
    assert_eq!(dialed("http://h:80/v1"), ("h".into(), 80, false, target()));
    assert_eq!(dialed("https://H/v1"), ("h".into(), 443, true, target()));
    assert_eq!(dialed("ws://h/v1"), ("h".into(), 80, false, target()));
    let refused = |base: &str| {
        let made = Client::new(at(base), Credentials::None, Settings::default(), [1; 32]);
        made.expect_err("no provider")
    };
    assert_eq!(refused("ftp://127.0.0.1/v1"), InvalidProvider::Scheme);
    assert_eq!(refused("nope/v1"), InvalidProvider::Url("it does not begin with a scheme".into()));
}

#[test]
fn a06_bearer_and_account() {
    let credentials = Credentials::bearer("secret-token").with_account("acct-1");
    let seen = posted(http_provider(), credentials, Settings::default(), ask("hi"));
    assert_eq!(seen.header("authorization"), Some("Bearer secret-token"));
    assert_eq!(seen.header("chatgpt-account-id"), Some("acct-1"));
    assert_eq!((seen.header("x-openai-fedramp"), seen.header("accept")), (None, Some("text/event-stream")));
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a09_header_precedence_on_handshake() {
    let mut provider = provider();
    provider.headers = pairs(&[("originator", "provider-originator"), ("x-priority", "provider")]);
    let mut settings = Settings::default();
    settings.headers = pairs(&[("x-priority", "extra")]);
    settings.default_headers =
        pairs(&[("originator", "default-originator"), ("x-priority", "default"), ("x-default-only", "default-only")]);
    let mut pair = Pair::new(provider, settings, Script::new().ws([vec![done0("r")]]));
    pair.ask(ask("hi"));
    let upgrade = pair.upgrades()[0];
    assert_eq!(upgrade.header("originator"), Some("provider-originator"));
    assert_eq!(upgrade.header("x-priority"), Some("extra"));
    assert_eq!(upgrade.header("x-default-only"), Some("default-only"));
}

/// A body and its encoding, as a signer receives them.
type Shown = (Vec<u8>, Option<String>);

/// Signs requests, after failing with these errors.
struct Signer {
    failures: Mutex<Vec<SignError>>,
    calls: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Shown>>>,
}

impl Signer {
    fn new(failures: Vec<SignError>) -> Self {
        Self { failures: Mutex::new(failures), calls: Arc::default(), seen: Arc::default() }
    }
}

impl Sign for Signer {
    fn sign(&self, request: SignableRequest<'_>) -> Result<(), SignError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let encoding = request.headers.get_str("content-encoding").map(String::from);
        self.seen.lock().expect("a lock").push((request.body.to_vec(), encoding));
        match self.failures.lock().expect("a lock").pop() {
            Some(failure) => Err(failure),
            None => {
                request.headers.set("x-signature", "signed").expect("a header");
                Ok(())
            }
        }
    }
}

#[test]
fn a10_transient_auth_failure_retried() {
    let mut provider = http_provider();
    provider.retry.max_retries = 2;
    let signer = Signer::new(vec![SignError::Transient("not now".into())]);
    let calls = signer.calls.clone();
    let script = Script::new().sse([vec![done0("r")]]);
    let mut pair = Pair::with(provider, Credentials::Signer(Arc::new(signer)), Settings::default(), script);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), calls.load(Ordering::Relaxed), pair.posts().len()), ("r", 2, 1));
    assert_eq!(pair.posts()[0].header("x-signature"), Some("signed"));
}

#[test]
fn a11_auth_build_failure_not_retried() {
    let mut provider = http_provider();
    provider.retry.max_retries = 2;
    let signer = Signer::new(vec![SignError::Build("invalid auth configuration".into())]);
    let calls = signer.calls.clone();
    let mut pair = Pair::with(provider, Credentials::Signer(Arc::new(signer)), Settings::default(), Script::new());
    let id = pair.ask(ask("hi"));
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Build, "invalid auth configuration"));
    assert_eq!((calls.load(Ordering::Relaxed), pair.posts().len()), (1, 0));
}

/// A provider that supports zstd.
fn zstd_provider() -> Provider {
    let mut provider = http_provider();
    provider.capabilities.zstd = true;
    provider
}

/// A stand-in for compression: a visible change.
fn squeeze(body: &[u8]) -> Vec<u8> {
    body.iter().rev().copied().collect()
}

#[test]
fn a12_signer_sees_final_bytes() {
    let mut provider = zstd_provider();
    provider.retry.max_retries = 1;
    let mut settings = Settings::default();
    settings.compress = Some(squeeze);
    let signer = Signer::new(Vec::new());
    let seen = signer.seen.clone();
    let script = Script::new().on(Kind::Post, vec![Act::respond(500, "")]).sse([vec![done0("r")]]);
    let mut pair = Pair::with(provider, Credentials::Signer(Arc::new(signer)), settings, script);
    let id = pair.ask(ask("hi"));
    pair.run_out();
    assert_eq!(pair.completed(id), "r");
    let seen = seen.lock().expect("a lock").clone();
    assert_eq!((seen.len(), &seen[0]), (2, &seen[1]));
    assert_eq!(seen[0].1.as_deref(), Some("zstd"));
    assert!(pair.posts().iter().all(|post| post.bytes == seen[0].0));
    assert!(serde_json::from_slice::<Value>(&squeeze(&seen[0].0)).is_ok());
}

#[test]
fn a13_fedramp() {
    let credentials = Credentials::bearer("t").with_fedramp();
    let seen = posted(http_provider(), credentials, Settings::default(), ask("hi"));
    assert_eq!(seen.header("x-openai-fedramp"), Some("true"));
}

fn with_session() -> Settings {
    let mut settings = Settings::default();
    settings.session = Some(Session::new("sess", "thr", "inst"));
    settings.default_headers = UserAgent::new("app", "1.0").defaults();
    settings
}

#[test]
fn a14_l2_sse_header_set() {
    let mut create = ask("hi");
    create.prompt_cache_key = Some("sess".into());
    let mut request = Request::from(create);
    request.turn = Some(TurnMetadata::new(RequestKind::Turn, "turn-1"));
    let seen = posted(http_provider(), Credentials::bearer("Test API Key"), with_session(), request);
    assert_eq!(seen.target, "/v1/responses");
    for (name, value) in
        [("session-id", "sess"), ("thread-id", "thr"), ("originator", "app"), ("authorization", "Bearer Test API Key")]
    {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    let metadata = &seen.json()["client_metadata"];
    assert_eq!(seen.json()["prompt_cache_key"], "sess");
    for (key, value) in [
        ("x-codex-installation-id", "inst"),
        ("session_id", "sess"),
        ("thread_id", "thr"),
        ("x-codex-window-id", "thr:0"),
    ] {
        assert_eq!(metadata[key], value, "{key}");
    }
    let blob = metadata["x-codex-turn-metadata"].as_str().expect("a blob");
    assert_eq!(seen.header("x-codex-turn-metadata"), Some(blob));
    let blob: Value = serde_json::from_str(blob).expect("json");
    assert_eq!((&blob["session_id"], &blob["thread_id"]), (&json!("sess"), &json!("thr")));
}

#[test]
fn a18_attestation_count() {
    let count = Arc::new(AtomicUsize::new(0));
    let hook = count.clone();
    let mut settings = with_session();
    settings.attestation =
        Some(Arc::new(move || Some(format!("v1.header-{}", hook.fetch_add(1, Ordering::Relaxed) + 1))));
    let script = Script::new().ws([vec![done0("r")], vec![done0("r2")]]);
    let mut pair = Pair::new(provider(), settings, script);
    pair.ask(ask("hi"));
    pair.ask(ask("again"));
    assert_eq!(pair.upgrades()[0].header("x-oai-attestation"), Some("v1.header-1"));
    assert_eq!((pair.texts().len(), count.load(Ordering::Relaxed)), (2, 1));
    let mut pair = Pair::new(provider(), with_session(), Script::new().ws([vec![done0("r")]]));
    pair.ask(ask("hi"));
    assert_eq!(pair.upgrades()[0].header("x-oai-attestation"), None);
}

#[test]
fn a21_http_header_precedence() {
    let mut provider = http_provider();
    provider.headers = pairs(&[
        ("x-a", "provider"),
        ("x-b", "provider"),
        ("x-c", "provider"),
        ("accept", "provider"),
        ("originator", "provider"),
    ]);
    let mut settings = Settings::default();
    settings.default_headers = pairs(&[("x-a", "default"), ("x-d", "default"), ("originator", "default")]);
    let mut request = Request::from(ask("hi"));
    request.headers = pairs(&[("x-b", "request"), ("x-c", "request")]);
    let credentials = Credentials::Headers(vec![("x-c".into(), "credentials".into())]);
    let seen = posted(provider, credentials, settings, request);
    for (name, value) in [
        ("x-a", "provider"),
        ("x-b", "request"),
        ("x-c", "credentials"),
        ("x-d", "default"),
        ("originator", "provider"),
        ("accept", "text/event-stream"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
}

/// Differs: parameters are escaped, and join the query of the base URL (docs/differences.md row 17).
#[test]
fn a22_query_params_are_not_escaped() {
    let mut provider = at("http://127.0.0.1:8080/v1/?z=1");
    provider.query = vec![("api-version".into(), "a b&c".into())];
    assert_eq!(plain(provider).target, "/v1/responses?z=1&api-version=a%20b%26c");
}

#[test]
fn b22_zstd_on() {
    let mut settings = Settings::default();
    settings.compress = Some(squeeze);
    let seen = posted(zstd_provider(), Credentials::bearer("t"), settings, ask("hi"));
    assert_eq!(seen.header("content-encoding"), Some("zstd"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&squeeze(&seen.bytes)).expect("json");
    assert_eq!(body["input"].as_array().map(Vec::len), Some(1));
}

#[test]
fn b23_zstd_off_for_api_key() {
    assert!(!Provider::openai().capabilities.zstd && Provider::codex().capabilities.zstd);
    let mut settings = Settings::default();
    settings.compress = Some(squeeze);
    let seen = posted(http_provider(), Credentials::bearer("key"), settings, ask("hi"));
    assert_eq!(seen.header("content-encoding"), None);
    assert_eq!(seen.json()["model"], "m");
}

#[test]
fn b24_zstd_conflict() {
    let mut settings = Settings::default();
    settings.compress = Some(squeeze);
    settings.headers = pairs(&[("content-encoding", "gzip")]);
    let mut pair = Pair::new(zstd_provider(), settings, Script::new());
    let id = pair.ask(ask("hi"));
    let failure = pair.failure(id);
    assert_eq!(failure.kind, FailureKind::Build);
    assert_eq!(failure.message, "request compression was requested but content-encoding is already set");
    assert!(pair.posts().is_empty());
}

#[test]
fn b27_trace_per_request() {
    let script = Script::new().ws([vec![done0("r1")], vec![done0("r2")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.client.preconnect(pair.now);
    pair.run();
    for parent in ["00-aa-01-01", "00-bb-02-01"] {
        let mut request = Request::from(ask("hi"));
        request.trace = Some(TraceContext { parent: parent.into(), state: Some("s=1".into()) });
        pair.ask(request);
    }
    assert_eq!(pair.upgrades()[0].header("traceparent"), None);
    let texts = pair.texts();
    for (text, parent) in texts.iter().zip(["00-aa-01-01", "00-bb-02-01"]) {
        let frame = text.json();
        assert_eq!(frame["client_metadata"]["ws_request_header_traceparent"], parent);
        assert_eq!(frame["client_metadata"]["ws_request_header_tracestate"], "s=1");
        assert_eq!(frame.get("trace"), None);
    }
}
