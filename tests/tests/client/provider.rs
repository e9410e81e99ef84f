//! Providers as data, the resulting URLs, and credentials that `Debug` does not show.

use core::time::Duration;

use turnwire::client::{Credentials, InvalidProvider, Provider, Secret, Settings, TokenCommand};
use turnwire::responses::{CreateResponse, Item};
use turnwire_tests::fixtures::{ask, done0};
use turnwire_tests::pair::{Pair, Script, http_provider};

fn toml(text: &str) -> Result<Provider, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn preset_alone_is_a_provider() {
    assert_eq!(toml("preset = \"openai\"").expect("a provider"), Provider::openai());
    assert_eq!(toml("preset = \"codex\"").expect("a provider"), Provider::codex());
    assert_eq!(toml("preset = \"local\"\nport = 1234").expect("a provider"), Provider::local(1234));
    let azure = "https://x.openai.azure.com/openai";
    let text = format!("preset = \"azure\"\nbase_url = \"{azure}\"");
    assert_eq!(toml(&text).expect("a provider"), Provider::azure(azure));
    let custom = toml("name = \"mine\"\nbase_url = \"https://h/v1\"").expect("a provider");
    assert_eq!(custom, Provider::new("mine", "https://h/v1"));
}

#[test]
fn file_sets_every_provider_field() {
    let provider = toml(
        r#"
        name = "mine"
        base_url = "http://10.0.0.1/v1"
        connect_timeout_ms = 100
        idle_timeout_ms = 200
        allow_plain = true
        query = [["z", "1"], ["a", "2"]]
        [headers]
        x-key = "secret"
        [retry]
        retries = 1000
        base_delay_ms = 5
        on_429 = true
        on_5xx = false
        on_transport = false
        within_s = 60
        [profile]
        websocket = false
        beta = "b"
        incremental = false
        deflate = false
        zstd = true
        in_flight = 4
        named_lanes = 8
        max_age_s = 0
        send_cap = 1000
        ping_s = 0
        turn_state = false
        stores = true
        keep_after_failure = true
        "#,
    )
    .expect("a provider");
    assert_eq!(provider.query, [("z".into(), "1".into()), ("a".into(), "2".into())]);
    assert_eq!(
        (provider.connect_timeout, provider.idle_timeout),
        (Duration::from_millis(100), Duration::from_millis(200))
    );
    assert_eq!((provider.retry.max_retries, provider.retry.on_429, provider.retry.on_5xx), (100, true, false));
    assert_eq!(provider.retry.max_elapsed, Some(Duration::from_secs(60)));
    let profile = &provider.capabilities;
    assert_eq!(
        (profile.max_concurrent_requests, profile.max_lane_names, profile.max_request_bytes),
        (4, 8, Some(1000))
    );
    assert_eq!(
        (profile.max_connection_age, profile.ping_interval, profile.beta_header.as_deref()),
        (None, None, Some("b"))
    );
    assert!(profile.zstd && profile.store_responses && profile.reuse_after_failure);
    assert!(!(profile.websocket || profile.incremental || profile.deflate || profile.turn_token));
    assert_eq!(provider.check(), Ok(()));
    assert!(!format!("{provider:?}").contains("secret"));
}

#[test]
fn file_accepts_names_of_reference_client() {
    let json = r#"{"name":"n","base_url":"https://h","query_params":{"z":"1","a":"b"},"http_headers":{"x":"y"},"stream_max_retries":7,
        "stream_idle_timeout_ms":1,"websocket_connect_timeout_ms":2,"supports_websockets":false}"#;
    let provider: Provider = serde_json::from_str(json).expect("a provider");
    assert_eq!(provider.query, [("z".into(), "1".into()), ("a".into(), "b".into())], "in the order of the file");
    assert_eq!((provider.headers.len(), provider.retry.max_retries), (1, 7));
    assert_eq!((provider.idle_timeout, provider.connect_timeout), (Duration::from_millis(1), Duration::from_millis(2)));
    assert!(!provider.capabilities.websocket);
}

#[test]
fn invalid_file_is_rejected() {
    for text in [
        "name = \"n\"",
        "base_url = \"https://h\"",
        "preset = \"azure\"",
        "preset = \"other\"",
        "preset = \"openai\"\nidle_timeout = 5",
        "preset = \"openai\"\n[profile]\nlanes = 5",
        "preset = \"openai\"\n[headers]\nx = 5",
    ] {
        assert!(toml(text).is_err(), "{text}");
    }
}

