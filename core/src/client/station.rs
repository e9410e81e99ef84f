//! The provider and everything that is chosen once, and the heads and bodies that follow from it (`docs/protocol.md` §2, §3).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::chain::Chains;
use super::credentials::{Credentials, SignError, SignableRequest};
use super::provider::{Endpoint, InvalidProvider, Provider};
use super::request::{CommandError, RawOperation, Request};
use super::settings::{Settings, TransportPreference, fill, replace};
use crate::connection::{ExpectedBody, OutgoingRequest, Transport, client::Config};
use crate::http::{HeaderValue, Headers, InvalidHeader};
use crate::responses::request::{ItemEncoding, MessageFields, ReasoningOptions};
use crate::responses::session::{HeaderSet, RequestContext, Session, TurnMetadata};
use crate::responses::{ClientMetadata, CreateResponse, Failure, FailureKind};
use crate::time::Instant;

/// The path of responses, below the base URL.
pub(super) const RESPONSES: &str = "responses";

/// The header, and the key in metadata, of the turn's token (§8).
pub(super) const TURN_STATE: &str = "x-codex-turn-state";

#[derive(Debug)]
pub(super) struct Station {
    pub(super) provider: Provider,
    pub(super) endpoint: Endpoint,
    pub(super) credentials: Credentials,
    pub(super) settings: Settings,
    /// The Unix time in milliseconds at some instant.
    unix: Option<(Instant, u64)>,
    /// Tokens that a server gave and that no header can hold.
    pub(super) unsendable: u64,
}

/// A request as it travels in a WebSocket message.
pub(super) struct Framed {
    pub(super) text: String,
    pub(super) incremental: bool,
}

