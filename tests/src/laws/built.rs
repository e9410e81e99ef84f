//! The law of what an application builds from texts: it is read back as the same, and no text leaves its place.

use core::net::SocketAddr;
use std::time::Duration;

use turnwire::client::{
    Client, Credentials, HappyEyeballs, Provider, Request, Secret, Settings, TokenCommand, TraceContext,
};
use turnwire::responses::request::{
    ContextManagement, Conversation, Input, ItemEncoding, Prompt, PromptCacheOptions, ReasoningOptions, StreamOptions,
    TextOptions,
};
use turnwire::responses::session::{
    CompactionMetadata, HeaderSet, RequestContext, RequestKind, Session, SessionSource, TurnMetadata, UserAgent,
    Workspace,
};
use turnwire::responses::tool::{self, Custom, Format, Function, Tool, ToolChoice};
use turnwire::responses::{
    AdditionalTools, AgentMessage, Compaction, ContentPart, ContextCompaction, CreateResponse, CustomToolCall, Failure,
    FailureKind, FileSearchCall, FileSearchResult, FunctionCall, FunctionCallOutput, ImageGenerationCall, Item,
    LocalShellCall, Message, Quota, RawJson, Reasoning, ResponseHeaders, ToolOutput, ToolSearchCall, ToolSearchOutput,
    WebSearchCall, parse_items, retry_after, try_again_in,
};
use turnwire::time::Instant;

use crate::fixtures::done;
use crate::pair::{Act, Kind, Pair, Script, provider};

/// Texts, repeated without end.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a>(&'a [&'a str]);

impl<'a> Texts<'a> {
    fn at(self, at: usize) -> &'a str {
        self.0.get(at % self.0.len().max(1)).copied().unwrap_or_default()
    }
}

/// A request with every member that an application can set.
fn request(texts: Texts<'_>) -> CreateResponse {
    let text = |at| texts.at(at);
    let function = Function::new(text(0), text(1), RawJson::string(text(2))).to_raw();
    let reasoning = ReasoningOptions::effort(text(3)).with_summary(text(4)).with_context(text(5)).with_mode(text(6));
    let schema = RawJson::string(text(7));
    CreateResponse::new(text(0), text(1))
        .instructions(text(2))
        .tools([function])
        .tool_choice(ToolChoice::function(text(3)).to_raw())
        .parallel_tool_calls(true)
        .reasoning(reasoning)
        .store(true)
        .stream_options(StreamOptions::new().include_obfuscation(false).reasoning_summary_delivery(text(4)))
        .include([text(5), text(6)])
        .service_tier(text(7))
        .prompt_cache_key(text(0))
        .text(TextOptions::json_schema(text(1), &schema).with_strict(true).with_verbosity(text(2)))
        .client_metadata([(text(3), text(4)), (text(5), text(6))])
        .continuing(text(7))
        .max_output_tokens(17)
        .temperature(0.5)
        .user(text(0))
        .safety_identifier(text(1))
        .conversation(Conversation::from(text(2)))
        .prompt(Prompt::new(text(3)).version(text(4)).variables(RawJson::string(text(5))))
        .prompt_cache_options(PromptCacheOptions::new().mode(text(6)).ttl(text(7)))
        .context_management([ContextManagement::new(text(0)).compact_threshold(9)])
}

/// Items of each kind that an application makes.
fn items(texts: Texts<'_>) -> Vec<Item> {
    let text = |at| texts.at(at);
    let parts = vec![
        ContentPart::input_text(text(0)),
        ContentPart::output_text(text(1)),
        ContentPart::input_image(text(2)),
        ContentPart::input_image_file(text(3)),
        ContentPart::input_file(text(4)),
        ContentPart::input_file_url(text(5)),
        ContentPart::input_file_data(text(6), text(7)),
        ContentPart::input_audio(text(0), text(1)),
        ContentPart::refusal(text(2)),
        ContentPart::reasoning_text(text(3)),
    ];
    let tools =
        vec![tool::namespace(text(4), text(5), &[]), tool::tool_search(text(6), text(7), &RawJson::string("x"))];
    vec![
        Item::user(text(0)),
        Item::function_call_output(text(1), text(2)),
        Item::custom_tool_call_output(text(3), text(4)),
        Item::from(Message::new(text(5), parts.clone()).with_id(text(6))),
        Item::from(AgentMessage::new(text(7), text(0), vec![ContentPart::input_text(text(1))])),
        Item::from(Reasoning::new(vec![ContentPart::summary_text(text(2))]).with_id("rs_1")),
        Item::from(LocalShellCall::new(text(3), text(4), vec![text(5).into()])),
        Item::from(FunctionCall::new(text(6), text(7), text(0)).with_id("fc_1")),
        Item::from(FunctionCallOutput::new(text(1), ToolOutput::Parts(parts))),
        Item::from(CustomToolCall::new(text(2), text(3), text(4))),
        Item::from(ToolSearchCall::new(text(5), RawJson::string(text(6)))),
        Item::from(ToolSearchOutput::new(text(7), text(0), tools.clone())),
        Item::from(WebSearchCall::new(text(1))),
        Item::from(ImageGenerationCall::new(text(2), Some(text(3).into()))),
        Item::from(Compaction::new(text(4))),
        Item::from(ContextCompaction::new(Some(text(5).into()))),
        Item::from(AdditionalTools::new(tools)),
        Item::from(FileSearchCall::new([text(6)]).results([FileSearchResult::new().filename(text(7))]).with_id("fs_1")),
        Item::CompactionTrigger,
    ]
}

