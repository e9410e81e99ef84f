//! Steering: every submission reaches one of its ends, and the request ends with its last successor (`docs/protocol.md` §15.1).

use std::time::Duration;

use serde_json::json;
use turnwire::client::{
    CancelMode, CommandError, OwnedEvent, OwnedOutcome, Request, RequestId, Settings, SubmissionId,
};
use turnwire::responses::Item;
use turnwire::turn::SubmissionState::{self, Accepted, Committed, Failed, Pending, Unknown};
use turnwire_tests::fixtures::{
    ask, assistant, call, created, delta, done, fail, incomplete, msg, on_lane, request, user,
};
use turnwire_tests::pair::{Act, Pair, Script, provider, with_retries};

/// A client with one request whose response `r1` has begun, and that was steered so many times.
fn steered(times: usize) -> (Pair, RequestId, Vec<SubmissionId>) {
    let mut pair = Pair::new(with_retries(provider(), 3), Settings::default(), Script::new());
    let id = pair.ask(ask("one"));
    pair.act(Act::Send(created("r1")));
    let submissions = (0..times).map(|at| steer(&mut pair, id, &format!("s{}", at + 1))).collect();
    (pair, id, submissions)
}

fn steer(pair: &mut Pair, id: RequestId, text: &str) -> SubmissionId {
    let submission = pair.client.steer(pair.now, id, &[user(text)]).expect("a response in flight");
    pair.run();
    submission
}

fn says(pair: &mut Pair, events: impl IntoIterator<Item = String>) {
    for event in events {
        pair.act(Act::Send(event));
    }
}

fn accepted(steer: &str, response: &str) -> String {
    json!({"type": "response.steer.accepted", "steer": {"id": steer, "previous_response_id": response}}).to_string()
}

fn pending(steer: &str, response: &str) -> String {
    json!({
        "type": "response.steer.pending", "steer": {"id": steer, "previous_response_id": response},
        "reason": "waiting_for_required_input", "required_input": [{"type": "function_call_output", "call_id": "c"}],
    })
    .to_string()
}

fn failed(steer: Option<&str>, response: &str, code: &str) -> String {
    let mut given_back = json!({"previous_response_id": response, "input": "the input"});
    if let Some(steer) = steer {
        given_back["id"] = steer.into();
    }
    json!({"type": "response.steer.failed", "steer": given_back, "error": {"code": code, "message": "no"}}).to_string()
}

fn succeeding(id: &str, previous: &str) -> String {
    json!({"type": "response.created", "response": {"id": id, "previous_response_id": previous}}).to_string()
}

/// The updates of each submission, in order.
fn updates(pair: &Pair) -> Vec<(SubmissionId, SubmissionState)> {
    let update = |event: &OwnedEvent| match event {
        OwnedEvent::Steering { update, .. } => Some((update.submission, update.state)),
        _ => None,
    };
    pair.events.iter().filter_map(update).collect()
}

fn continued(pair: &Pair) -> Vec<String> {
    let response = |event: &OwnedEvent| match event {
        OwnedEvent::Continued { response_id, .. } => Some(response_id.clone()),
        _ => None,
    };
    pair.events.iter().filter_map(response).collect()
}

#[test]
fn successor_after_a_steered_end_is_part_of_the_request() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), incomplete("r1", "steered"), succeeding("r2", "r1"), delta("x"), done("r2")]);
    assert_eq!(pair.completed(id), "r2");
    assert_eq!((updates(&pair), continued(&pair)), (vec![(of[0], Accepted), (of[0], Committed)], vec!["r2".into()]));
}

