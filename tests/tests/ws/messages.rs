//! WebSocket frames and messages: vectors, hostile peers, the closing handshake.

use serde::Deserialize;
use turnwire::ws::deflate::Params;
use turnwire::ws::{Limits, Role};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::ws::{self as laws, End, Owned};

#[derive(Deserialize)]
struct Vectors {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    role: String,
    input: String,
    #[serde(default)]
    messages: Vec<String>,
    error: Option<String>,
    replies: Option<Vec<String>>,
    #[serde(default)]
    deflate: bool,
    #[serde(default)]
    no_context_takeover: bool,
    frame_limit: Option<usize>,
    message_limit: Option<usize>,
    ratio: Option<u32>,
    eof: Option<String>,
}

/// Parses hex, in which `xx*N` and `{xx yy}*N` repeat.
fn hex(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let (item, after) = match rest.strip_prefix('{') {
            Some(group) => {
                let (group, after) = group.split_once('}').expect("a closed group");
                (hex(group), after)
            }
            None => {
                let digits = rest.find([' ', '*']).unwrap_or(rest.len());
                let pairs = rest.as_bytes()[..digits].chunks(2);
                let byte = |pair| u8::from_str_radix(core::str::from_utf8(pair).expect("hex"), 16).expect("hex");
                (pairs.map(byte).collect(), &rest[digits..])
            }
        };
        let (times, after) = match after.strip_prefix('*') {
            Some(after) => {
                let digits = after.find(' ').unwrap_or(after.len());
                (after[..digits].parse().expect("a count"), &after[digits..])
            }
            None => (1, after),
        };
        bytes.extend(item.repeat(times));
        rest = after.trim_start();
    }
    bytes
}

fn message(text: &str) -> Owned {
    if text == "close" {
        return Owned::Close(None);
    }
    if let Some(bytes) = text.strip_prefix("text#") {
        return Owned::Text(String::from_utf8(hex(bytes)).expect("text"));
    }
    let (kind, rest) = text.split_once(':').expect("a kind");
    match kind {
        "text" => Owned::Text(rest.to_owned()),
        "binary" => Owned::Binary(hex(rest)),
        "ping" => Owned::Ping(hex(rest)),
        "pong" => Owned::Pong(hex(rest)),
        "close" => {
            let (code, reason) = rest.split_once(':').expect("a code and a reason");
            Owned::Close(Some((code.parse().expect("a code"), reason.to_owned())))
        }
        other => panic!("what is {other}?"),
    }
}

impl Case {
    fn end(&self) -> End {
        let defaults = Limits::default();
        let limits = Limits::default()
            .with_frame(self.frame_limit.unwrap_or(defaults.frame))
            .with_message(self.message_limit.unwrap_or(defaults.message))
            .with_ratio(self.ratio);
        let role = if self.role == "client" { Role::Client } else { Role::Server };
        let params = Params::default()
            .with_server_no_context_takeover(self.no_context_takeover)
            .with_client_no_context_takeover(self.no_context_takeover);
        End { role, limits, deflate: self.deflate.then_some(params) }
    }

    fn check(&self) -> Result<(), String> {
        let (end, input) = (self.end(), hex(&self.input));
        let cuts: Vec<Chunks> = match input.len() {
            0..=1200 => Chunks::all(input.len()).collect(),
            100_000.. => vec![Chunks::Size(1000), Chunks::Size(65_537), Chunks::Split(3)],
            len => [Chunks::Bytes, Chunks::Size(1000)]
                .into_iter()
                .chain([1, 2, 3, 5, 9, 10, 11, 200, len / 2, len - 3, len - 2, len - 1].map(Chunks::Split))
                .collect(),
        };
        let outcome = laws::chunking(&end, &input, &Chunks::Whole)?;
        for chunks in &cuts {
            laws::chunking(&end, &input, chunks)?;
        }
        let expected: Vec<Owned> = self.messages.iter().map(|text| message(text)).collect();
        if outcome.messages != expected {
            return Err(format!("delivered {:?}", outcome.messages));
        }
        let named = outcome.error.map(|error| format!("{error:?}"));
        let named = named.as_deref().map(|name| &name[..name.find([' ', '(']).unwrap_or(name.len())]);
        if named != self.error.as_deref() {
            return Err(format!("error {:?}", outcome.error));
        }
        if let Some(replies) = &self.replies {
            let expected: Vec<Owned> = replies.iter().map(|text| message(text)).collect();
            let sent = laws::read_all(end.role, &outcome.replies)?;
            if sent != expected {
                return Err(format!("answered {sent:?}"));
            }
        }
        let eof = format!("{:?}", outcome.eof).to_lowercase();
        match &self.eof {
            Some(expected) if *expected != eof => Err(format!("eof {eof}")),
            _ => Ok(()),
        }
    }
}

#[test]
fn vectors() {
    let vectors: Vectors = toml::from_str(include_str!("../../vectors/ws.toml")).expect("the vectors");
    assert!(vectors.case.len() >= 100);
    let failed: Vec<String> = vectors
        .case
        .iter()
        .filter_map(|case| case.check().err().map(|why| format!("{} ({}): {:.400}", case.name, case.rule, why)))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
