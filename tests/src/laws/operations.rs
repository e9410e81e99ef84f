//! Laws of operations: whatever their values and the server's response are, an operation is one request and ends once.

use core::fmt::Debug;

use turnwire::client::{Client, Credentials, OwnedEvent, OwnedOutcome, RequestId, Settings, Submitted};
use turnwire::responses::operations::{
    CancelResponse, Compact, CountInputTokens, DeleteResponse, Deleted, EditImage, GenerateImage, InputItems,
    InputTokens, ListInputItems, ListModels, Operation, RetrieveResponse, Search, Summarize,
};
use turnwire::responses::{CreateResponse, Item};

use super::client::transcript;
use crate::chunks::Chunks;
use crate::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

/// The server's response.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
    /// How the body is split into reads.
    pub down: &'a Chunks,
}

/// Checks an operation, and what its response is read as.
///
/// # Errors
///
/// One line on what differs.
pub fn operation<O: Operation>(operation: &O, answer: &Answer<'_>) -> Result<Vec<String>, String>
where
    O::Answer: Debug + PartialEq,
{
    let retried = answer.status >= 500;
    let provider = with_retries(if retried { http_provider() } else { provider() }, u32::from(retried));
    let mut pair = Pair::with(provider, Credentials::bearer("key"), Settings::default(), Script::new());
    pair.down = answer.down.clone();
    pair.script.plan(Kind::Post, vec![respond(answer.status, answer.body)]);
    pair.script.plan(Kind::Post, vec![respond(200, b"{}")]);
    let now = pair.now;
    let id = match pair.client.submit(now, operation, None) {
        // A value that cannot be sent, and an operation whose result is known.
        Err(_) | Ok(Submitted::Immediate(_)) => return quiet(&pair.client).map(|()| Vec::new()),
        Ok(Submitted::Pending(id)) => id,
    };
    pair.run_out();
    let posts = pair.posts();
    // What is not idempotent is not sent again after some failures.
    let most = 1 + usize::from(retried);
    let path = |target: &str| target.starts_with("/v1/") && target.bytes().all(|byte| byte.is_ascii_graphic());
    if posts.is_empty()
        || posts.len() > most
        || posts.iter().any(|seen| seen.method != O::METHOD || !path(&seen.target))
    {
        return Err(format!("{} {} was sent as {posts:?}", O::METHOD, operation.path()));
    }
    read::<O>(&pair, id, answer)?;
    Ok(transcript(&pair))
}

fn respond(status: u16, body: &[u8]) -> Act {
    Act::Respond(status, vec![("content-type".into(), "application/json".into())], body.to_vec())
}

fn quiet(client: &Client) -> Result<(), String> {
    let quiet = !client.has_pending_requests() && client.poll_transmit().is_empty();
    if quiet { Ok(()) } else { Err("an operation without a request is pending".into()) }
}

/// Checks that the operation ended as the response says.
fn read<O: Operation>(pair: &Pair, id: RequestId, answer: &Answer<'_>) -> Result<(), String>
where
    O::Answer: Debug + PartialEq,
{
    let ends = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Finished { id: of, .. } if *of == id));
    match (ends.count(), pair.outcome(id)) {
        (1, Some(OwnedOutcome::OperationCompleted { head, body })) => {
            let text = String::from_utf8_lossy(body);
            let (one, two) = (O::read(&head.headers.ascii_pairs(), &text), O::read(&[], &text));
            let of_retry = answer.status >= 500;
            if !(of_retry || body == answer.body) || one.is_ok() != two.is_ok() {
                return Err(format!("the body was changed: {text:.200}"));
            }
            match one {
                Err(failure) if failure.to_string().chars().any(char::is_control) => {
                    Err(format!("a failure has several lines: {failure}"))
                }
                Ok(_) | Err(_) => Ok(()),
            }
        }
        (1, Some(OwnedOutcome::Failed(failure))) if failure.status == Some(answer.status) => Ok(()),
        (count, outcome) => Err(format!("status {}, and {count} ends, the last {outcome:?}", answer.status)),
    }
}

/// Law 2: what a server writes as the result of an operation is read as the same.
fn results(value: &str) -> Result<(), String> {
    let text = |out: Vec<u8>| String::from_utf8_lossy(&out).into_owned();
    let (mut page, mut deleted, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    InputItems::new(vec![Item::user(value)], true).encode(&mut page);
    Deleted::new(value).encode(&mut deleted);
    InputTokens::new(7).encode(&mut tokens);
    let page = ListInputItems::read(&[], &text(page)).map_err(|why| why.to_string())?;
    let _ = ListInputItems::new(value).following(&page);
    let deleted = DeleteResponse::read(&[], &text(deleted)).map_err(|why| why.to_string())?;
    let tokens = CountInputTokens::read(&[], &text(tokens)).map_err(|why| why.to_string())?;
    if page.data.len() == 1 && page.has_more && deleted == Deleted::new(value) && tokens == InputTokens::new(7) {
        Ok(())
    } else {
        Err(format!("a result is read as another one: {page:?}, {deleted:?}, {tokens:?}"))
    }
}

/// Checks the operation that `choice` selects, with `value` as its text where it has one.
fn selected(choice: u8, value: &str, answer: &Answer<'_>) -> Result<Vec<String>, String> {
    let create = || CreateResponse::parse(value).unwrap_or_else(|_| CreateResponse::new("m", vec![Item::user(value)]));
    match choice % 11 {
        0 => operation(&Compact::parse(value).unwrap_or_else(|_| Compact::from(create())), answer),
        1 => operation(&Summarize::parse(value).unwrap_or_else(|_| Summarize::new("m", Vec::new())), answer),
        2 => match Search::parse(value) {
            Ok(search) => operation(&search, answer),
            Err(_) => Ok(Vec::new()),
        },
        3 => operation(&ListModels { client_version: value.into() }, answer),
        4 => operation(&GenerateImage::new("m", value), answer),
        5 => operation(&EditImage::new(GenerateImage::new("m", "p"), &[value]), answer),
        6 => operation(&RetrieveResponse::new(value).include(["a", value]), answer),
        7 => operation(&DeleteResponse::new(value), answer),
        8 => operation(&CancelResponse::new(value), answer),
        9 => operation(&ListInputItems::new(value).after(value).limit(3).order("asc").include([value]), answer),
        _ => operation(&CountInputTokens::new(create()), answer),
    }
}

/// The laws over arbitrary input: the first bytes choose the operation, the status and the split; the first line is the operation's
/// value, the rest the body of the response.
///
/// # Errors
///
/// As of [`operation`], and if the events depend on the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, status, sizes, rest @ ..] = input else { return Ok(()) };
    let status = [200, 201, 400, 404, 429, 500, 503][usize::from(status % 7)];
    let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (value, body) = (String::from_utf8_lossy(&rest[..at]), rest.get(at + 1..).unwrap_or_default());
    results(&value)?;
    let whole = selected(*choice, &value, &Answer { status, body, down: &Chunks::Whole })?;
    let down = Chunks::Cycle(vec![usize::from(sizes & 15) + 1, usize::from(sizes >> 4) * 5 + 1]);
    let cut = selected(*choice, &value, &Answer { status, body, down: &down })?;
    if whole == cut { Ok(()) } else { Err(format!("the events depend on the split: {whole:?} and {cut:?}")) }
}