/// Law 2: what is built from any text is written as JSON, and read and written again as the same.
fn round_trip(texts: Texts<'_>) -> Result<(), String> {
    let differs = |what: &str, written: &str| Err(format!("{what} is read as another one: {written:.300}"));
    let built = request(texts);
    let written = built.to_raw();
    let again = CreateResponse::parse(written.as_str()).map_err(|why| format!("a request is unreadable: {why}"))?;
    if again.to_raw() != written || again.instructions != texts.at(2) || again.user.as_deref() != Some(texts.at(0)) {
        return differs("a request", written.as_str());
    }
    let with = built.clone().with(texts.at(0), texts.at(1)).map(|request| request.to_raw());
    if let Ok(with) = with
        && CreateResponse::parse(with.as_str()).is_err()
    {
        return differs("a request with a further member", with.as_str());
    }
    for item in items(texts) {
        let written = item.to_json();
        let again = Item::parse(&written).map_err(|why| format!("an item is unreadable: {why}: {written:.200}"))?;
        if again.kind() != item.kind() || again.to_json() != written {
            return differs("an item", &written);
        }
    }
    let all: Vec<String> = items(texts).iter().map(Item::to_json).collect();
    let all = format!("[{}]", all.join(","));
    if parse_items(&all).map(|items| items.len()).ok() != Some(items(texts).len()) {
        return differs("a list of items", &all);
    }
    let inputs =
        [Input::from(texts.at(0)), Input::from(Item::user(texts.at(0))), Input::from(vec![Item::user(texts.at(0))])];
    if inputs.iter().any(|input| *input != inputs[0]) {
        return differs("an input", texts.at(0));
    }
    let custom = [
        Custom::new(texts.at(0)).format(Format::grammar(texts.at(1), texts.at(2))).to_raw(),
        tool::custom(texts.at(3), texts.at(4), &Format::text()),
    ];
    for raw in custom {
        if Tool::parse(raw.as_str()).map(|tool| tool.to_raw()) != Ok(raw.clone()) {
            return differs("a tool", raw.as_str());
        }
    }
    for choice in [
        ToolChoice::auto(),
        ToolChoice::none(),
        ToolChoice::required(),
        ToolChoice::custom(texts.at(0)),
        ToolChoice::mcp(texts.at(1), Some(texts.at(2))),
        ToolChoice::allowed(texts.at(3), [RawJson::string(texts.at(4))]),
    ] {
        if ToolChoice::parse(choice.to_raw().as_str()).map(|again| again.to_raw()) != Ok(choice.to_raw()) {
            return differs("a choice of a tool", choice.to_raw().as_str());
        }
    }
    Ok(())
}

/// A session and the metadata of a turn with these texts.
fn session(texts: Texts<'_>, choice: u8) -> (Session, TurnMetadata) {
    let text = |at| texts.at(at);
    let mut session =
        Session::new(text(0), text(1), text(2)).with_originator(text(3), &UserAgent::new(text(4), text(5)));
    session.beta_features = vec![text(6).into()];
    session.source = [
        SessionSource::User,
        SessionSource::Review,
        SessionSource::Compact,
        SessionSource::MemoryConsolidation,
        SessionSource::ThreadSpawn,
        SessionSource::Other(text(7).into()),
        SessionSource::Memories,
    ][usize::from(choice % 7)]
    .clone();
    session.parent_thread_id = (choice & 8 != 0).then(|| text(0).into());
    session.timing_metrics = choice & 16 != 0;
    session.next_window();
    let kinds = [RequestKind::Turn, RequestKind::Prewarm, RequestKind::Compaction, RequestKind::Memory];
    let mut turn = TurnMetadata::new(kinds[usize::from(choice >> 5 & 3)], text(1));
    let mut workspace = Workspace::default();
    workspace.associated_remote_urls = vec![(text(2).into(), text(3).into())];
    workspace.latest_git_commit_hash = Some(text(4).into());
    workspace.has_changes = Some(true);
    turn.workspaces = vec![(text(5).into(), workspace)];
    turn.forked_from_thread_id = Some(text(6).into());
    turn.thread_source = Some(text(7).into());
    turn.sandbox = Some(text(0).into());
    turn.turn_started_at_unix_ms = Some(i64::from(choice));
    turn.compaction = Some(CompactionMetadata::new(text(1), text(2), text(3), text(4)));
    turn.root_turn_id = Some(text(1).into());
    turn.extra = vec![(text(5).into(), RawJson::string(text(6))), ("session_id".into(), RawJson::string(text(7)))];
    (session, turn)
}