#[test]
fn successor_after_a_completed_end_is_part_of_the_request() {
    for names_previous in [true, false] {
        let (mut pair, id, of) = steered(1);
        let next = pair.ask(ask("two"));
        says(&mut pair, [accepted("a", "r1"), msg("m", "hi"), done("r1")]);
        assert!(pair.outcome(id).is_none(), "a successor may follow");
        assert_eq!(pair.texts().len(), 2, "the next request waits");
        let begins = if names_previous { succeeding("r2", "r1") } else { created("r2") };
        says(&mut pair, [begins, delta("x"), done("r2")]);
        assert_eq!(pair.completed(id), "r2");
        assert_eq!(
            (updates(&pair), continued(&pair)),
            (vec![(of[0], Accepted), (of[0], Committed)], vec!["r2".into()])
        );
        says(&mut pair, [created("r3"), done("r3")]);
        assert_eq!((pair.completed(next).as_str(), pair.texts().len()), ("r3", 3));
        assert_eq!(pair.kinds(next), ["response.created", "response.completed"]);
        assert!(!pair.events.iter().any(|event| matches!(event, OwnedEvent::Violation { .. })));
    }
}

#[test]
fn continued_is_the_event_before_the_first_of_the_successor() {
    let (mut pair, _, _) = steered(1);
    says(&mut pair, [accepted("a", "r1"), done("r1"), succeeding("r2", "r1"), done("r2")]);
    let at = pair.events.iter().position(|event| matches!(event, OwnedEvent::Continued { .. })).expect("a successor");
    let next = &pair.events[at + 1];
    assert!(matches!(next, OwnedEvent::Server { event, .. } if event.kind() == "response.created"), "{next:?}");
}

#[test]
fn request_ends_with_its_last_successor() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), done("r1"), succeeding("r2", "r1")]);
    let second = steer(&mut pair, id, "again");
    assert_eq!(pair.texts()[2].json()["previous_response_id"], "r2");
    says(&mut pair, [accepted("b", "r2"), done("r2"), succeeding("r3", "r2"), done("r3")]);
    assert_eq!((pair.completed(id).as_str(), continued(&pair).len()), ("r3", 2));
    let expected = [(of[0], Accepted), (of[0], Committed), (second, Accepted), (second, Committed)];
    assert_eq!(updates(&pair), expected);
}

#[test]
fn input_that_waits_for_output_of_tools_is_committed_by_the_request_that_continues() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), call("c", "f", "{}"), done("r1"), pending("a", "r1")]);
    assert_eq!(pair.completed(id), "r1");
    let required = pair.events.iter().find_map(|event| match event {
        OwnedEvent::Steering { update, .. } => update.required_input.clone(),
        _ => None,
    });
    assert!(required.expect("stubs").as_str().contains("function_call_output"));
    // The client continues by itself: the input that waits is not part of the history.
    let output = Item::parse(r#"{"type":"function_call_output","call_id":"c","output":"ok"}"#).expect("an item");
    let made = Item::parse(r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#).expect("an item");
    let next = pair.ask(request(vec![user("one"), made, output]));
    let sent = pair.texts()[2];
    assert_eq!((sent.previous().as_deref(), sent.input().len()), (Some("r1"), 1));
    says(&mut pair, [succeeding("r2", "r1"), done("r2")]);
    assert_eq!(pair.completed(next), "r2");
    assert_eq!(updates(&pair), [(of[0], Accepted), (of[0], Pending), (of[0], Committed)]);
    let owner = pair.events.iter().rev().find_map(|event| match event {
        OwnedEvent::Steering { id, .. } => Some(*id),
        _ => None,
    });
    assert_eq!(owner, Some(Some(next)));
}

#[test]
fn input_that_waits_is_given_back_after_the_request_has_ended() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), done("r1"), pending("a", "r1")]);
    pair.completed(id);
    let next = pair.ask(ask("two"));
    says(&mut pair, [failed(Some("a"), "r1", "successor_creation_failed"), created("r2"), done("r2")]);
    assert_eq!(updates(&pair), [(of[0], Accepted), (of[0], Pending), (of[0], Failed)]);
    assert_eq!(pair.kinds(next), ["response.created", "response.completed"], "it is not of the next request");
}