impl Station {
    pub(super) fn new(
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<Self, InvalidProvider> {
        let endpoint = Endpoint::new(&provider)?;
        let station = Self { provider, endpoint, credentials, settings, unix: None, unsendable: 0 };
        // Nothing is attested for what is not sent.
        let session = station.settings.session.as_ref();
        let session =
            session.map(|session| session.headers(HeaderSet::Sse, &RequestContext::default())).unwrap_or_default();
        station.headers(&[], &session).map_err(|(name, _)| InvalidProvider::Header(name))?;
        Ok(station)
    }

    /// The session's headers for one request.
    fn session(&self, surface: HeaderSet, turn: Option<&TurnMetadata>, lite: bool) -> Vec<(String, String)> {
        let Some(session) = &self.settings.session else { return Vec::new() };
        let attests = matches!(surface, HeaderSet::Sse | HeaderSet::Handshake | HeaderSet::Compact);
        let attestation = self.settings.attestation.as_ref().filter(|_| attests).and_then(|attest| attest());
        let context = RequestContext { turn, attestation: attestation.as_deref(), lite, ..RequestContext::default() };
        session.headers(surface, &context)
    }

    /// What a request becomes before it is sent for the first time: what the provider, the session and the model want of it.
    pub(super) fn dress(&self, request: &mut Request) {
        let mut create = request.body.clone();
        if request.lite {
            create = create.into_lite();
        }
        create.store |= self.provider.stores();
        create.reasoning = create.reasoning.map(ReasoningOptions::for_wire);
        if let Some(session) = &self.settings.session {
            let mut metadata = session.metadata(request.turn.as_ref());
            for (key, value) in create.client_metadata.iter().flat_map(ClientMetadata::iter) {
                metadata.set(key, value);
            }
            create.client_metadata = Some(metadata);
            create.prompt_cache_key.get_or_insert_with(|| session.session_id.clone());
        }
        request.body = create;
    }

    pub(super) const fn set_unix(&mut self, now: Instant, millis: u64) {
        self.unix = Some((now, millis));
    }

    /// The Unix time in milliseconds, where it is known.
    pub(super) fn unix_ms(&self, now: Instant) -> Option<u64> {
        let (at, millis) = self.unix?;
        let passed = now.saturating_duration_since(at).as_millis();
        Some(millis.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    pub(super) fn unix(&self, now: Instant) -> Option<u64> {
        self.unix_ms(now).map(|millis| millis / 1000)
    }

    /// Whether WebSocket is to be tried at all.
    pub(super) fn websocket(&self) -> bool {
        let possible = self.provider.capabilities.websocket && self.credentials.fit_handshakes();
        match self.settings.transport {
            TransportPreference::Auto => possible,
            TransportPreference::WebSocket => true,
            TransportPreference::Http => false,
        }
    }

    pub(super) fn config(&self, transport: Transport) -> Config {
        let mut config = self.settings.connection.clone();
        if config.authority.is_empty() {
            config.authority = self.endpoint.authority.clone();
        }
        config.timeouts.idle = config.timeouts.idle.or(Some(self.provider.idle_timeout));
        if transport == Transport::WebSocket {
            config.ping_interval = config.ping_interval.or(self.provider.capabilities.ping_interval);
            if !self.provider.capabilities.deflate {
                config.deflate_offer = None;
            }
        }
        config
    }

    /// The headers of every head: the provider's, this client's, a request's own, the session's, and where there are none, the
    /// defaults (§2.1).
    fn headers(
        &self,
        own: &[(String, String)],
        session: &[(String, String)],
    ) -> Result<Headers, (String, InvalidHeader)> {
        let mut headers = Headers::new();
        replace(&mut headers, &self.provider.headers)?;
        replace(&mut headers, &self.settings.headers)?;
        replace(&mut headers, own)?;
        replace(&mut headers, session)?;
        fill(&mut headers, &self.settings.default_headers)?;
        self.credentials.apply(&mut headers).map_err(|error| ("credentials".to_string(), error))?;
        Ok(headers)
    }

    /// Judges what a request brings along.
    pub(super) fn judge(&self, own: &[(String, String)], lane: Option<&str>) -> Result<(), CommandError> {
        let is_lane = |lane: &str| {
            (1..=256).contains(&lane.len())
                && lane.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        if lane.is_some_and(|lane| !is_lane(lane)) {
            return Err(CommandError::Lane);
        }
        self.headers(own, &[]).map(|_| ()).map_err(|(name, _)| CommandError::Header(name))
    }

    /// The target and the headers of a handshake (§2.3), made for a request of this turn.
    pub(super) fn handshake(&self, turn: Option<&TurnMetadata>) -> Result<(String, Headers), Failure> {
        if !self.credentials.fit_handshakes() {
            return Err(Failure::build("a websocket handshake cannot be signed"));
        }
        let beta: Vec<(String, String)> = self
            .provider
            .capabilities
            .beta_header
            .iter()
            .map(|beta| ("OpenAI-Beta".to_string(), beta.clone()))
            .collect();
        let session = self.session(HeaderSet::Handshake, turn, false);
        let headers = self.headers(&beta, &session).map_err(|(name, _)| unsendable(&name))?;
        Ok((self.endpoint.target(RESPONSES, &[]), headers))
    }

    /// The `POST` that asks for a response (§2.2).
    pub(super) fn post(&mut self, request: &Request, token: Option<&str>) -> Result<OutgoingRequest, Failure> {
        let mut body = Vec::new();
        request.body.encode_http(self.wire(&request.body), &mut body);
        let session = self.session(HeaderSet::Sse, request.turn.as_ref(), request.lite);
        let mut headers = self.headers(&request.headers, &session).map_err(|(name, _)| unsendable(&name))?;
        let mut set = |name: &str, value: &str| headers.set(name, value).map_err(|_| unsendable(name));
        set("Accept", "text/event-stream")?;
        if let Some(trace) = &request.trace {
            set("traceparent", &trace.parent)?;
            if let Some(state) = &trace.state {
                set("tracestate", state)?;
            }
        }
        headers.set_if_absent("Content-Type", "application/json").map_err(|_| unsendable("Content-Type"))?;
        if let Some(compress) = self.settings.compress.filter(|_| self.provider.capabilities.zstd) {
            if headers.contains("Content-Encoding") {
                let why = "request compression was requested but content-encoding is already set";
                return Err(Failure::build(why));
            }
            body = compress(&body);
            headers.set("Content-Encoding", "zstd").map_err(|_| unsendable("Content-Encoding"))?;
        }
        self.bear(&mut headers, token);
        self.finish("POST", self.endpoint.target(RESPONSES, &[]), headers, body, ExpectedBody::EventStream)
    }

    /// The request of a call (§11).
    pub(super) fn call(&mut self, call: &RawOperation, token: Option<&str>) -> Result<OutgoingRequest, Failure> {
        let fields = |surface| self.session(surface, call.turn.as_ref(), call.lite);
        let session = call.header_set.map(fields).unwrap_or_default();
        let mut headers = self.headers(&call.headers, &session).map_err(|(name, _)| unsendable(&name))?;
        if call.method == "POST" {
            headers.set_if_absent("Content-Type", "application/json").map_err(|_| unsendable("Content-Type"))?;
        }
        self.bear(&mut headers, token.filter(|_| call.send_turn_token));
        let query: Vec<(&str, &str)> = call.query.iter().map(|(key, value)| (&**key, &**value)).collect();
        let target = self.endpoint.target(&call.path, &query);
        self.finish(call.method, target, headers, call.body.clone(), ExpectedBody::Whole)
    }

    /// A token that no header can hold stays for WebSocket (§8.3).
    fn bear(&mut self, headers: &mut Headers, token: Option<&str>) {
        let Some(token) = token else { return };
        let fits = token.trim_matches([' ', '\t']).len() == token.len();
        let value = HeaderValue::new(token.as_bytes()).ok().filter(|_| fits);
        if value.is_none_or(|value| headers.set(TURN_STATE, value.into_sensitive()).is_err()) {
            self.unsendable += 1;
        }
    }

    fn finish(
        &self,
        method: &str,
        target: String,
        mut headers: Headers,
        body: Vec<u8>,
        expect: ExpectedBody,
    ) -> Result<OutgoingRequest, Failure> {
        let url = self.endpoint.url(false, &target);
        if let Credentials::Signer(signer) = &self.credentials {
            signer.sign(SignableRequest { method, url: &url, headers: &mut headers, body: &body }).map_err(
                |error| match error {
                    SignError::Transient(text) => Failure::new(FailureKind::Connect, &text),
                    SignError::Build(text) => Failure::build(&text),
                },
            )?;
        }
        let mut post = OutgoingRequest::new(&target, headers, body, expect);
        post.method = method.into();
        Ok(post)
    }

    /// The message that asks for a response on a WebSocket (§3.2, §3.8, §9.5).
    pub(super) fn frame(
        &self,
        now: Instant,
        request: &Request,
        warm: bool,
        token: Option<&str>,
        chains: &Chains,
    ) -> Framed {
        let lane = request.lane.as_deref();
        let known =
            if self.provider.capabilities.incremental { chains.continuation(lane, &request.body) } else { None };
        let stamp = self.unix_ms(now).map(|millis| millis.to_string());
        let mut metadata: Vec<(&str, &str)> = Vec::new();
        metadata.extend(token.map(|token| (TURN_STATE, token)));
        if let Some(trace) = &request.trace {
            metadata.push(("ws_request_header_traceparent", &trace.parent));
            metadata.extend(trace.state.as_deref().map(|state| ("ws_request_header_tracestate", state)));
        }
        metadata.extend(Session::frame_metadata(&RequestContext { lite: request.lite, ..RequestContext::default() }));
        metadata.extend(stamp.as_deref().map(|stamp| ("x-codex-ws-stream-request-start-ms", stamp)));
        let frame = MessageFields {
            previous_response_id: known.map(|(id, _)| id),
            generate: warm.then_some(false),
            stream_id: lane,
            metadata: &metadata,
            input_from: known.map_or(0, |(_, items)| items),
        };
        let mut out = Vec::new();
        request.body.encode_ws(&frame, self.wire(&request.body), &mut out);
        // JSON text is what was written.
        Framed { text: String::from_utf8(out).unwrap_or_default(), incremental: known.is_some() }
    }

    /// What of items travels (§1.6, §3.6).
    fn wire(&self, create: &CreateResponse) -> ItemEncoding {
        ItemEncoding::new(self.settings.send_item_ids, create.store, self.provider.is_first_party())
    }

    /// How long the answer's head may be waited for.
    pub(super) fn patience(&self, call: Option<&RawOperation>) -> Duration {
        call.and_then(|call| call.timeout).unwrap_or(self.provider.idle_timeout)
    }

    /// Refuses what is longer than the server takes.
    pub(super) fn cap(&self, bytes: usize) -> Result<(), Failure> {
        match self.provider.capabilities.max_request_bytes {
            Some(cap) if bytes > cap => Err(Failure::too_large(bytes, cap)),
            Some(_) | None => Ok(()),
        }
    }
}

fn unsendable(name: &str) -> Failure {
    Failure::build(&alloc::format!("the header `{name}` cannot be sent"))
}
