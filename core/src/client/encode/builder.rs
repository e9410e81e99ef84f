//! `RequestBuilder`: builds requests, messages and handshakes from the configuration
//! ([docs/protocol.md §2](crate::docs::protocol#2-headers-and-authentication),
//! [§3](crate::docs::protocol#3-request-bodies)).

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::headers::{RejectedHeader, merge};
use super::previous_response::PreviousResponses;
use crate::client::config::{Credentials, InvalidProvider, SharedConfig};
use crate::client::config::{SignError, SignableRequest};
use crate::client::connect::ForwardProxy;
use crate::client::request::{CommandError, RawOperation, Request, TraceContext};
use crate::connection::{ExpectedBody, OutgoingRequest};
use crate::http::{HeaderValue, Headers};
use crate::responses::operations::path_of_response;
use crate::responses::request::{Input, ItemEncoding, MessageFields, ReasoningOptions};
use crate::responses::session::{HeaderSet, RequestContext, Session, TurnMetadata};
use crate::responses::{ClientMetadata, CreateResponse, Failure, FailureKind, TURN_STATE};
use crate::time::Instant;

/// The path of responses, below the base URL.
pub(in crate::client) const RESPONSES: &str = "responses";

/// The Unix time at an instant.
#[derive(Clone, Copy, Debug)]
struct WallClock {
    at: Instant,
    unix_ms: u64,
}

#[derive(Debug)]
pub(in crate::client) struct RequestBuilder {
    pub(in crate::client) shared: Arc<SharedConfig>,
    pub(in crate::client) credentials: Credentials,
    /// The session, whose members change.
    pub(in crate::client) session: Option<Box<Session>>,
    wall_clock: Option<WallClock>,
    omitted_turn_tokens: u64,
}

/// A request as a WebSocket message.
#[derive(Debug)]
pub(in crate::client) struct EncodedMessage {
    /// The response that it continues.
    pub(in crate::client) previous_response_id: Option<String>,
    text: Vec<u8>,
    /// It names the previous response, and contains only what follows it.
    pub(in crate::client) incremental: bool,
}

impl EncodedMessage {
    pub(in crate::client) fn text(&self) -> &str {
        simdutf8::compat::from_utf8(&self.text).expect("JSON is written as UTF-8")
    }
}

impl RequestBuilder {
    pub(in crate::client) fn new(shared: Arc<SharedConfig>, credentials: Credentials) -> Result<Self, InvalidProvider> {
        let session = shared.settings.session.clone().map(Box::new);
        let builder = Self { shared, credentials, session, wall_clock: None, omitted_turn_tokens: 0 };
        // No attestation is requested: nothing is sent.
        let session = builder.session.as_ref();
        let session =
            session.map(|session| session.headers(HeaderSet::Sse, &RequestContext::default())).unwrap_or_default();
        builder.headers(&[], &session).map_err(|rejected| InvalidProvider::Header(rejected.name))?;
        Ok(builder)
    }

    pub(in crate::client) const fn set_wall_clock(&mut self, at: Instant, unix_ms: u64) {
        self.wall_clock = Some(WallClock { at, unix_ms });
    }

