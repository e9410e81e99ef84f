//! The committed snapshot of the event table, and information about an event besides its members.

use std::fs;
use std::path::Path;

use core::time::Duration;

use turnwire::responses::{
    EVENT_TYPES, Envelope, EventClass, EventData, EventParser, HeaderSource, Malformed, ResponseInfo,
    ResponseInfoTracker, ServerEvent, TimingMetrics,
};

/// Formats the table, one event type per line: its class, and its members with their parsers.
fn table() -> String {
    EVENT_TYPES
        .iter()
        .map(|(kind, class, members)| {
            let members: Vec<String> = members
                .iter()
                .map(|(name, how)| match how.strip_suffix("_opt") {
                    Some(how) => format!("{name}: {how}?"),
                    None => format!("{name}: {how}"),
                })
                .collect();
            format!("{kind} [{class:?}] {{ {} }}\n", members.join(", "))
        })
        .collect()
}

/// With `UPDATE_SNAPSHOTS` set, writes the file instead of comparing.
#[test]
fn event_table_matches_snapshot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/events.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, table()).expect("a file");
    }
    let committed = fs::read_to_string(path).expect("the snapshot");
    for (ours, theirs) in table().lines().zip(committed.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(table().lines().count(), committed.lines().count());
}

#[test]
fn event_types_are_unique() {
    let mut kinds: Vec<&str> = EVENT_TYPES.iter().map(|(kind, ..)| *kind).collect();
    kinds.sort_unstable();
    let count = kinds.len();
    kinds.dedup();
    assert_eq!(kinds.len(), count);
    assert!(count >= 60, "{count} kinds");
}

#[test]
fn member_of_wrong_type_fails_event_only_if_required() {
    let odd = r#"{"type":"response.output_text.delta","delta":"x","item_id":5,"output_index":-1.5,"sequence_number":"7","obfuscation":[]}"#;
    let event = ServerEvent::parse(odd).expect("an event");
    let EventData::OutputTextDelta { delta, item_id, output_index, .. } = &event.data else { panic!("{event:?}") };
    assert_eq!((&**delta, item_id, output_index, event.sequence_number), ("x", &None, &None, Some(7)));
    assert_eq!(event.raw(), Some(odd));
    let needed = r#"{"type":"response.output_text.delta","delta":5}"#;
    assert!(matches!(ServerEvent::parse(needed), Err(Malformed::WrongType { member: "delta", .. })));
    let huge = r#"{"type":"response.output_text.delta","delta":"x","output_index":99999999999999999999}"#;
    assert!(ServerEvent::parse(huge).is_ok());
}

