//! The memory of a client that waits for the next request.

use allocation_counter::measure;
use turnwire::client::{Client, ClientSetup, Credentials, Provider, Settings};
use turnwire::responses::CreateResponse;
use turnwire::responses::request::Input;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{created, done, msg, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

const QUESTION: usize = 1000;
const ANSWER: usize = 3000;

fn script() -> Script {
    let response = vec![created("resp_1"), msg("msg_1", &"a".repeat(ANSWER)), done("resp_1")];
    let accept = Act::accept_with(&[("server-timing", &"t".repeat(1000))]);
    Script::new().on(Kind::Upgrade, vec![accept]).ws([response.clone()]).sse([response])
}

/// The bytes that a client holds after its response, its own size included. It shares its configuration.
fn held(provider: Provider, request: impl FnOnce() -> CreateResponse) -> usize {
    let setup = ClientSetup::new(provider.clone(), Settings::default()).expect("a provider");
    let mut pair = Pair::new(provider, Settings::default(), script());
    pair.down = Chunks::Size(100);
    measure(|| {
        pair.client = Client::with_setup(&setup, Credentials::None, [7; 32]).expect("a provider");
        pair.ask(request());
    });
    let Pair { client, .. } = pair;
    assert!(!client.has_pending_requests());
    let heap = -measure(|| drop(client)).bytes_current;
    size_of::<Client>() + usize::try_from(heap).expect("it only frees")
}

#[test]
fn idle_client_holds_little_beyond_the_texts_of_its_last_response() {
    let held = held(provider(), || CreateResponse::new("gpt-x", "q".repeat(QUESTION)));
    let beyond = held - QUESTION - ANSWER;
    assert!(beyond <= 2350, "the client holds {beyond} bytes");
}

#[test]
fn idle_client_holds_no_item_that_the_application_shares() {
    let input = Input::from("q".repeat(QUESTION));
    let held = held(provider(), || CreateResponse::new("gpt-x", &input));
    let beyond = held - ANSWER;
    assert!(beyond <= 2350, "the client holds {beyond} bytes");
}

#[test]
fn idle_http_client_holds_nothing_of_its_last_response() {
    let held = held(http_provider(), || CreateResponse::new("gpt-x", "q".repeat(QUESTION)));
    assert!(held <= 2400, "the client holds {held} bytes");
}

/// The bytes that are allocated from a request on a long history to its end, by the client and its server.
fn allocated(history: Input) -> u64 {
    let script = Script::new().ws(["resp_1", "resp_2"].map(|id| vec![created(id), msg("msg_1", "answer"), done(id)]));
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(CreateResponse::new("m", "first"));
    let id = pair.send(CreateResponse::new("m", history));
    let made = measure(|| pair.run());
    assert_eq!(pair.completed(id), "resp_2");
    made.bytes_total
}

#[test]
fn end_of_a_response_writes_no_long_history() {
    let history = || -> Input { (0..1000).map(|number| user(&format!("{number:01000}"))).collect() };
    let kept = history();
    let (own, shared) = (allocated(history()), allocated(kept.clone()));
    assert!(own <= shared + 64 * 1024, "{own} bytes, and {shared} with a shared history");
}