    /// Returns the Unix time in milliseconds, where it is known.
    fn unix_ms(&self, now: Instant) -> Option<u64> {
        let WallClock { at, unix_ms } = self.wall_clock?;
        let passed = now.saturating_duration_since(at).as_millis();
        Some(unix_ms.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// Returns the Unix time in seconds, where it is known.
    pub(in crate::client) fn unix_seconds(&self, now: Instant) -> Option<u64> {
        self.unix_ms(now).map(|millis| millis / 1000)
    }

    /// Returns the number of requests that went without the turn token, because no header can hold it.
    pub(in crate::client) const fn omitted_turn_tokens(&self) -> u64 {
        self.omitted_turn_tokens
    }

    /// Checks the headers and the lane name of a request.
    pub(in crate::client) fn validate(&self, own: &[(String, String)], lane: Option<&str>) -> Result<(), CommandError> {
        let is_lane = |lane: &str| {
            (1..=256).contains(&lane.len())
                && lane.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        if lane.is_some_and(|lane| !is_lane(lane)) {
            return Err(CommandError::Lane);
        }
        self.headers(own, &[]).map(|_| ()).map_err(|rejected| CommandError::Header(rejected.name))
    }

    /// Changes a request, once, to what the provider, the session and the model require.
    pub(in crate::client) fn prepare(&self, request: &mut Request) {
        let mut create = mem::replace(&mut request.body, CreateResponse::new("", Input::new()));
        take_previous_response(&mut create);
        if request.lite {
            create = create.into_lite();
        }
        // A background response is stored: otherwise nothing of it would be left without its stream.
        create.store |= self.shared.provider.capabilities.store_responses || create.background == Some(true);
        create.reasoning = create.reasoning.map(ReasoningOptions::for_wire);
        if let Some(session) = &self.session {
            let mut metadata = session.metadata(request.turn.as_ref());
            for (key, value) in create.client_metadata.iter().flat_map(ClientMetadata::iter) {
                metadata.set(key, value);
            }
            create.client_metadata = Some(metadata);
            create.prompt_cache_key.get_or_insert_with(|| session.session_id.clone());
        }
        request.body = create;
    }

    /// Returns the target and the headers of a WebSocket handshake
    /// ([docs/protocol.md §2.3](crate::docs::protocol#23-header-catalogue--responses-websocket-handshake)), made for
    /// this request.
    pub(in crate::client) fn build_handshake(&self, request: Option<&Request>) -> Result<(String, Headers), Failure> {
        if !self.credentials.fit_handshakes() {
            return Err(Failure::build("a websocket handshake cannot be signed"));
        }
        let beta = self.shared.provider.capabilities.beta_header.iter();
        let beta: Vec<(String, String)> = beta.map(|beta| ("OpenAI-Beta".to_string(), beta.clone())).collect();
        let turn = request.and_then(|request| request.turn.as_ref());
        let session = self.session_headers(HeaderSet::Handshake, turn, false);
        let mut headers = self.headers(&beta, &session).map_err(|rejected| invalid_header(&rejected.name))?;
        if let Some(request) = request {
            self.set_routing_hint(&mut headers, &request.body);
        }
        Ok((self.shared.endpoint.target(RESPONSES, &[]), headers))
    }

    /// Returns the `POST` that requests a response
    /// ([docs/protocol.md §2.2](crate::docs::protocol#22-header-catalogue--responses-over-http-sse)).
    pub(in crate::client) fn build_request(
        &mut self,
        request: &Request,
        token: Option<&str>,
    ) -> Result<OutgoingRequest, Failure> {
        let mut body = Vec::new();
        request.body.encode_http(self.item_encoding(&request.body), &mut body);
        let session = self.session_headers(HeaderSet::Sse, request.turn.as_ref(), request.lite);
        let mut headers =
            self.headers(&request.headers, &session).map_err(|rejected| invalid_header(&rejected.name))?;
        headers.set("Accept", "text/event-stream").map_err(|_| invalid_header("Accept"))?;
        if let Some(trace) = &request.trace {
            set_trace(&mut headers, trace)?;
        }
        headers.set_if_absent("Content-Type", "application/json").map_err(|_| invalid_header("Content-Type"))?;
        if let Some(compress) = self.shared.settings.compress.filter(|_| self.shared.provider.capabilities.zstd) {
            if headers.contains("Content-Encoding") {
                let why = "request compression was requested but content-encoding is already set";
                return Err(Failure::build(why));
            }
            body = compress(&body);
            headers.set("Content-Encoding", "zstd").map_err(|_| invalid_header("Content-Encoding"))?;
        }
        self.set_routing_hint(&mut headers, &request.body);
        self.set_turn_token(&mut headers, token);
        self.sign("POST", self.shared.endpoint.target(RESPONSES, &[]), headers, body, ExpectedBody::EventStream)
    }

    /// Changes a request for the proxy that forwards it, if there is one: its target becomes absolute, and it carries the proxy's
    /// credentials (RFC 9112 §3.2.2).
    pub(in crate::client) fn address_to(
        &self,
        proxy: Option<&ForwardProxy>,
        mut request: OutgoingRequest,
    ) -> Result<OutgoingRequest, Failure> {
        let Some(proxy) = proxy else { return Ok(request) };
        request.target = self.shared.endpoint.url(false, &request.target);
        if let Some(authorization) = &proxy.authorization {
            let name = "Proxy-Authorization";
            request.headers.set(name, authorization.clone()).map_err(|_| invalid_header(name))?;
        }
        Ok(request)
    }

    /// Returns the request of an operation ([docs/protocol.md §11](crate::docs::protocol#11-other-endpoints)).
    pub(in crate::client) fn build_operation(
        &mut self,
        operation: &RawOperation,
        token: Option<&str>,
    ) -> Result<OutgoingRequest, Failure> {
        let fields = |set| self.session_headers(set, operation.turn.as_ref(), operation.lite);
        let session = operation.header_set.map(fields).unwrap_or_default();
        let mut headers =
            self.headers(&operation.headers, &session).map_err(|rejected| invalid_header(&rejected.name))?;
        if operation.method == "POST" {
            headers.set_if_absent("Content-Type", "application/json").map_err(|_| invalid_header("Content-Type"))?;
        }
        self.set_turn_token(&mut headers, token.filter(|_| operation.send_turn_token));
        let query: Vec<(&str, &str)> = operation.query.iter().map(|(key, value)| (&**key, &**value)).collect();
        let target = self.shared.endpoint.target(&operation.path, &query);
        self.sign(operation.method, target, headers, operation.body.clone(), ExpectedBody::Whole)
    }

    /// Returns the `GET` that requests the events of a background response behind this number
    /// ([docs/protocol.md §15.9](crate::docs::protocol#159-background-responses)). `request`: the one that the response
    /// answers, if this client made it.
    pub(in crate::client) fn build_resumption(
        &mut self,
        request: Option<&Request>,
        response_id: &str,
        after: Option<i64>,
        token: Option<&str>,
    ) -> Result<OutgoingRequest, Failure> {
        let mut headers = self.response_headers(request, token)?;
        headers.set("Accept", "text/event-stream").map_err(|_| invalid_header("Accept"))?;
        let after = after.map(|number| number.to_string());
        let mut query = alloc::vec![("stream", "true")];
        query.extend(after.as_deref().map(|number| ("starting_after", number)));
        if let Some(request) = request {
            query.extend(request.body.include.iter().map(|name| ("include[]", name.as_str())));
            let options = request.body.stream_options.as_ref();
            let pads = options.and_then(|options| options.include_obfuscation);
            query.extend(pads.map(|pads| ("include_obfuscation", if pads { "true" } else { "false" })));
        }
        let target = self.shared.endpoint.target(&path_of_response(response_id, ""), &query);
        self.sign("GET", target, headers, Vec::new(), ExpectedBody::EventStream)
    }

    /// Returns the `POST` that cancels a background response.
    pub(in crate::client) fn build_cancellation(
        &mut self,
        request: Option<&Request>,
        response_id: &str,
        token: Option<&str>,
    ) -> Result<OutgoingRequest, Failure> {
        let mut headers = self.response_headers(request, token)?;
        headers.set_if_absent("Content-Type", "application/json").map_err(|_| invalid_header("Content-Type"))?;
        let target = self.shared.endpoint.target(&path_of_response(response_id, "/cancel"), &[]);
        self.sign("POST", target, headers, Vec::new(), ExpectedBody::Whole)
    }

    /// Returns the headers of a request about a response that exists.
    fn response_headers(&mut self, request: Option<&Request>, token: Option<&str>) -> Result<Headers, Failure> {
        let turn = request.and_then(|request| request.turn.as_ref());
        let session = self.session_headers(HeaderSet::Sse, turn, request.is_some_and(|request| request.lite));
        let own = request.map_or(&[][..], |request| &request.headers);
        let mut headers = self.headers(own, &session).map_err(|rejected| invalid_header(&rejected.name))?;
        if let Some(trace) = request.and_then(|request| request.trace.as_ref()) {
            set_trace(&mut headers, trace)?;
        }
        self.set_turn_token(&mut headers, token);
        Ok(headers)
    }

    /// Returns the message that requests a response on a WebSocket
    /// ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields),
    /// [§3.8](crate::docs::protocol#38-client_metadata), [§9.5](crate::docs::protocol#95-incremental-requests)).
    pub(in crate::client) fn build_message(
        &self,
        now: Instant,
        request: &Request,
        prewarm: bool,
        token: Option<&str>,
        previous: &PreviousResponses,
    ) -> EncodedMessage {
        let lane = request.lane.as_deref();
        let incremental = self.shared.provider.capabilities.incremental;
        let continuation = previous.continuation(lane, &request.body).filter(|_| incremental);
        let stamp = self.unix_ms(now).map(|millis| millis.to_string());
        let mut metadata: Vec<(&str, &str)> = Vec::new();
        metadata.extend(token.map(|token| (TURN_STATE, token)));
        if let Some(trace) = &request.trace {
            metadata.push(("ws_request_header_traceparent", &trace.parent));
            metadata.extend(trace.state.as_deref().map(|state| ("ws_request_header_tracestate", state)));
        }
        metadata.extend(Session::frame_metadata(&RequestContext { lite: request.lite, ..RequestContext::default() }));
        metadata.extend(stamp.as_deref().map(|stamp| ("x-codex-ws-stream-request-start-ms", stamp)));
        let fields = MessageFields {
            previous_response_id: continuation.map(|known| known.previous_response_id),
            generate: prewarm.then_some(false),
            stream_id: lane,
            metadata: &metadata,
            input_from: continuation.map_or(0, |known| known.known_items),
        };
        let mut out = Vec::new();
        request.body.encode_ws(&fields, self.item_encoding(&request.body), &mut out);
        let chained = continuation.map(|known| known.previous_response_id);
        EncodedMessage {
            text: out,
            incremental: continuation.is_some(),
            previous_response_id: chained.or(request.body.previous_response_id.as_deref()).map(Into::into),
        }
    }

    /// Returns how long the client waits for the head of a response.
    pub(in crate::client) fn head_timeout(&self, operation: Option<&RawOperation>) -> Duration {
        operation.and_then(|operation| operation.timeout).unwrap_or(self.shared.provider.idle_timeout)
    }

    /// Checks the length of a request against the limit of the server.
    pub(in crate::client) fn check_size(&self, bytes: usize) -> Result<(), Failure> {
        match self.shared.provider.capabilities.max_request_bytes {
            Some(limit) if bytes > limit => Err(Failure::too_large(bytes, limit)),
            Some(_) | None => Ok(()),
        }
    }

    /// Which members of items are sent
    /// ([docs/protocol.md §1.6](crate::docs::protocol#16-effects-of-the-provider-name-being-exactly-openai),
    /// [§3.6](crate::docs::protocol#36-item-ids-on-the-wire)).
    fn item_encoding(&self, create: &CreateResponse) -> ItemEncoding {
        ItemEncoding::new(
            self.shared.settings.send_item_ids,
            create.store,
            self.shared.provider.capabilities.item_metadata,
        )
    }

    /// Returns the session's headers of one request.
    fn session_headers(&self, set: HeaderSet, turn: Option<&TurnMetadata>, lite: bool) -> Vec<(String, String)> {
        let Some(session) = &self.session else { return Vec::new() };
        let attests = matches!(set, HeaderSet::Sse | HeaderSet::Handshake | HeaderSet::Compact);
        let attestation = self.shared.settings.attestation.as_ref().filter(|_| attests).and_then(|attest| attest());
        let context = RequestContext { turn, attestation: attestation.as_deref(), lite, ..RequestContext::default() };
        session.headers(set, &context)
    }

    fn headers(&self, own: &[(String, String)], session: &[(String, String)]) -> Result<Headers, RejectedHeader> {
        merge(&self.shared.provider, &self.shared.settings, own, session, &self.credentials)
    }

    /// Adds the routing hint, unless the application has set one or the model's name cannot be sent in a header.
    fn set_routing_hint(&self, headers: &mut Headers, create: &CreateResponse) {
        if !self.shared.provider.capabilities.routing_hint {
            return;
        }
        let tier = create.service_tier.as_ref().map(|tier| alloc::format!(";tier={tier}")).unwrap_or_default();
        // Fails only for a value that no header can have, which is left out.
        let _ = headers.set_if_absent("x-codex-routing-hint", alloc::format!("model={}{tier}", create.model).as_str());
    }

    /// Adds the turn token, unless no header can hold it ([docs/protocol.md §8.3](crate::docs::protocol#8-turn-state)).
    fn set_turn_token(&mut self, headers: &mut Headers, token: Option<&str>) {
        let Some(token) = token else { return };
        let trimmed = token.trim_matches([' ', '\t']).len() < token.len();
        let value = HeaderValue::new(token.as_bytes()).ok().filter(|_| !trimmed);
        if value.is_none_or(|value| headers.set(TURN_STATE, value.into_sensitive()).is_err()) {
            self.omitted_turn_tokens += 1;
        }
    }

    fn sign(
        &self,
        method: &str,
        target: String,
        mut headers: Headers,
        body: Vec<u8>,
        expected: ExpectedBody,
    ) -> Result<OutgoingRequest, Failure> {
        let url = self.shared.endpoint.url(false, &target);
        if let Credentials::Signer(signer) = &self.credentials {
            let request = SignableRequest { method, url: &url, headers: &mut headers, body: &body };
            signer.sign(request).map_err(|error| match error {
                SignError::Transient(text) => Failure::new(FailureKind::Connect, &text),
                SignError::Build(text) => Failure::build(&text),
            })?;
        }
        let mut request = OutgoingRequest::new(&target, headers, body, expected);
        request.method = method.into();
        Ok(request)
    }
}

/// Moves a previous response among the members that are not typed to its place, so that it is sent once.
fn take_previous_response(create: &mut CreateResponse) {
    const NAME: &str = "previous_response_id";
    for (_, value) in create.extra.extract_if(.., |(name, _)| name == NAME) {
        if create.previous_response_id.is_none() {
            create.previous_response_id = value.parse().ok();
        }
    }
}

fn set_trace(headers: &mut Headers, trace: &TraceContext) -> Result<(), Failure> {
    let mut set = |name: &str, value: &str| headers.set(name, value).map_err(|_| invalid_header(name));
    set("traceparent", &trace.parent)?;
    trace.state.as_deref().map_or(Ok(()), |state| set("tracestate", state))
}

fn invalid_header(name: &str) -> Failure {
    Failure::build(&alloc::format!("the header `{name}` cannot be sent"))
}
