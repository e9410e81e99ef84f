//! Members that the provider and the session add to a request, unless the application has set them.

use serde_json::json;
use turnwire::client::Settings;
use turnwire::responses::session::Session;
use turnwire::responses::{ClientMetadata, CreateResponse, RawJson};
use turnwire_tests::fixtures::{ask, assistant, created, done, msg, request, user};
use turnwire_tests::pair::{Kind, Pair, Script, http_provider, ok_stream, provider};

fn sessions() -> Settings {
    let mut settings = Settings::default();
    settings.session = Some(Session::new("sess", "thread", "inst"));
    settings
}

/// Returns the bodies of a request, over WebSocket and over HTTP.
fn bodies(
    settings: &Settings,
    change: fn(&mut turnwire::client::Provider),
    create: &CreateResponse,
) -> [serde_json::Value; 2] {
    [(provider(), Kind::Text), (http_provider(), Kind::Post)].map(|(mut provider, kind)| {
        change(&mut provider);
        let script = Script::new().ws([vec![done("ok")]]).on(Kind::Post, ok_stream());
        let mut pair = Pair::new(provider, settings.clone(), script);
        let id = pair.ask(create.clone());
        assert_eq!(pair.completed(id), "ok");
        pair.seen(kind)[0].json()
    })
}

#[test]
fn provider_that_stores_responses_gets_store() {
    let stores = |provider: &mut turnwire::client::Provider| provider.capabilities.store_responses = true;
    for body in bodies(&Settings::default(), stores, &ask("one")) {
        assert_eq!(body["store"], json!(true));
    }
    for body in bodies(&Settings::default(), |_| {}, &ask("one")) {
        assert_eq!(body["store"], json!(false));
    }
}

#[test]
fn metadata_of_a_request_is_sent_beside_that_of_the_session() {
    let mut create = ask("one");
    let own = [("k".to_owned(), "v".to_owned()), ("x-codex-window-id".to_owned(), "own".to_owned())];
    create.client_metadata = Some(ClientMetadata::from_iter(own));
    for body in bodies(&sessions(), |_| {}, &create) {
        let metadata = &body["client_metadata"];
        assert_eq!((&metadata["k"], &metadata["x-codex-window-id"]), (&json!("v"), &json!("own")));
        assert!(
            metadata.as_object().is_some_and(|members| members.len() > 2),
            "the session's metadata is missing: {metadata}"
        );
    }
}

#[test]
fn cache_key_is_that_of_the_application_before_that_of_the_session() {
    let mut create = ask("one");
    for expected in ["sess", "own"] {
        for body in bodies(&sessions(), |_| {}, &create) {
            assert_eq!(body["prompt_cache_key"], json!(expected));
        }
        create.prompt_cache_key = Some("own".into());
    }
}

#[test]
fn request_with_another_store_or_unknown_member_is_sent_in_full() {
    let changes: [fn(&mut CreateResponse); 3] = [
        |create| create.store = !create.store,
        |create| create.extra.push(("truncation".into(), RawJson::string("auto"))),
        |create| create.extra[0].1 = RawJson::string("other"),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let script = Script::new().ws([vec![created("r1"), msg("m1", "answer"), done("r1")], vec![done("r2")]]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        let mut create = ask("one");
        create.extra.push(("x".into(), RawJson::string("same")));
        pair.ask(create.clone());
        create.input = request(vec![user("one"), assistant("m1", "answer"), user("two")]).input;
        change(&mut create);
        pair.ask(create);
        assert_eq!((pair.texts()[1].previous(), pair.texts()[1].input().len()), (None, 3), "{at}");
    }
}
