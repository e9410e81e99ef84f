//! Headers and metadata that identify the requests of one conversation.

use serde_json::Value;
use turnwire::responses::session::{
    CompactionMetadata, HeaderSet, RequestContext, RequestKind, Session, SessionSource, TurnMetadata, UserAgent,
    Workspace,
};
use turnwire::responses::{Malformed, RawJson};

fn session() -> Session {
    Session::new("sess", "thr", "inst")
}

fn names(session: &Session, surface: HeaderSet, context: &RequestContext<'_>) -> Vec<String> {
    session.headers(surface, context).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn each_header_set_has_exactly_its_headers() {
    let agent = UserAgent::new("app", "1.0");
    let mut session = session().with_originator("thread-app", &agent);
    session.beta_features = vec!["a".into(), "b".into()];
    session.source = SessionSource::Memories;
    session.parent_thread_id = Some("parent".into());
    session.timing_metrics = true;
    let turn = TurnMetadata::new(RequestKind::Turn, "turn-1");
    let context =
        RequestContext { turn: Some(&turn), attestation: Some("att"), lite: true, inference_call_id: Some("call") };
    let of = |surface| names(&session, surface, &context);
    let compatibility = [
        "x-codex-window-id",
        "x-codex-turn-metadata",
        "x-codex-parent-thread-id",
        "x-openai-subagent",
        "x-openai-memgen-request",
    ];
    let lite = "x-openai-internal-codex-responses-lite";
    let sse = [
        &["session-id", "thread-id", "x-client-request-id"][..],
        &compatibility,
        &["x-codex-beta-features", lite, "x-oai-attestation", "x-codex-inference-call-id", "originator"],
    ];
    assert_eq!(of(HeaderSet::Sse), sse.concat());
    let handshake = [
        &["x-client-request-id", "session-id", "thread-id"][..],
        &compatibility,
        &["x-codex-beta-features", "x-oai-attestation", "originator", "x-responsesapi-include-timing-metrics"],
    ];
    assert_eq!(of(HeaderSet::Handshake), handshake.concat());
    let compact = [
        &["x-codex-installation-id", "x-codex-beta-features", "originator"][..],
        &compatibility,
        &["session-id", "thread-id", "x-oai-attestation", lite],
    ];
    assert_eq!(of(HeaderSet::Compact), compact.concat());
    assert_eq!(of(HeaderSet::Memories), ["originator", "x-openai-subagent", "x-openai-memgen-request"]);
    assert_eq!(of(HeaderSet::Search), ["x-codex-turn-metadata", "originator"]);
    assert_eq!(of(HeaderSet::Images), ["originator"]);
    assert!(of(HeaderSet::Models).is_empty());
}

#[test]
fn unset_fields_are_omitted() {
    let context = RequestContext::default();
    assert_eq!(
        names(&session(), HeaderSet::Sse, &context),
        ["session-id", "thread-id", "x-client-request-id", "x-codex-window-id"]
    );
    let same = session().with_originator("app", &UserAgent::new("app", "1.0"));
    assert_eq!(same.originator, None);
    let keys: Vec<String> = session().metadata(None).iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys, ["x-codex-installation-id", "session_id", "thread_id", "x-codex-window-id"]);
}

#[test]
fn sub_agent_thread_has_own_header_and_metadata() {
    let words = |source: SessionSource| (source.header().map(String::from), source.kind().map(String::from));
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(words(SessionSource::User), (None, None));
    assert_eq!(words(SessionSource::Review), (word("review"), word("review")));
    assert_eq!(words(SessionSource::Compact), (word("compact"), word("compact")));
    assert_eq!(words(SessionSource::MemoryConsolidation), (word("memory_consolidation"), word("memory_consolidation")));
    assert_eq!(words(SessionSource::ThreadSpawn), (word("collab_spawn"), word("thread_spawn")));
    assert_eq!(words(SessionSource::Other("probe".into())), (word("probe"), word("probe")));
    assert_eq!(words(SessionSource::Memories), (word("memory_consolidation"), None));
}

