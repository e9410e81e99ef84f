//! Searches for credentials and turn tokens in all `Debug` output and errors.

use std::fmt::Debug;

use turnwire::client::{Client, Credentials, Provider, RawOperation, Secret, Settings};
use turnwire_tests::fixtures::{ask, created, delta, done, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, owned, provider};

const SECRET: &str = "s3cr3t-t0k3n";
const TOKEN: &str = "st1cky-t0k3n";

fn hidden(what: &impl Debug, name: &str) {
    for shown in [format!("{what:?}"), format!("{what:#?}")] {
        assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{name} shows it: {shown}");
        let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        assert!(!shown.contains(&bytes(SECRET)) && !shown.contains(&bytes(TOKEN)), "{name} shows its bytes");
    }
}

fn credentials() -> Vec<Credentials> {
    vec![Credentials::bearer(SECRET), Credentials::Headers(vec![("x-api-key".into(), Secret::new(SECRET))])]
}

#[test]
fn public_types_show_no_secret() {
    for credentials in credentials() {
        hidden(&credentials, "Credentials");
        let mut provider: Provider = provider();
        provider.headers = owned(&[("x-org-key", SECRET)]);
        provider.retry.max_retries = 1;
        hidden(&provider, "Provider");
        let mut settings = Settings::default();
        settings.headers = owned(&[("x-other-key", SECRET)]);
        settings.default_headers = owned(&[("x-default-key", SECRET)]);
        settings.max_credential_requests = 1;
        hidden(&settings, "Settings");
        let script = Script::new()
            .on(Kind::Upgrade, vec![Act::respond(401, "{}")])
            .ws([vec![created("a"), token(TOKEN), delta("x")], vec![done("b")]])
            .on(Kind::Post, vec![Act::respond(500, "x")]);
        let mut pair = Pair::with(provider, credentials, settings, script);
        let mut request = turnwire::client::Request::from(ask("one"));
        request.headers = owned(&[("x-mine", SECRET)]);
        pair.ask(request);
        check(&pair.client, "while it asks");
        pair.client.set_credentials(pair.now, Credentials::bearer(SECRET));
        pair.run();
        check(&pair.client, "in a response");
        pair.act(Act::Drop);
        pair.run_out();
        pair.ask(ask("two"));
        pair.run_out();
        let mut call = RawOperation::post("responses/compact", b"{}".to_vec());
        call.headers = owned(&[("x-mine", SECRET)]);
        pair.client.submit_raw(pair.now, call).expect("a call");
        pair.run();
        check(&pair.client, "in a call");
        pair.run_out();
        assert!(pair.carried.iter().any(|(up, _)| contains(up, SECRET)), "it was sent");
        for event in &pair.events {
            hidden(event, "an event");
        }
        pair.client.close(pair.now);
        pair.run_down();
        check(&pair.client, "at the end");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn check(client: &Client, when: &str) {
    hidden(client, &format!("the client {when}"));
}

#[test]
fn rejected_values_show_no_secret() {
    let mut pair = Pair::with(http_provider(), Credentials::bearer(SECRET), Settings::default(), Script::new());
    let mut request = turnwire::client::Request::from(ask("one"));
    request.headers = vec![("x-mine".into(), format!("{SECRET}\n"))];
    let refused = pair.client.send(pair.now, request).expect_err("a header that cannot be sent");
    assert!(!refused.to_string().contains(SECRET) && !format!("{:?}", refused.reason).contains(SECRET));
    let bad = Client::new(http_provider(), Credentials::bearer(format!("{SECRET}\n")), Settings::default(), [1; 32]);
    let error = bad.expect_err("credentials that cannot be sent");
    assert!(!error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET));
    let mut provider = http_provider();
    provider.base_url = format!("http://user:{SECRET}@127.0.0.1/v1");
    hidden(&provider, "Provider");
    let error =
        Client::new(provider, Credentials::None, Settings::default(), [1; 32]).expect_err("a url with a password");
    assert!(!error.to_string().contains(SECRET) && !format!("{error:?}").contains(SECRET));
}