/// The metadata of a turn is JSON, whatever its texts are, and the members of the session are not replaced.
fn metadata(session: &Session, turn: &TurnMetadata) -> Result<(), String> {
    let Some(written) = session.turn_metadata(turn) else { return Ok(()) };
    let value: serde_json::Value =
        serde_json::from_str(&written).map_err(|why| format!("the metadata of a turn is not JSON: {why}"))?;
    if value["session_id"].as_str().is_some_and(|id| id != session.session_id) {
        return Err(format!("the metadata of a turn names another session: {written:.300}"));
    }
    let surfaces = [
        HeaderSet::Sse,
        HeaderSet::Handshake,
        HeaderSet::Compact,
        HeaderSet::Memories,
        HeaderSet::Models,
        HeaderSet::Search,
        HeaderSet::Images,
    ];
    let context = RequestContext { turn: Some(turn), attestation: Some("a"), lite: true, inference_call_id: Some("i") };
    for surface in surfaces {
        let headers = session.headers(surface, &context);
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("a header is sent twice: {names:?}"));
        }
    }
    let _ = (session.metadata(Some(turn)), Session::frame_metadata(&context), session.window_id());
    Ok(())
}

/// No injection: a client either refuses a text, or sends one request, whose headers have no other lines and whose body is JSON.
fn sent(texts: Texts<'_>, choice: u8) -> Result<(), String> {
    let text = |at| texts.at(at);
    let (session, turn) = session(texts, choice);
    metadata(&session, &turn)?;
    let mut provider = provider();
    provider.capabilities.websocket = choice & 128 != 0;
    if choice & 64 != 0 {
        provider.headers = vec![(text(0).into(), text(1).into())];
        provider.query = vec![(text(2).into(), text(3).into())];
    }
    let mut settings = Settings::default();
    settings.default_headers = UserAgent::new(text(4), text(5)).defaults();
    settings.headers = vec![("x-note".into(), text(6).into())];
    settings.session = Some(session);
    let credentials = match choice % 4 {
        0 => Credentials::bearer(text(7)).with_account(text(0)).with_fedramp(),
        1 => Credentials::Headers(vec![("api-key".into(), Secret::new(text(1)))]),
        2 => TokenCommand::credentials(text(2).as_bytes()).unwrap_or_default(),
        _ => Credentials::None,
    };
    if Client::new(provider.clone(), credentials.clone(), settings.clone(), [7; 32]).is_err() {
        return Ok(());
    }
    let mut pair = Pair::with(provider, credentials, settings, Script::new());
    let mut request = Request::from(request(texts)).with_deadline(Duration::from_secs(2));
    request.body.previous_response_id = None;
    request.headers = vec![("x-other".into(), text(3).into())];
    request.trace = Some(TraceContext { parent: text(4).into(), state: Some(text(5).into()) });
    request.turn = Some(turn);
    request.lite = choice & 32 != 0;
    let Ok(id) = pair.client.send(pair.now, request) else { return Ok(()) };
    pair.script.plan(Kind::Post, vec![Act::respond(404, "{}")]);
    pair.script.plan(Kind::Text, vec![Act::Send(done("r"))]);
    pair.run_out();
    let seen: Vec<_> = pair.seen.iter().filter(|seen| seen.kind != Kind::Upgrade).collect();
    if pair.outcome(id).is_none() || seen.len() > 1 || seen.iter().any(|seen| seen.json().is_null()) {
        return Err(format!("{} requests were sent: {seen:?}", seen.len()));
    }
    // RFC 9110 §5.5: bytes from 0x80 on, and with them U+0080 to U+009F, are no control characters.
    let is_clean = |value: &str| !value.chars().any(|letter| letter.is_ascii_control() && letter != '\t');
    match pair.seen.iter().flat_map(|seen| &seen.headers).find(|(_, value)| !is_clean(value)) {
        Some((name, value)) => Err(format!("the header {name} has control characters: {value:?}")),
        None => Ok(()),
    }
}