/// Inputs wait for the continuation of their response on their lane, and for no other.
#[test]
fn input_that_waits_is_taken_by_the_request_that_continues_its_response_only() {
    let mut wide = provider();
    wide.capabilities.max_concurrent_requests = 4;
    let mut pair = Pair::new(wide, Settings::default(), Script::new());
    let mut of = Vec::new();
    for (lane, response) in [("A", "ra"), ("B", "rb")] {
        let id = pair.ask(Request::from(ask(lane)).on_lane(lane));
        says(&mut pair, [on_lane(lane, &created(response))]);
        of.push(steer(&mut pair, id, lane));
        let events = [accepted(lane, response), done(response), pending(lane, response)];
        says(&mut pair, events.map(|event| on_lane(lane, &event)));
        pair.completed(id);
    }
    // One fails at the server while both wait, and the other is not forgotten for it.
    says(&mut pair, [on_lane("A", &failed(Some("A"), "ra", "no"))]);
    assert_eq!(updates(&pair).last(), Some(&(of[0], Failed)));
    let owner = |pair: &Pair| {
        pair.events.iter().rev().find_map(|event| match event {
            OwnedEvent::Steering { id, update } => Some((*id, update.submission, update.state)),
            _ => None,
        })
    };
    // A request on another lane continues another response.
    let other = pair.ask(Request::from(request(vec![user("A"), user("more")])).on_lane("A"));
    says(&mut pair, [created("ra2"), done("ra2")].map(|event| on_lane("A", &event)));
    pair.completed(other);
    assert_eq!(updates(&pair).last(), Some(&(of[0], Failed)), "nothing has happened to the other input");
    let next = pair.ask(Request::from(request(vec![user("B"), user("more")])).on_lane("B"));
    says(&mut pair, [on_lane("B", &succeeding("rb2", "rb")), on_lane("B", &done("rb2"))]);
    pair.completed(next);
    assert_eq!(owner(&pair), Some((Some(next), of[1], Committed)));
}

/// The submission of a reply is the one with its id; without an id, one of the same response, and rather one without a reply.
#[test]
fn reply_without_an_id_is_for_a_submission_of_its_response() {
    let other = || failed(None, "other", "no");
    let own = || failed(None, "r1", "no");
    for (said, expected) in [
        (vec![other()], vec![]),
        (vec![accepted("a", "r1"), other()], vec![(0, Accepted)]),
        (vec![own()], vec![(0, Failed)]),
        (vec![accepted("a", "r1"), own()], vec![(0, Accepted), (1, Failed)]),
        (vec![accepted("a", "r1"), own(), own()], vec![(0, Accepted), (1, Failed), (0, Failed)]),
        (vec![accepted("a", "r1"), own(), own(), own()], vec![(0, Accepted), (1, Failed), (0, Failed)]),
    ] {
        let (mut pair, _, of) = steered(2);
        says(&mut pair, said.clone());
        let expected: Vec<_> = expected.into_iter().map(|(at, state)| (of[at], state)).collect();
        assert_eq!(updates(&pair), expected, "{said:?}");
    }
}

/// A server that replies to no steering message has applied the first where a successor begins.
#[test]
fn successor_commits_the_first_submission_that_has_no_reply() {
    let (mut pair, _, of) = steered(2);
    says(&mut pair, [incomplete("r1", "steered"), succeeding("r2", "r1")]);
    assert_eq!(updates(&pair), [(of[0], Committed)]);
}

/// A reply to something that this client has not sent is an event of the request whose response it names, if it names one.
#[test]
fn reply_to_a_steering_message_of_nobody_is_an_event_of_the_response_that_it_names() {
    for (named, is_delivered) in [(Some("r1"), true), (None, true), (Some("other"), false)] {
        let (mut pair, id, _) = steered(0);
        let mut reply: serde_json::Value = serde_json::from_str(&failed(Some("x"), "r1", "no")).expect("JSON");
        let steer = reply["steer"].as_object_mut().expect("an object");
        steer.remove("previous_response_id");
        if let Some(named) = named {
            steer.insert("previous_response_id".into(), named.into());
        }
        says(&mut pair, [reply.to_string(), done("r1")]);
        let kinds = pair.kinds(id);
        assert_eq!(kinds.contains(&"response.steer.failed".into()), is_delivered, "{named:?}: {kinds:?}");
        assert_eq!(pair.completed(id), "r1");
    }
}