#[test]
fn turn_metadata_is_ascii_in_order_and_without_reserved_keys() {
    let mut session = session();
    session.parent_thread_id = Some("parent".into());
    session.source = SessionSource::ThreadSpawn;
    let mut turn = TurnMetadata::new(RequestKind::Compaction, "turn-1");
    turn.forked_from_thread_id = Some("fork".into());
    turn.thread_source = Some("user".into());
    turn.sandbox = Some("none".into());
    let mut workspace = Workspace::default();
    workspace.associated_remote_urls = vec![("origin".into(), "https://example.com/é".into())];
    workspace.latest_git_commit_hash = Some("abc".into());
    workspace.has_changes = Some(false);
    turn.workspaces = vec![("/home/ü/🙂".into(), workspace)];
    turn.turn_started_at_unix_ms = Some(7);
    turn.compaction = Some(CompactionMetadata::manual());
    let forged = ["turn_id", "x-codex-turn-metadata", "x-openai-subagent", "root_turn_id", "sandbox_mode"];
    turn = turn.with("team", "del\u{7f}").expect("JSON");
    turn.extra.extend(forged.map(|name| (name.to_owned(), RawJson::string("forged"))));
    let blob = session.turn_metadata(&turn).expect("a kind");
    let expected = concat!(
        r#"{"installation_id":"inst","session_id":"sess","thread_id":"thr","turn_id":"turn-1","window_id":"thr:0","#,
        r#""request_kind":"compaction","forked_from_thread_id":"fork","parent_thread_id":"parent","#,
        r#""subagent_kind":"thread_spawn","thread_source":"user","sandbox":"none","#,
        r#""workspaces":{"/home/\u00fc/\ud83d\ude42":{"associated_remote_urls":{"origin":"https://example.com/\u00e9"},"#,
        r#""latest_git_commit_hash":"abc","has_changes":false}},"turn_started_at_unix_ms":7,"#,
        r#""compaction":{"trigger":"manual","reason":"user_requested","implementation":"responses_compact","#,
        r#""phase":"standalone_turn","strategy":"memento"},"team":"del\u007f"}"#,
    );
    assert_eq!(blob, expected);
    let value: Value = serde_json::from_str(&blob).expect("json");
    assert!(value["workspaces"].get("/home/ü/🙂").is_some());
    let metadata = session.metadata(Some(&turn));
    assert_eq!(metadata.get("x-codex-turn-metadata"), Some(blob.as_str()));
    assert_eq!(metadata.get("turn_id"), Some("turn-1"));
    assert_eq!(metadata.get("x-openai-subagent"), Some("collab_spawn"));
    assert_eq!(metadata.get("team"), None);
}

#[test]
fn members_of_november_are_part_of_turn_metadata() {
    let mut turn = TurnMetadata::new(RequestKind::Turn, "turn-1");
    turn.root_turn_id = Some("turn-0".into());
    turn.turn_trigger = Some("user".into());
    turn.agent_name = Some("/root".into());
    turn.window_number = Some(2);
    turn.context_window_id = Some("window".into());
    turn.history_initialization = Some("cold_resume".into());
    turn.sandbox_mode = Some("read-only".into());
    let pretty = RawJson::new("{\n\t\"a\": \"é\"\r}").expect("JSON").into_owned();
    turn = turn.with("analytics_enabled", false).and_then(|turn| turn.with("next", pretty)).expect("JSON");
    let blob = session().turn_metadata(&turn).expect("a kind");
    let expected = concat!(
        r#"{"installation_id":"inst","session_id":"sess","thread_id":"thr","agent_name":"/root","turn_id":"turn-1","#,
        r#""window_id":"thr:0","window_number":2,"context_window_id":"window","request_kind":"turn","#,
        r#""history_initialization":"cold_resume","root_turn_id":"turn-0","turn_trigger":"user","#,
        r#""sandbox_mode":"read-only","analytics_enabled":false,"next":{  "a": "\u00e9" }}"#,
    );
    assert_eq!(blob, expected);
    assert_eq!(session().metadata(Some(&turn)).get("root_turn_id"), Some("turn-0"));
    for name in ["window_number", "root_turn_id", "x-codex-window-id"] {
        assert_eq!(turn.clone().with(name, 1), Err(Malformed::Duplicate { member: name.into() }));
    }
}

#[test]
fn request_kind_decides_turn_metadata() {
    let mut turn = TurnMetadata::new(RequestKind::Memory, "turn-1");
    turn.compaction = Some(CompactionMetadata::manual());
    assert_eq!(session().turn_metadata(&turn).as_deref(), Some(r#"{"request_kind":"memory"}"#));
    turn.kind = None;
    assert_eq!(session().turn_metadata(&turn), None);
    assert!(session().metadata(Some(&turn)).get("x-codex-turn-metadata").is_none());
}

#[test]
fn lite_is_sent_in_messages_not_in_handshakes() {
    let context = RequestContext { lite: true, ..RequestContext::default() };
    assert_eq!(
        Session::frame_metadata(&context),
        [("ws_request_header_x_openai_internal_codex_responses_lite", "true")]
    );
    assert!(Session::frame_metadata(&RequestContext::default()).is_empty());
    assert!(!names(&session(), HeaderSet::Handshake, &context).iter().any(|name| name.contains("lite")));
}

#[test]
fn user_agent_is_printable() {
    let mut agent = UserAgent::new("app", "1.0");
    agent.system = "Débian 12".into();
    agent.architecture = "x86_64".into();
    agent.terminal = "xterm".into();
    agent.suffix = Some("plug\nin".into());
    agent.residency = Some("us".into());
    assert_eq!(agent.user_agent(), "app/1.0 (D_bian 12; x86_64) xterm (plug_in)");
    let names: Vec<String> = agent.defaults().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["originator", "user-agent", "x-openai-internal-codex-residency"]);
}
