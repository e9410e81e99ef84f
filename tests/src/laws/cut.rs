//! The law of a turn whose connection is lost at some byte.

use turnwire::client::{Credentials, OwnedEvent, OwnedOutcome, RequestId, Settings, TransportPreference};
use turnwire::responses::RequestProgress;

use super::client::turn_of;
use crate::chunks::Chunks;
use crate::fixtures::{ask, created, delta, done, msg, token};
use crate::pair::{Act, Cut, Kind, Pair, Script, provider};

/// Runs a turn of two requests and one request of the next turn. The first connection is lost at `cut`.
#[must_use]
pub fn turn(websocket: bool, retries: u32, cut: Cut, up: &Chunks, down: &Chunks) -> (Pair, Vec<RequestId>) {
    let mut provider = provider();
    provider.capabilities.websocket = websocket;
    provider.retry.max_retries = retries;
    let mut settings = Settings::default();
    settings.transport = if websocket { TransportPreference::WebSocket } else { TransportPreference::Http };
    let mut pair = Pair::with(provider, Credentials::bearer("key"), settings, Script::new());
    (pair.up, pair.down) = (up.clone(), down.clone());
    pair.cuts.push_back(cut);
    let mut asked = Vec::new();
    for (turn, number) in [(0, 1), (0, 2), (1, 3)] {
        if turn == 1 && number == 3 {
            pair.client.begin_turn().expect("nothing is in flight");
        }
        // A repeated request gets the same turn token.
        let value = format!("t{turn}-{number}");
        let events =
            [created("r"), token(&value), delta("one"), msg("msg_1", "one"), delta("two"), done(&format!("r{number}"))];
        pair.script = Script::new();
        for _ in 0..=retries {
            let sends = events.clone().into_iter().map(Act::Send);
            if websocket {
                pair.script.plan(Kind::Text, sends.collect());
            } else {
                let head = Act::stream_with(&[("x-codex-turn-state", &value)]);
                pair.script.plan(Kind::Post, [head].into_iter().chain(sends).chain([Act::End]).collect());
            }
        }
        let mut create = ask(&format!("question {number}"));
        create.client_metadata = Some([("turn", turn.to_string())].into_iter().collect());
        asked.push(pair.ask(create));
        pair.run_out();
    }
    (pair, asked)
}

/// Laws of a turn with a lost connection: each request completes, or fails once with the right progress; no event is
/// repeated after output; no turn token is used in the next turn.
pub fn cut(websocket: bool, retries: u32, cut: Cut, up: &Chunks, down: &Chunks) -> Result<(), String> {
    let (pair, asked) = turn(websocket, retries, cut, up, down);
    let deltas = |id: RequestId| {
        let of = |event: &OwnedEvent| matches!(event, OwnedEvent::Server { id: of, event } if *of == id && event.kind() == "response.output_text.delta");
        pair.events.iter().filter(|event| of(event)).count()
    };
    for id in asked {
        let seen = deltas(id);
        match pair.outcome(id) {
            None => return Err(format!("{id} has not ended")),
            Some(OwnedOutcome::Completed(_)) if seen == 2 => {}
            Some(OwnedOutcome::Failed(failure)) if retries == 0 || failure.progress == RequestProgress::OutputSeen => {
                let right = match failure.progress {
                    RequestProgress::OutputSeen => {
                        seen > 0 || pair.kinds(id).contains(&"response.output_item.done".to_owned())
                    }
                    RequestProgress::Created => seen == 0 && pair.kinds(id).contains(&"response.created".to_owned()),
                    RequestProgress::Sent => seen == 0,
                    RequestProgress::NotSent => pair.kinds(id).is_empty(),
                };
                if !right {
                    return Err(format!(
                        "{id} failed with progress {:?} after the events {:?}",
                        failure.progress,
                        pair.kinds(id)
                    ));
                }
            }
            Some(other) => return Err(format!("{id} has the outcome {other:?} with {seen} deltas")),
        }
    }
    for seen in pair.seen.iter().filter(|seen| matches!(seen.kind, Kind::Post | Kind::Text)) {
        let turn = turn_of(seen);
        if seen.turn_state().is_some_and(|token| !token.starts_with(&format!("t{turn}-"))) {
            return Err(format!("turn {turn} sent the turn token {:?}", seen.turn_state()));
        }
    }
    Ok(())
}