#[test]
fn unusable_provider_is_rejected() {
    let check = |base: &str| Provider::new("n", base).check();
    assert_eq!(check("https://h/v1?z=1"), Ok(()));
    assert_eq!(check("http://localhost:1/v1"), Ok(()));
    assert_eq!(check("http://h/v1"), Err(InvalidProvider::Plain));
    assert_eq!(check("https://user@h/v1"), Err(InvalidProvider::Userinfo));
    assert_eq!(check("ftp://h"), Err(InvalidProvider::Scheme));
    assert!(matches!(check("h/v1"), Err(InvalidProvider::Url(_))));
    let mut provider = Provider::openai();
    provider.headers = vec![("x-a".into(), "b\nc".into())];
    assert_eq!(provider.check(), Err(InvalidProvider::Header("x-a".into())));
}

#[test]
fn query_parameters_are_escaped_only_where_necessary() {
    let target = |base: &str, query: &[(&str, &str)]| {
        let mut provider = Provider::new("test", base);
        provider.capabilities.websocket = false;
        provider.query = query.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let mut pair = Pair::new(provider, Settings::default(), Script::new().sse([vec![done0("r")]]));
        pair.ask(ask("hi"));
        pair.posts()[0].target.clone()
    };
    let base = "http://127.0.0.1/v1";
    assert_eq!(target(base, &[("api-version", "2025-04-01-preview")]), "/v1/responses?api-version=2025-04-01-preview");
    assert_eq!(target(base, &[("b", "x/y:z"), ("a", "1,2")]), "/v1/responses?b=x/y:z&a=1,2");
    assert_eq!(target(base, &[("k=", "a&b=c#d e+%é\r\n")]), "/v1/responses?k%3D=a%26b=c%23d%20e%2B%25%C3%A9%0D%0A");
    assert_eq!(target("http://127.0.0.1/v1/?z=1", &[("a", "b")]), "/v1/responses?z=1&a=b");
    assert_eq!(target("http://127.0.0.1", &[]), "/responses");
}

#[test]
fn provider_on_azure_is_recognized_by_its_host_and_stores_responses() {
    let is_azure = |name: &str, base: &str| {
        let provider = Provider::new(name, base);
        assert_eq!(provider.capabilities.store_responses, provider.is_azure());
        provider.is_azure()
    };
    assert!(!is_azure("azure", "https://h"), "the name has no effect");
    for host in [
        "foo.openai.azure.us/openai/deployments/bar",
        "foo.cognitiveservices.azure.cn",
        "foo.aoai.azure.com",
        "foo.azure-api.net",
        "foo.z01.azurefd.net",
        "foo.windows.net/openai",
    ] {
        assert!(is_azure("n", &format!("https://{host}")), "{host}");
    }
    assert!(!is_azure("n", "https://myproxy.azurewebsites.net/openai") && !is_azure("n", "https://example.com/openai"));
}

#[test]
fn debug_shows_no_secrets() {
    let secret: Secret = serde_json::from_str("\"hush\"").expect("a secret");
    assert_eq!((format!("{secret:?}").as_str(), secret.expose()), ("Secret(..)", "hush"));
    let all = [
        Credentials::bearer("hush").with_account("acct").with_fedramp(),
        Credentials::Headers(vec![("x".into(), "hush".into())]),
        Credentials::None.with_account("acct"),
    ];
    for credentials in all {
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}

#[test]
fn command_output_is_parsed_as_token() {
    let command: TokenCommand = toml::from_str("program = \"token\"\nargs = [\"-q\"]").expect("a command");
    assert_eq!(command, TokenCommand::new("token", &["-q"]));
    assert_eq!((command.timeout_ms, command.refresh_ms), (5000, 300_000));
    let token = |output: &[u8]| match TokenCommand::credentials(output) {
        Some(Credentials::Bearer { token, .. }) => Some(token.expose().to_owned()),
        _ => None,
    };
    assert_eq!(token(b" tok\n").as_deref(), Some("tok"));
    assert_eq!((token(b" \n"), token(b"\xff")), (None, None));
}

#[test]
fn metadata_of_items_is_sent_only_if_the_provider_has_the_capability() {
    const MEMBER: &str = "internal_chat_message_metadata_passthrough";
    let item = format!(r#"{{"type":"message","role":"assistant","content":[],"{MEMBER}":{{"turn_id":"t"}}}}"#);
    for (name, item_metadata) in [("OpenAI", false), ("OpenAI", true), ("other", false), ("other", true)] {
        let mut provider = http_provider();
        provider.name = name.into();
        provider.capabilities.item_metadata = item_metadata;
        let mut pair = Pair::new(provider, Settings::default(), Script::new().sse([vec![done0("r")]]));
        pair.ask(CreateResponse::new("m", vec![Item::parse(&item).expect("an item")]));
        assert_eq!(pair.posts()[0].input()[0].get(MEMBER).is_some(), item_metadata, "{name}");
    }
    for preset in [Provider::openai(), Provider::codex()] {
        assert!(preset.capabilities.item_metadata);
    }
}