/// A configuration file and headers of a response are read or refused.
fn configured(text: &str) -> Result<(), String> {
    if let Ok(provider) = serde_json::from_str::<Provider>(text) {
        let checked = provider.check();
        let made = Client::new(provider, Credentials::None, Settings::default(), [7; 32]);
        if checked.is_ok() != made.is_ok() {
            return Err(format!("a provider that is checked as {checked:?} makes {made:?}"));
        }
    }
    let _ = serde_json::from_str::<TokenCommand>(text);
    failures(text)?;
    let mut url = Provider::new("test", text);
    url.allow_plain = true;
    let _ = (url.check(), url.is_azure(), Provider::azure(text).check());
    let _ = (try_again_in(text), retry_after(&[("retry-after", text), ("retry-after-ms", text)], Some(1_700_000_000)));
    let quota = Quota::from_headers(
        &[
            ("x-ratelimit-limit-tokens", text),
            ("x-ratelimit-remaining-tokens", text),
            ("x-ratelimit-reset-tokens", text),
        ],
        "tokens",
    );
    if let Some(quota) = quota {
        let headers = quota.to_headers("tokens");
        let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if Quota::from_headers(&pairs, "tokens").as_ref() != Some(&quota) {
            return Err(format!("a quota is read as another one: {quota:?}"));
        }
    }
    let mut headers = ResponseHeaders::default();
    (headers.model, headers.request_id) = (Some(text.into()), Some(text.into()));
    (headers.turn_state, headers.faster_model) = (Some(text.into()), Some(text.into()));
    if headers.fields().len() < 5 {
        return Err("the headers of a response are incomplete".into());
    }
    Ok(())
}

/// A failure is one line, whatever the server said.
fn failures(text: &str) -> Result<(), String> {
    let kinds = [
        FailureKind::Connect,
        FailureKind::Tls,
        FailureKind::Timeout,
        FailureKind::DeadlineExceeded,
        FailureKind::Stream,
        FailureKind::Build,
        FailureKind::TooLarge,
        FailureKind::ContextWindowExceeded,
        FailureKind::QuotaExceeded,
        FailureKind::UsageNotIncluded,
        FailureKind::UsageLimitReached,
        FailureKind::RateLimited,
        FailureKind::CyberPolicy,
        FailureKind::InvalidRequest,
        FailureKind::InvalidImage,
        FailureKind::Overloaded,
        FailureKind::Incomplete,
        FailureKind::Cancelled,
        FailureKind::Unauthorized,
        FailureKind::InternalServerError,
        FailureKind::Retryable,
        FailureKind::ConnectionLimit,
        FailureKind::PreviousResponseNotFound,
        FailureKind::UnexpectedStatus,
    ];
    let of_kinds = kinds.into_iter().map(|kind| Failure::new(kind, text));
    let of_close = [1000, 1001, 1008, 1009, 1011, 1013, 4000, 4001].map(|code| Failure::from_close(code, text));
    let others = [Failure::build(text), Failure::too_large(text.len(), 1), Failure::stream(text), Failure::timeout()];
    for failure in of_kinds.chain(of_close).chain(others) {
        if failure.to_string().chars().any(char::is_control) {
            return Err(format!("a failure has several lines: {failure}"));
        }
        let _ = failure.user_text();
    }
    Ok(())
}

/// Addresses are tried one after the other, each once.
fn addresses(input: &[u8]) -> Result<(), String> {
    let found: Vec<SocketAddr> = input
        .iter()
        .take(12)
        .enumerate()
        .map(|(at, byte)| {
            let port = u16::try_from(at).unwrap_or_default();
            if byte & 1 == 0 { SocketAddr::from(([192, 0, 2, 1], port)) } else { SocketAddr::from(([0_u16; 8], port)) }
        })
        .collect();
    let (mut addresses, mut tried, mut now) = (HappyEyeballs::new(found.iter().copied()), Vec::new(), Instant::ZERO);
    for byte in input.iter().chain([&0; 24]) {
        if let Some(address) = addresses.next_attempt(now) {
            tried.push(address);
        }
        if byte & 2 != 0 && !tried.is_empty() {
            addresses.handle_attempt_failed();
        }
        now = addresses.poll_timeout().unwrap_or(now).max(now);
    }
    tried.sort_unstable();
    let mut expected = found;
    expected.sort_unstable();
    if tried == expected { Ok(()) } else { Err(format!("{tried:?} were tried, and {expected:?} were found")) }
}

/// The laws over arbitrary input: a byte of choices, then one text a line.
///
/// # Errors
///
/// One line on what differs.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, input @ ..] = input else { return Ok(()) };
    let text = String::from_utf8_lossy(input);
    let lines: Vec<&str> = text.split('\n').collect();
    let texts = Texts(&lines);
    round_trip(texts)?;
    sent(texts, *choice)?;
    configured(&text)?;
    let mut out = Vec::new();
    request(texts).into_lite().encode_http(ItemEncoding::EVERYTHING, &mut out);
    addresses(input)
}