#[test]
fn input_that_waits_is_unknown_when_the_connection_ends() {
    let (mut pair, _, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), done("r1"), pending("a", "r1")]);
    pair.act(Act::Drop);
    assert_eq!(updates(&pair), [(of[0], Accepted), (of[0], Pending), (of[0], Unknown)]);
}

#[test]
fn failed_submission_gives_its_input_back_in_every_order() {
    for before_end in [true, false] {
        for steer_id in [Some("a"), None] {
            let (mut pair, id, of) = steered(1);
            let first = steer_id.map(|id| accepted(id, "r1"));
            let failure = failed(steer_id, "r1", "response_already_completed");
            says(&mut pair, first);
            let events = if before_end { [failure, done("r1")] } else { [done("r1"), failure] };
            says(&mut pair, events);
            assert_eq!(pair.completed(id), "r1");
            let (submission, state) = *updates(&pair).last().expect("an update");
            assert_eq!((submission, state), (of[0], Failed));
            let update = pair.events.iter().rev().find_map(|event| match event {
                OwnedEvent::Steering { update, .. } => Some(update.clone()),
                _ => None,
            });
            let update = update.expect("an update");
            assert_eq!(update.input.expect("an input").as_str(), r#""the input""#);
            assert_eq!(update.error.expect("an error").code.as_deref(), Some("response_already_completed"));
        }
    }
}

#[test]
fn each_reply_is_for_the_submission_that_it_names() {
    let (mut pair, id, of) = steered(2);
    says(&mut pair, [accepted("a", "r1"), accepted("b", "r1"), failed(Some("a"), "r1", "invalid_input"), done("r1")]);
    assert!(pair.outcome(id).is_none());
    says(&mut pair, [succeeding("r2", "r1"), done("r2")]);
    assert_eq!(pair.completed(id), "r2");
    let expected = [(of[0], Accepted), (of[1], Accepted), (of[0], Failed), (of[1], Committed)];
    assert_eq!(updates(&pair), expected);
}

#[test]
fn lost_connection_leaves_the_submissions_unknown_and_asks_nothing_again() {
    for replies in [vec![], vec![accepted("a", "r1")], vec![accepted("a", "r1"), incomplete("r1", "steered")]] {
        let (mut pair, id, of) = steered(1);
        says(&mut pair, replies);
        pair.act(Act::Drop);
        pair.run_out();
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Failed(_))));
        assert_eq!((updates(&pair).last(), pair.dials.len()), (Some(&(of[0], Unknown)), 1));
    }
}

#[test]
fn response_that_has_completed_is_complete_although_its_successor_is_lost() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), done("r1")]);
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), updates(&pair).last()), ("r1", Some(&(of[0], Unknown))));
}

#[test]
fn lane_is_held_for_a_limited_time_and_its_connection_is_not_used_again() {
    let (mut pair, id, of) = steered(1);
    let next = pair.ask(ask("two"));
    says(&mut pair, [accepted("a", "r1"), done("r1")]);
    let start = pair.now;
    while pair.outcome(id).is_none() {
        assert!(pair.jump(), "the hold ends");
    }
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(30));
    assert_eq!((pair.completed(id).as_str(), updates(&pair).last()), ("r1", Some(&(of[0], Unknown))));
    pair.run();
    let sockets: Vec<_> = pair.texts().iter().map(|seen| seen.socket).collect();
    assert_eq!(sockets, [0, 0, 1]);
    says(&mut pair, [created("r9"), done("r9")]);
    assert_eq!(pair.completed(next), "r9");
}

#[test]
fn number_of_open_submissions_is_limited() {
    let mut settings = Settings::default();
    settings.max_submissions = 2;
    let mut pair = Pair::new(provider(), settings, Script::new().ws([vec![created("r1")]]));
    let id = pair.ask(ask("one"));
    steer(&mut pair, id, "a");
    steer(&mut pair, id, "b");
    let refused = pair.client.steer(pair.now, id, &[user("c")]);
    assert_eq!(refused, Err(CommandError::TooManySubmissions(2)));
    says(&mut pair, [failed(None, "r1", "too_many_pending_steers")]);
    steer(&mut pair, id, "c");
}

