//! What a server parses and writes: client messages, events, errors, heads, and the tools of requests.

use serde_json::{Value, json};
use turnwire::responses::request::ItemEncoding;
use turnwire::responses::tool::{self, Format, Function, WebSearch};
use turnwire::responses::{
    ClientEvent, CompletedResponse, CreateMessage, CreateResponse, Envelope, ErrorObject, EventClass, Failure,
    FailureKind, HeaderSource, Item, RateLimitWindow, RateLimits, RawJson, ResponseHeaders, ResponseInfo,
    ResponseInfoTracker, ServerEvent, SteerMessage, Usage,
};

fn encoded(event: &ClientEvent) -> String {
    let mut out = Vec::new();
    event.encode(ItemEncoding::EVERYTHING, &mut out);
    String::from_utf8(out).expect("text")
}

fn lent(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn server_parses_client_messages() {
    let mut create = CreateMessage::new(CreateResponse::new("m", vec![Item::user("hi")]));
    create.previous_response_id = Some("resp_1".into());
    create.generate = Some(false);
    create.stream_id = Some("lane".into());
    let event = ClientEvent::Create(Box::new(create));
    assert_eq!(ClientEvent::parse(&encoded(&event)), Ok(event.clone()));
    assert_eq!(event.stream_id(), Some("lane"));
    let public = r#"{"type":"response.create","model":"m","input":"hi","metadata":{"a":"b"}}"#;
    let ClientEvent::Create(create) = ClientEvent::parse(public).expect("a request") else { panic!("no request") };
    assert!(create.request.stream);
    assert_eq!(create.request.input, [Item::user("hi")]);
    assert_eq!(create.request.extra.len(), 0);
    assert_eq!(create.request.metadata.and_then(|metadata| metadata.get("a").map(str::to_owned)).as_deref(), Some("b"));
}

#[test]
fn steering_input_is_text_or_items() {
    let text = r#"{"type":"response.steer","previous_response_id":"resp_1","input":"Other way"}"#;
    let steer = SteerMessage::text("resp_1", "Other way");
    assert_eq!(encoded(&ClientEvent::Steer(steer.clone())), text);
    assert_eq!(ClientEvent::parse(text), Ok(ClientEvent::Steer(steer.clone())));
    assert_eq!(steer.input(), Ok(vec![Item::user("Other way")]));
    let items = SteerMessage::items("resp_1", &[Item::user("Other way")]);
    assert_eq!(items.input(), steer.input());
    let lane = r#"{"type":"response.steer","stream_id":"a","previous_response_id":"r","input":[],"new":{"a": 1}}"#;
    let event = ClientEvent::parse(lane).expect("steering");
    assert_eq!((event.stream_id(), encoded(&event)), (Some("a"), lane.to_owned()));
    for bad in [r#"{"type":"response.steer","input":"x"}"#, r#"{"input":"x"}"#, "[]", "x"] {
        assert!(ClientEvent::parse(bad).is_err(), "{bad}");
    }
    let other = r#"{"type":"response.cancel", "x": 1}"#;
    assert_eq!(encoded(&ClientEvent::parse(other).expect("something")), other);
}

#[test]
fn server_events_are_encoded() {
    let mut completed = CompletedResponse::new("resp_1");
    completed.usage = Some(Usage::new(3, 4).cached(2));
    completed.end_turn = Some(true);
    let item = Item::user("hi");
    let events = [
        (ServerEvent::created("resp_1"), EventClass::Created),
        (ServerEvent::output_item_added(&item, Some(0)), EventClass::Output),
        (ServerEvent::output_text_delta("msg_1", "a\n\"b\""), EventClass::Output),
        (ServerEvent::output_item_done(&item, None), EventClass::Output),
        (ServerEvent::completed(&completed), EventClass::Completed),
        (ServerEvent::failed("resp_1", &ErrorObject::new("slow_down", "later")), EventClass::Failed),
        (ServerEvent::incomplete("resp_1", "max_output_tokens"), EventClass::Incomplete),
        (ServerEvent::incomplete("resp_1", "steered"), EventClass::Informational),
        (ServerEvent::turn_state("tok"), EventClass::Informational),
    ];
    for (number, (event, class)) in events.into_iter().enumerate() {
        let event = event.numbered(number as i64).on_lane("lane");
        let text = event.to_json();
        let read = ServerEvent::parse(&text).expect("an event");
        assert_eq!((&read.data, read.sequence_number), (&event.data, Some(number as i64)), "{text}");
        assert_eq!(read.stream_id.as_deref(), Some("lane"));
        assert_eq!(Envelope::scan(&text).expect("an event").class(), class, "{text}");
    }
    let read = CompletedResponse::parse(&completed.to_json());
    assert_eq!((&read.id, read.usage, read.end_turn), (&completed.id, completed.usage, completed.end_turn));
    assert!(read.raw_usage.is_some());
    let token = ServerEvent::turn_state("tok").to_json();
    assert_eq!(Envelope::scan(&token).expect("an event").turn_state().as_deref(), Some("tok"));
}

#[test]
fn error_has_equal_meaning_in_every_form() {
    let error = ErrorObject::new("invalid_prompt", "no").of_type("invalid_request_error");
    let mut body = Vec::new();
    error.encode_body(&mut body);
    let body = String::from_utf8(body).expect("text");
    let events = [
        error.to_event(None, &[]).to_json(),
        error.to_event(Some(400), &[]).to_json(),
        error.to_flat_event().to_json(),
        ServerEvent::failed("resp_1", &error).to_json(),
        body.clone(),
    ];
    for event in &events {
        let failure = Failure::from_event(&Envelope::scan(event).expect("an event"));
        assert_eq!(
            (failure.kind, failure.code.as_deref()),
            (FailureKind::InvalidRequest, Some("invalid_prompt")),
            "{event}"
        );
    }
    assert_eq!(Failure::from_http(400, &[], &body, None, None).kind, FailureKind::InvalidRequest);
}

#[test]
fn usage_limit_is_equal_over_both_transports() {
    let mut error = ErrorObject::default().of_type("usage_limit_reached");
    error.plan_type = Some("pro".into());
    error.resets_at = Some(1_738_888_888);
    let mut limits = RateLimits::new("codex");
    limits.primary = Some(RateLimitWindow::new(100.0));
    limits.reached_type = Some("workspace_member_usage_limit_reached".into());
    let headers = limits.to_headers();
    let fields = lent(&headers);
    let event = error.to_event(Some(429), &fields).to_json();
    let over_socket = Failure::from_event(&Envelope::scan(&event).expect("an event"));
    let mut body = Vec::new();
    error.encode_body(&mut body);
    let over_http = Failure::from_http(429, &fields, core::str::from_utf8(&body).expect("text"), None, None);
    assert_eq!(over_socket.kind, FailureKind::UsageLimitReached);
    assert_eq!(over_socket.details, over_http.details);
    assert_eq!(over_http.details.rate_limits, Some(limits));
    assert_eq!(over_http.details.resets_at, Some(1_738_888_888));
}

#[test]
fn prelude_round_trips() {
    let mut limits = RateLimits::new("codex");
    limits.primary = Some(RateLimitWindow::new(12.5));
    let mut prelude = ResponseHeaders::default();
    prelude.model = Some("gpt-y".into());
    prelude.rate_limits = vec![limits.clone()];
    prelude.models_etag = Some("\"e\"".into());
    prelude.reasoning_included = true;
    prelude.faster_model = Some("gpt-quick".into());
    let headers = prelude.fields();
    let fields = lent(&headers);
    let mut derivation = ResponseInfoTracker::default();
    let derived = derivation.prelude(HeaderSource::Response, &fields);
    assert_eq!(
        derived,
        [
            ResponseInfo::Model("gpt-y".into()),
            ResponseInfo::RateLimits(limits),
            ResponseInfo::ModelsEtag("\"e\"".into()),
            ResponseInfo::ReasoningIncluded
        ]
    );
    let held = r#"{"type":"x","safety_buffering":{"use_cases":[],"reasons":[]}}"#;
    let held = derivation.observe(HeaderSource::Response, &Envelope::scan(held).expect("an event"));
    let [ResponseInfo::SafetyBuffering(buffering)] = &held[..] else { panic!("{held:?}") };
    assert_eq!(buffering.faster_model.as_deref(), Some("gpt-quick"));
}

#[test]
fn tool_shapes_are_encoded() {
    let value = |raw: &RawJson<'_>| serde_json::from_str::<Value>(raw.as_str()).expect("json");
    let schema = || RawJson::new(r#"{"type":"object"}"#).expect("json");
    let mut function = Function::new("f", "d", schema()).strict(true);
    assert_eq!(
        function.to_raw().as_str(),
        r#"{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"}}"#
    );
    function.defer_loading = Some(true);
    assert_eq!(value(&function.to_raw())["defer_loading"], true);
    assert_eq!(
        value(&tool::namespace("n", "d", &[function])),
        json!({"type":"namespace","name":"n","description":"d","tools":[{"type":"function","name":"f","description":"d","strict":true,"defer_loading":true,"parameters":{"type":"object"}}]})
    );
    assert_eq!(
        value(&tool::tool_search("client", "d", &schema())),
        json!({"type":"tool_search","execution":"client","description":"d","parameters":{"type":"object"}})
    );
    assert_eq!(
        value(&tool::custom("c", "d", &Format::grammar("lark", "start: \"x\""))),
        json!({"type":"custom","name":"c","description":"d","format":{"type":"grammar","syntax":"lark","definition":"start: \"x\""}})
    );
    assert_eq!(WebSearch::default().to_raw().as_str(), r#"{"type":"web_search"}"#);
    let mut search = WebSearch::default();
    search.external_web_access = Some(true);
    search = search.allowed_domains(["example.com"]);
    search.search_content_types = Some(vec!["text".into()]);
    assert_eq!(
        value(&search.to_raw()),
        json!({"type":"web_search","external_web_access":true,"filters":{"allowed_domains":["example.com"]},"search_content_types":["text"]})
    );
}
