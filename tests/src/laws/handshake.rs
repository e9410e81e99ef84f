//! Laws of the opening handshake.

use core::fmt::Debug;

use turnwire::http::{Error, Head, HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::ws::deflate::{Offer, Params, ServerPolicy};
use turnwire::ws::handshake::{self, ServerOptions};

use crate::chunks::Chunks;
use crate::reference::offer::{Extension, extensions};

/// The nonce of RFC 6455 §1.3.
const NONCE: [u8; 16] = *b"the sample nonce";

/// A head or an error, and the number of bytes consumed.
type Read<H> = (Result<Option<H>, Error>, usize);

fn read<H: Head>(reads: &[&[u8]]) -> Result<Read<H>, String> {
    let mut decoder = HeadDecoder::<H>::new(HeadLimits::default().with_bytes(512).with_headers(8));
    let mut taken = 0;
    for read in reads {
        let mut input = *read;
        let result = decoder.decode(&mut input);
        taken += read.len() - input.len();
        match result {
            Ok(None) if input.is_empty() => {}
            Ok(None) => return Err("input was not consumed, without a result".into()),
            Err(error) if decoder.decode(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).err() != Some(error) => {
                return Err(format!("{error:?} is not sticky"));
            }
            // The number of bytes consumed of a rejected head depends on the split.
            Err(error) => return Ok((Err(error), 0)),
            Ok(Some(head)) => return Ok((Ok(Some(head)), taken)),
        }
        if decoder.buffered() > 512 {
            return Err(format!("the decoder still buffers {} bytes", decoder.buffered()));
        }
    }
    Ok((Ok(None), taken))
}

/// Laws 1, 3 and 4: every split gives the same head.
fn chunking<H: Head + Debug + PartialEq>(input: &[u8], chunks: &Chunks) -> Result<Option<H>, String> {
    let whole = read::<H>(&[input])?;
    for chunks in [chunks, &Chunks::Bytes] {
        let cut = read::<H>(&chunks.cut(input))?;
        // If a head exceeds a limit and also has an invalid line, the split decides which error comes first.
        if cut != whole && !(cut.0.is_err() && whole.0.is_err()) {
            return Err(format!("{chunks:?}: {cut:?}, but unsplit: {whole:?}"));
        }
    }
    Ok(whole.0.ok().flatten())
}

/// Every request gets a response that can be sent: it is accepted exactly if it is a valid handshake.
fn accepting(request: &Request) -> Result<(), String> {
    let options =
        ServerOptions::default().with_deflate(Some(ServerPolicy::default())).with_protocols(&["chat", "other"]);
    let (response, agreed) = match handshake::accept(request, &options) {
        Ok(accepted) => accepted,
        Err(refusal) if matches!(refusal.response.status(), 400 | 405 | 426 | 505) => return Ok(()),
        Err(refusal) => return Err(format!("{refusal:?}")),
    };
    let once = |name: &str| request.headers.get_all(name).count() == 1;
    let good = request.method() == "GET"
        && ["host", "sec-websocket-key", "sec-websocket-version"].into_iter().all(once)
        && request.headers.get_str("sec-websocket-version") == Some("13")
        && !request.headers.contains("transfer-encoding")
        && request.headers.get_all("content-length").all(|length| length.as_bytes() == b"0")
        && request.headers.has_token("upgrade", "websocket")
        && request.headers.has_token("connection", "upgrade");
    let answers = response.status() == 101
        && response.headers.get_all("sec-websocket-accept").count() == 1
        && response.headers.contains("sec-websocket-extensions") == agreed.deflate.is_some()
        && response.headers.get_str("sec-websocket-protocol") == agreed.protocol.as_deref();
    if good && answers { Ok(()) } else { Err(format!("{request:?} got the response {response:?}")) }
}

/// One parameter list, as the reference implementation parses it.
#[derive(Default)]
struct Stated {
    server_reset: bool,
    client_reset: bool,
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
}

fn stated(extension: &Extension) -> Option<Stated> {
    let (name, parameters) = extension;
    let mut names: Vec<&String> = parameters.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    if !name.eq_ignore_ascii_case("permessage-deflate") || names.len() != parameters.len() {
        return None;
    }
    let bits = |value: &str| (8..=15).find(|bits: &u8| bits.to_string() == value);
    let mut stated = Stated::default();
    for (name, value) in parameters {
        match (name.as_str(), value) {
            ("server_no_context_takeover", None) => stated.server_reset = true,
            ("client_no_context_takeover", None) => stated.client_reset = true,
            ("server_max_window_bits", Some(value)) => stated.server_bits = Some(bits(value)?),
            ("client_max_window_bits", None) => stated.client_bits = Some(None),
            ("client_max_window_bits", Some(value)) => stated.client_bits = Some(Some(bits(value)?)),
            _ => return None,
        }
    }
    Some(stated)
}

/// Law 9 for a server that reads a list of offers.
pub fn offers(line: &str, policy: ServerPolicy) -> Result<(), String> {
    let mut headers = Headers::new();
    if headers.append("Sec-WebSocket-Extensions", line).is_err() {
        return Ok(());
    }
    let request =
        handshake::build_request("/", "example.com", NONCE, &headers, None).map_err(|error| error.to_string())?;
    let options = ServerOptions::default().with_deflate(Some(policy));
    let (response, agreed) = handshake::accept(&request, &options).map_err(|refusal| format!("{refusal:?}"))?;
    let expected =
        extensions(line.trim_matches([' ', '\t'])).iter().flatten().filter(|_| line.is_ascii()).find_map(|one| {
            let stated = stated(one)?;
            let server = policy.server_max_window_bits.min(stated.server_bits.unwrap_or(15));
            let client = stated.client_bits.map_or(15, |limit| policy.client_max_window_bits.min(limit.unwrap_or(15)));
            (server > 8).then_some(
                Params::default()
                    .with_server_no_context_takeover(stated.server_reset || policy.server_no_context_takeover)
                    .with_client_no_context_takeover(stated.client_reset || policy.client_no_context_takeover)
                    .with_server_max_window_bits(server)
                    .with_client_max_window_bits(client),
            )
        });
    match agreed.deflate == expected && response.headers.contains("sec-websocket-extensions") == expected.is_some() {
        true => Ok(()),
        false => Err(format!("{line:?}: {:?}, but the reference: {expected:?}", agreed.deflate)),
    }
}

/// Law 9 for a client that reads the server's extension header.
pub fn answers(line: &str, offer: &Offer) -> Result<(), String> {
    let asked = handshake::build_request("/", "example.com", NONCE, &Headers::new(), None)
        .map_err(|error| error.to_string())?;
    let (mut response, _) =
        handshake::accept(&asked, &ServerOptions::default()).map_err(|refusal| format!("{refusal:?}"))?;
    if response.headers.append("Sec-WebSocket-Extensions", line).is_err() {
        return Ok(());
    }
    let found = handshake::verify_response(NONCE, &response, Some(offer), &[]);
    let check = |one: &Option<Extension>| {
        let stated = stated(one.as_ref()?)?;
        let server = stated.server_bits.unwrap_or(15);
        let client = match stated.client_bits {
            None => 15,
            Some(limit) => limit.filter(|_| offer.client_max_window_bits)?,
        };
        let kept = stated.server_reset || !offer.server_no_context_takeover;
        (kept && server <= offer.server_max_window_bits.unwrap_or(15)).then_some(
            Params::default()
                .with_server_no_context_takeover(stated.server_reset)
                .with_client_no_context_takeover(stated.client_reset || offer.client_no_context_takeover)
                .with_server_max_window_bits(server)
                .with_client_max_window_bits(client),
        )
    };
    let expected = match extensions(line.trim_matches([' ', '\t'])).as_slice() {
        _ if !line.is_ascii() => Err(handshake::Error::Extension),
        [] => Ok(None),
        [one] => check(one).map(Some).ok_or(handshake::Error::Extension),
        _ => Err(handshake::Error::Extension),
    };
    let found = found.map(|agreed| agreed.deflate);
    if found == expected { Ok(()) } else { Err(format!("{line:?}: {found:?}, but the reference: {expected:?}")) }
}

/// All of these laws over arbitrary input, for the fuzz target `ws-handshake`. The first two bytes choose the case.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    let (a, b, c) = (choice & 4 != 0, choice & 8 != 0, choice & 16 != 0);
    match choice & 3 {
        0 => chunking::<Request>(input, &chunks)?.map_or(Ok(()), |request| accepting(&request)),
        1 => {
            if let Some(response) = chunking::<Response>(input, &chunks)? {
                // Law 3: verification returns for any response.
                let _ = handshake::verify_response(NONCE, &response, a.then(Offer::default).as_ref(), &["chat"]);
            }
            Ok(())
        }
        2 => {
            let policy = ServerPolicy::default()
                .with_server_no_context_takeover(a)
                .with_client_no_context_takeover(b)
                .with_server_max_window_bits(if c { 11 } else { 15 })
                .with_client_max_window_bits(8 + (choice >> 5));
            offers(&String::from_utf8_lossy(input), policy)
        }
        _ => {
            let offer = Offer::default()
                .with_server_no_context_takeover(a)
                .with_client_no_context_takeover(b)
                .with_client_max_window_bits(c)
                .with_server_max_window_bits((choice >> 5 != 0).then_some(8 + (choice >> 5)));
            answers(&String::from_utf8_lossy(input), &offer)
        }
    }
}
