//! A request that follows on a long history copies no item of it.

use allocation_counter::measure;
use turnwire::client::Settings;
use turnwire::responses::request::Input;
use turnwire::responses::{CreateResponse, Item};
use turnwire_tests::fixtures::{assistant, created, done, msg, user};
use turnwire_tests::pair::{Pair, Script, provider};

const TEXT: usize = 1000;

fn script() -> Script {
    Script::new().ws([vec![created("resp_1"), msg("msg_1", "answer"), done("resp_1")]])
}

fn history(items: usize) -> Input {
    (0..items).map(|number| user(&format!("{number:0TEXT$}"))).collect()
}

/// Sends a history of this many items, and again with the answer and a question. Returns the allocations of the second request: their
/// number and their bytes. `again` makes the second request's items of the first one's.
fn follow_up(items: usize, again: impl Fn(&Input) -> Input) -> (u64, u64) {
    let mut pair = Pair::new(provider(), Settings::default(), script());
    let mut history = history(items);
    pair.ask(CreateResponse::new("m", history.clone()));
    history.extend([assistant("msg_1", "answer"), user("and now?")]);
    let request = CreateResponse::new("m", again(&history));
    let (client, now) = (&mut pair.client, pair.now);
    let made = measure(|| {
        client.send(now, request).expect("it can be sent");
    });
    let sent = client.poll_transmit().len();
    assert!((100..1000).contains(&sent), "{sent} bytes");
    (made.count_total, made.bytes_total)
}

#[test]
fn follow_up_copies_no_item_of_a_shared_history() {
    let (few, many) = (follow_up(10, Input::clone), follow_up(2000, Input::clone));
    assert_eq!(few, many);
    assert!(many.1 < 16 * 1024, "{many:?}");
}

#[test]
fn follow_up_copies_no_item_of_a_copied_history() {
    let copied = |history: &Input| Input::from(history.to_vec());
    assert_eq!(follow_up(10, copied), follow_up(2000, copied));
}

#[test]
fn follow_up_copies_no_item_that_lost_what_does_not_count() {
    // Members that the application does not know are missing in its copy.
    let bare = |history: &Input| history.iter().map(without_status).collect();
    let with_status = |items| {
        let mut pair = Pair::new(provider(), Settings::default(), script());
        let history: Input = (0..items).map(|number| completed(&format!("msg_{number}"))).collect();
        pair.ask(CreateResponse::new("m", history.clone()));
        let mut again: Input = bare(&history);
        again.extend([assistant("msg_1", "answer"), user("and now?")]);
        let request = CreateResponse::new("m", again);
        let (client, now) = (&mut pair.client, pair.now);
        let made = measure(|| {
            client.send(now, request).expect("it can be sent");
        });
        assert!(client.poll_transmit().len() < 1000);
        made.count_total
    };
    assert_eq!(with_status(10), with_status(200));
}

fn completed(id: &str) -> Item {
    let Item::Message(mut message) = assistant(id, "text") else { panic!("it is a message") };
    message.status = Some("completed".into());
    message.into()
}

fn without_status(item: &Item) -> Item {
    let Item::Message(mut message) = item.clone() else { panic!("it is a message") };
    message.status = None;
    message.into()
}

#[test]
fn clone_of_a_request_copies_no_item() {
    let request = CreateResponse::new("m", history(2000));
    let made = measure(|| drop(request.clone()));
    assert!(made.bytes_total < 1024, "{made:?}");
}