#[test]
fn only_messages_of_the_user_steer() {
    let (mut pair, id, _) = steered(0);
    for input in [vec![], vec![assistant("m", "hi")], vec![user("x"), assistant("m", "hi")]] {
        assert_eq!(pair.client.steer(pair.now, id, &input), Err(CommandError::SteerInput));
    }
    assert_eq!(pair.texts().len(), 1);
}

#[test]
fn steering_message_has_three_members_on_a_lane_too() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new());
    let id = pair.ask(Request::from(ask("one")).on_lane("a"));
    pair.act(Act::Send(on_lane("a", &created("r1"))));
    steer(&mut pair, id, "left");
    let input = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "left"}]}]);
    assert_eq!(pair.texts()[1].json(), json!({"type": "response.steer", "previous_response_id": "r1", "input": input}));
}

#[test]
fn successor_on_a_lane_leaves_the_other_lane_alone() {
    let mut wide = provider();
    wide.capabilities.max_concurrent_requests = 4;
    let mut pair = Pair::new(wide, Settings::default(), Script::new());
    let a = pair.ask(Request::from(ask("one")).on_lane("a"));
    let b = pair.ask(Request::from(ask("two")).on_lane("b"));
    says(&mut pair, [on_lane("a", &created("ra")), on_lane("b", &created("rb"))]);
    steer(&mut pair, a, "left");
    // The replies do not name the lane: their response decides.
    says(&mut pair, [accepted("s", "ra"), on_lane("a", &done("ra")), on_lane("b", &done("rb"))]);
    assert_eq!(pair.completed(b), "rb");
    says(&mut pair, [on_lane("a", &succeeding("ra2", "ra")), on_lane("a", &done("ra2"))]);
    assert_eq!(pair.completed(a), "ra2");
    assert!(!pair.kinds(b).iter().any(|kind| kind.contains("steer")));
}

#[test]
fn failed_response_waits_for_the_input_that_comes_back() {
    let (mut pair, id, of) = steered(1);
    says(&mut pair, [accepted("a", "r1"), fail("server_error", "x"), failed(Some("a"), "r1", "response_not_active")]);
    pair.run_out();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Failed(_))));
    assert_eq!((updates(&pair).last(), pair.texts().len()), (Some(&(of[0], Failed)), 2));
}

#[test]
fn failed_submission_leaves_the_request_free_to_be_sent_again() {
    let (mut pair, id, _) = steered(1);
    says(&mut pair, [failed(None, "r1", "steering_not_supported")]);
    pair.script.plan(turnwire_tests::pair::Kind::Text, vec![Act::Send(created("r2")), Act::Send(done("r2"))]);
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("r2", 2));
}

#[test]
fn cancelled_request_leaves_its_submissions_unknown() {
    let (mut pair, id, of) = steered(1);
    pair.client.cancel(pair.now, id);
    pair.run();
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Cancelled)));
    assert_eq!(updates(&pair), [(of[0], Unknown)]);
    let at = |wanted: fn(&OwnedEvent) -> bool| pair.events.iter().position(wanted);
    let update = at(|event| matches!(event, OwnedEvent::Steering { .. }));
    assert!(update < at(|event| matches!(event, OwnedEvent::Finished { .. })), "nothing follows the end");
}

#[test]
fn connection_of_a_cancelled_request_that_may_have_a_successor_is_not_used_again() {
    let mut settings = Settings::default();
    settings.cancel = CancelMode::Drain { limit: Duration::from_millis(500) };
    let mut pair = Pair::new(provider(), settings, Script::new());
    let id = pair.ask(ask("one"));
    pair.act(Act::Send(created("r1")));
    steer(&mut pair, id, "left");
    says(&mut pair, [accepted("a", "r1")]);
    pair.client.cancel(pair.now, id);
    let next = pair.ask(ask("two"));
    assert_eq!(pair.dials.len(), 2);
    says(&mut pair, [created("r9"), done("r9")]);
    assert_eq!(pair.completed(next), "r9");
}