#[test]
fn integers_of_every_length_and_form_are_read() {
    let mut parser = EventParser::new();
    for (number, expected) in [
        ("0", Some(0)),
        ("9", Some(9)),
        ("65534", Some(65_534)),
        ("65535", Some(65_535)),
        ("65536", Some(65_536)),
        ("99999", Some(99_999)),
        ("100000", Some(100_000)),
        ("4294967295", Some(4_294_967_295)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-1", Some(-1)),
        ("-0", Some(0)),
        ("1.0", Some(1)),
        ("1e2", Some(100)),
        ("\"65535\"", Some(65_535)),
        (" 12 ", Some(12)),
        ("1.5", None),
        ("null", None),
        ("NaN", None),
        ("[1]", None),
    ] {
        // The second delta has the shape of the first, and a longer text before the integers.
        for delta in ["x", "x y z"] {
            let payload = format!(
                r#"{{"type":"response.output_text.delta","delta":"{delta}","output_index":{number},"sequence_number":{number}}}"#
            );
            for event in [ServerEvent::parse(&payload), parser.parse(&payload)] {
                let event = event.expect("an event");
                let EventData::OutputTextDelta { output_index, .. } = event.data else { panic!("{event:?}") };
                assert_eq!((output_index, event.sequence_number), (expected, expected), "{number}");
            }
        }
    }
    for invalid in ["00", "01", "-", "+1", "1.", "1 2", ""] {
        let payload = format!(r#"{{"type":"response.output_text.delta","delta":"x","sequence_number":{invalid}}}"#);
        assert!(ServerEvent::parse(&payload).is_err(), "{invalid}");
        assert!(parser.parse(&payload.replace("sequence", "x")).is_err(), "{invalid}");
        let valid = payload.replace(&format!(":{invalid}}}"), ":5}");
        assert!(parser.parse(&valid).is_ok() && parser.parse(&payload).is_err(), "{invalid}");
    }
}

#[test]
fn last_duplicate_member_counts_and_depth_is_limited() {
    let twice = r#"{"type":"a","delta":"x","d\u0065lta":"y"}"#;
    assert_eq!(Envelope::scan(twice).expect("an event").kind(), "a");
    assert_eq!(Envelope::scan(r#"{"type":"a","type":"b"}"#).expect("an event").kind(), "b");
    let delta = r#"{"type":"response.output_text.delta","delta":"x","d\u0065lta":"y"}"#;
    assert!(
        matches!(ServerEvent::parse(delta).expect("an event").data, EventData::OutputTextDelta { delta, .. } if delta == "y")
    );
    assert!(Envelope::scan(r#"{"type":"a","zz":1,"zz":2}"#).is_ok(), "the member is not read");
    let deep = |levels: usize| format!(r#"{{"type":"a","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(Envelope::scan(&deep(128)).is_ok());
    assert!(matches!(Envelope::scan(&deep(129)), Err(Malformed::TooDeep)));
    assert!(matches!(Envelope::scan(&deep(10_000)), Err(Malformed::TooDeep)));
}

#[test]
fn class_of_an_event_depends_on_its_members() {
    let completed = |status: &str| format!(r#"{{"type":"response.completed","response":{{"status":"{status}"}}}}"#);
    let steered = r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"steered"}}}"#;
    for (payload, class) in [
        (completed("completed"), EventClass::Completed),
        (completed("failed"), EventClass::Failed),
        (completed("incomplete"), EventClass::Incomplete),
        (completed("cancelled"), EventClass::Cancelled),
        (steered.into(), EventClass::Informational),
        (r#"{"type":"error","message":"it failed"}"#.into(), EventClass::Error),
        (r#"{"type":"error"}"#.into(), EventClass::Informational),
        (r#"{"type":"response.output_text.delta","delta":"a"}"#.into(), EventClass::Output),
        (r#"{"type":"response.unknown"}"#.into(), EventClass::Informational),
    ] {
        let event = ServerEvent::parse(&payload).expect("an event");
        assert_eq!(event.class(), class, "{payload}");
        // An event that was not parsed is written for it.
        assert_eq!(ServerEvent::new(event.data).class(), class, "{payload}");
    }
}

#[test]
fn text_without_escapes_is_borrowed() {
    use std::borrow::Cow;

    let delta = |text: &'static str| match ServerEvent::parse(text).expect("an event").data {
        EventData::OutputTextDelta { delta, .. } => delta,
        other => panic!("{other:?}"),
    };
    assert!(matches!(delta(r#"{"type":"response.output_text.delta","delta":"plain €"}"#), Cow::Borrowed("plain €")));
    assert!(
        matches!(delta(r#"{"type":"response.output_text.delta","delta":"\u20ac"}"#), Cow::Owned(text) if text == "€")
    );
    let surrogate = r#"{"type":"response.output_text.delta","delta":"\ud800"}"#;
    assert_eq!(delta(surrogate), "\u{FFFD}");
}

fn observe(derivation: &mut ResponseInfoTracker, payload: &str) -> Vec<ResponseInfo<'static>> {
    let envelope = Envelope::scan(payload).expect("an event");
    derivation.observe(HeaderSource::Handshake, &envelope).into_iter().map(ResponseInfo::into_owned).collect()
}

#[test]
fn derived_information_has_order_of_protocol() {
    let payload = r#"{"type":"response.metadata","headers":{"openai-model":"m"},"safety_buffering":{"use_cases":["cyber"],"reasons":[]},"metadata":{"openai_chatgpt_moderation_metadata":1,"openai_verification_recommendation":["trusted_access_for_cyber",5,"other","trusted_access_for_cyber"]}}"#;
    let derived = observe(&mut ResponseInfoTracker::default(), payload);
    assert!(matches!(&derived[0], ResponseInfo::Model(model) if model == "m"), "{derived:?}");
    assert!(matches!(&derived[1], ResponseInfo::Verifications(words) if words == &["trusted_access_for_cyber"]));
    assert!(matches!(&derived[2], ResponseInfo::Moderation(raw) if raw.as_str() == "1"));
    assert!(matches!(&derived[3], ResponseInfo::SafetyBuffering(_)));
    assert_eq!(derived.len(), 4);
}

#[test]
fn model_is_reported_once_across_head_and_body() {
    let mut derivation = ResponseInfoTracker::default();
    derivation.prelude(HeaderSource::Handshake, &[("openai-model", "m")]);
    let says = |model: &str| format!(r#"{{"type":"x","headers":{{"openai-model":"{model}"}}}}"#);
    assert!(observe(&mut derivation, &says("m")).is_empty());
    assert_eq!(observe(&mut derivation, &says("n")), [ResponseInfo::Model("n".into())]);
    assert!(observe(&mut derivation, &says("n")).is_empty());
    assert_eq!(observe(&mut derivation, &says("m")), [ResponseInfo::Model("m".into())]);
}

#[test]
fn treatments_replace_each_other_as_a_whole() {
    let mut derivation = ResponseInfoTracker::default();
    let mut faster = |payload: &str| {
        let derived = observe(&mut derivation, payload);
        let [ResponseInfo::SafetyBuffering(buffering)] = &derived[..] else { panic!("{derived:?}") };
        buffering.faster_model.clone()
    };
    let held = |headers: &str, retry: &str| {
        format!(r#"{{"type":"x","headers":{{{headers}}},"safety_buffering":{{"use_cases":[],"reasons":[]{retry}}}}}"#)
    };
    let model = r#""x-codex-safety-buffering-faster-model":"quick""#;
    assert_eq!(faster(&held(model, "")).as_deref(), Some("quick"));
    assert_eq!(faster(&held("", "")).as_deref(), Some("quick"));
    assert_eq!(faster(&held("", r#","retry_model":null"#)), None);
    assert_eq!(faster(&held("", r#","retry_model":"other""#)).as_deref(), Some("other"));
    assert_eq!(faster(&held(r#""x-codex-safety-buffering-faster-model":["a"]"#, "")).as_deref(), Some("quick"));
    assert_eq!(faster(&held(r#""x-codex-safety-buffering-enabled":true"#, "")), None);
    for mismatch in [r#"{"use_cases":[]}"#, r#"[[],[]]"#, "5", r#"{"use_cases":[1],"reasons":[]}"#] {
        let payload = format!(r#"{{"type":"x","safety_buffering":{mismatch}}}"#);
        assert!(observe(&mut derivation, &payload).is_empty(), "{mismatch}");
    }
}

#[test]
fn turn_token_is_first_valid_value() {
    let token = |headers: &str| {
        let payload = format!(r#"{{"type":"response.metadata","headers":{headers}}}"#);
        Envelope::scan(&payload).expect("an event").turn_state().map(std::borrow::Cow::into_owned)
    };
    assert_eq!(token(r#"{"X-Codex-Turn-State":"t"}"#).as_deref(), Some("t"));
    assert_eq!(token(r#"{"x-codex-turn-state":[["t"],"u"]}"#).as_deref(), Some("t"));
    assert_eq!(token(r#"{"x-codex-turn-state":5,"X-CODEX-TURN-STATE":"t"}"#).as_deref(), Some("t"));
    assert_eq!(token(r#"{"x-codex-turn-state":""}"#).as_deref(), Some(""));
    assert_eq!((token("{}"), token("5"), token(r#"{"x-codex-turn-state":[]}"#)), (None, None, None));
}

#[test]
fn event_types_have_expected_classes() {
    let class = |kind: &str| EVENT_TYPES.iter().find(|(known, ..)| *known == kind).map(|(_, class, _)| *class);
    assert_eq!(class("response.queued"), Some(EventClass::Created));
    assert_eq!(class("response.output_item.added"), Some(EventClass::Output));
    assert_eq!(class("response.steer.accepted"), Some(EventClass::Informational));
    assert_eq!(class("codex.rate_limits"), Some(EventClass::Informational));
    let ends: Vec<&str> =
        EVENT_TYPES.iter().filter(|(_, class, _)| class.is_terminal()).map(|(kind, ..)| *kind).collect();
    let expected = [
        "response.completed",
        "response.failed",
        "response.incomplete",
        "response.done",
        "response.cancelled",
        "error",
    ];
    assert_eq!(ends, expected);
}

#[test]
fn invalid_times_are_unset() {
    let metrics = r#"{"responses_duration_excl_engine_and_client_tool_time_ms":120,"engine_service_total_ms":450.5,"engine_iapi_ttft_total_ms":-1,"engine_service_ttft_total_ms":"340","engine_iapi_tbt_across_engine_calls_ms":1e400,"new":1}"#;
    let payload = format!(r#"{{"type":"responsesapi.websocket_timing","timing_metrics":{metrics}}}"#);
    let timing = TimingMetrics::from_event(&Envelope::scan(&payload).expect("an event")).expect("metrics");
    let mut expected = TimingMetrics::default();
    expected.overhead = Some(Duration::from_millis(120));
    expected.engine = Some(Duration::from_micros(450_500));
    assert_eq!(timing, expected);
    let other = payload.replace("websocket_timing", "other");
    assert_eq!(TimingMetrics::from_event(&Envelope::scan(&other).expect("an event")), None);
}

#[test]
fn long_string_is_borrowed() {
    let text = "x".repeat(4 * 1024 * 1024);
    let payload = format!(r#"{{"type":"response.output_text.delta","delta":"{text}"}}"#);
    let event = ServerEvent::parse(&payload).expect("an event");
    assert!(
        matches!(event.data, EventData::OutputTextDelta { delta: std::borrow::Cow::Borrowed(delta), .. } if delta == text)
    );
}
