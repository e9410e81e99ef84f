//! Opening handshakes: vectors for both roles, and the agreement of our client and server.

use core::fmt::Debug;

use serde::Deserialize;
use turnwire::http::{self, HeadDecoder, HeadLimits, Headers, Request, Response};
use turnwire::ws::deflate::{Offer, Params, ServerPolicy};
use turnwire::ws::handshake::{self, ServerOptions};
use turnwire_tests::chunks::Chunks;

/// The nonce, the key and the accept value of RFC 6455 §1.3.
const NONCE: [u8; 16] = *b"the sample nonce";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Bytes after a head: the first bytes of the WebSocket connection.
const FRAME: &[u8] = b"\x89\x01\n";

#[derive(Deserialize)]
struct Vectors {
    request: Vec<Case>,
    response: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rule: String,
    start: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    end: Option<String>,
    fill: Option<usize>,
    #[serde(default)]
    protocols: Vec<String>,
    policy: Option<Stated>,
    offer: Option<Stated>,
    http: Option<String>,
    why: Option<String>,
    error: Option<String>,
    status: Option<u16>,
    accept: Option<String>,
    extensions: Option<String>,
    protocol: Option<String>,
}

/// An offer or a policy, with its differences from the default.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    #[serde(default)]
    server_no_context_takeover: bool,
    #[serde(default)]
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<toml::Value>,
}

impl Stated {
    fn offer(&self) -> Offer {
        Offer::default()
            .with_server_no_context_takeover(self.server_no_context_takeover)
            .with_client_no_context_takeover(self.client_no_context_takeover)
            .with_server_max_window_bits(self.server_max_window_bits)
            .with_client_max_window_bits(
                self.client_max_window_bits.as_ref().is_none_or(|set| set.as_bool() == Some(true)),
            )
    }

    fn policy(&self) -> ServerPolicy {
        let client = self.client_max_window_bits.as_ref().and_then(toml::Value::as_integer);
        ServerPolicy::default()
            .with_server_no_context_takeover(self.server_no_context_takeover)
            .with_client_no_context_takeover(self.client_no_context_takeover)
            .with_server_max_window_bits(self.server_max_window_bits.unwrap_or(15))
            .with_client_max_window_bits(client.map_or(15, |bits| bits.try_into().expect("a number of bits")))
    }
}

/// Expands `{text*N}`.
fn expand(text: &str) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let (repeat, after) = rest.split_once('}').expect("a closed group");
    let (text, times) = repeat.rsplit_once('*').expect("a count");
    [before, &text.repeat(times.parse().expect("a count")), after].concat()
}

impl Case {
    fn head(&self, start: &str, lines: &[(&str, &str)]) -> Vec<u8> {
        let end = self.end.as_deref().unwrap_or("\r\n");
        let mut head = expand(self.start.as_deref().unwrap_or(start)) + end;
        let base = lines.iter().filter(|(name, _)| !self.without.iter().any(|out| out == name));
        let base: Vec<String> = base.map(|(name, value)| format!("{name}: {value}")).collect();
        for line in base.iter().chain(&self.with) {
            match line.strip_prefix('{').and_then(|line| line.strip_suffix('}')) {
                // Repeats whole lines as lines.
                Some(repeated) => {
                    let (line, times) = repeated.rsplit_once('*').expect("a count");
                    head += &format!("{line}{end}").repeat(times.parse().expect("a count"));
                }
                None => head += &(expand(line) + end),
            }
        }
        if let Some(size) = self.fill {
            let name = "X-Fill: ";
            head += &(name.to_owned() + &"a".repeat(size - head.len() - name.len() - 2 * end.len()) + end);
        }
        (head + end).into_bytes()
    }

    /// Decodes the head with every split; the results must be equal, and bytes after it must stay.
    fn read<H: http::Head + Debug + PartialEq>(&self, head: &[u8]) -> Result<Option<H>, String> {
        let input = [head, FRAME].concat();
        let cuts: Vec<Chunks> = match input.len() {
            0..=1200 => Chunks::all(input.len()).collect(),
            length => [Chunks::Bytes, Chunks::Size(1000), Chunks::Whole]
                .into_iter()
                .chain([1, 2, 17, 600, length - 5, length - 4, length - 3, length - 1].map(Chunks::Split))
                .collect(),
        };
        let mut read = cuts.iter().map(|cut| read::<H>(&cut.cut(&input)).map_err(|why| format!("{cut:?}: {why}")));
        let first = read.next().expect("a way to cut")?;
        for (other, cut) in read.zip(&cuts[1..]) {
            if other? != first {
                return Err(format!("{cut:?} differs"));
            }
        }
        match (first, &self.http) {
            (Ok(head), None) => Ok(Some(head)),
            (Err(error), Some(expected)) if format!("{error:?}").starts_with(expected) => Ok(None),
            (other, expected) => Err(format!("{other:?}, expected {expected:?}")),
        }
    }

    fn request(&self) -> Result<(), String> {
        let lines = [
            ("Host", "example.com"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        let head = self.head("GET /chat HTTP/1.1", &lines);
        let Some(request) = self.read::<Request>(&head)? else { return Ok(()) };
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let options =
            ServerOptions::default().with_deflate(self.policy.as_ref().map(Stated::policy)).with_protocols(&protocols);
        match handshake::accept(&request, &options) {
            Err(refusal) => {
                let why = format!("{:?}", refusal.why);
                same("why", &Some(why), &self.why)?;
                same("status", &Some(refusal.response.status()), &self.status)?;
                let closes = refusal.response.headers.has_token("connection", "close");
                let old = refusal.response.headers.get_str("sec-websocket-version") == Some("13");
                let length = refusal.response.headers.get_str("content-length") == Some("0");
                match closes && length && old == (self.status == Some(426)) {
                    true => Ok(()),
                    false => Err(format!("{:?}", refusal.response)),
                }
            }
            Ok((response, agreed)) => {
                same("why", &None, &self.why)?;
                let say = |name: &str| response.headers.get_str(name).map(str::to_owned);
                same("status", &response.status(), &101)?;
                if let Some(accept) = &self.accept {
                    same("accept", &say("sec-websocket-accept"), &Some(accept.clone()))?;
                }
                same("extensions", &say("sec-websocket-extensions"), &self.extensions)?;
                same("params", &agreed.deflate, &self.extensions.as_deref().map(params))?;
                same("protocol line", &say("sec-websocket-protocol"), &self.protocol)?;
                same("protocol", &agreed.protocol, &self.protocol)
            }
        }
    }

    fn response(&self) -> Result<(), String> {
        let lines = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", ACCEPT),
            ("Server", "stranger"),
        ];
        let head = self.head("HTTP/1.1 101 Switching Protocols", &lines);
        let Some(response) = self.read::<Response>(&head)? else { return Ok(()) };
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let offer = self.offer.as_ref().map(Stated::offer);
        match handshake::verify_response(NONCE, &response, offer.as_ref(), &protocols) {
            Err(error) => {
                let named = format!("{error:?}");
                let named = named[..named.find('(').unwrap_or(named.len())].to_owned();
                same("error", &Some(named), &self.error)
            }
            Ok(agreed) => {
                same("error", &None, &self.error)?;
                same("params", &agreed.deflate, &self.extensions.as_deref().map(params))?;
                same("protocol", &agreed.protocol, &self.protocol)
            }
        }
    }
}

type Read<H> = Result<H, http::Error>;

fn read<H: http::Head>(reads: &[&[u8]]) -> Result<Read<H>, String> {
    let mut decoder = HeadDecoder::<H>::new(HeadLimits::default());
    let mut left = Vec::new();
    let mut head = None;
    for read in reads {
        let mut input = *read;
        if head.is_none() {
            match decoder.decode(&mut input) {
                Err(error) => return Ok(Err(error)),
                Ok(Some(whole)) => head = Some(whole),
                Ok(None) => {}
            }
        }
        if head.is_some() {
            left.extend_from_slice(input);
        } else if !input.is_empty() {
            return Err("input was not consumed, without a result".into());
        }
    }
    match head {
        Some(head) if left == FRAME => Ok(Ok(head)),
        Some(_) => Err(format!("{} bytes are left", left.len())),
        None => Err("the head does not end".into()),
    }
}

fn same<T: Debug + PartialEq>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// Parses the parameters in a value that we formatted.
fn params(value: &str) -> Params {
    let mut params = Params::default();
    for part in value.split("; ").skip(1) {
        match part.split_once('=') {
            None if part == "server_no_context_takeover" => params.server_no_context_takeover = true,
            None if part == "client_no_context_takeover" => params.client_no_context_takeover = true,
            Some(("server_max_window_bits", bits)) => params.server_max_window_bits = bits.parse().expect("bits"),
            Some(("client_max_window_bits", bits)) => params.client_max_window_bits = bits.parse().expect("bits"),
            other => panic!("what is {other:?}?"),
        }
    }
    params
}

#[test]
fn vectors() {
    let vectors: Vectors = toml::from_str(include_str!("../../vectors/handshake.toml")).expect("the vectors");
    let requests = vectors.request.iter().map(|case| (case, case.request()));
    let responses = vectors.response.iter().map(|case| (case, case.response()));
    let failed: Vec<String> = requests
        .chain(responses)
        .filter_map(|(case, result)| result.err().map(|why| format!("{} ({}): {why:.400}", case.name, case.rule)))
        .collect();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

/// For every offer and every policy, both ends agree on the same parameters, within what both allow.
#[test]
fn client_and_server_agree_on_parameters() {
    let flags = [false, true];
    let windows = [None, Some(8), Some(9), Some(14), Some(15)];
    for (a, b, c, window) in product(flags, flags, flags, windows) {
        let offer = Offer::default()
            .with_server_no_context_takeover(a)
            .with_client_no_context_takeover(b)
            .with_client_max_window_bits(c)
            .with_server_max_window_bits(window);
        for (a, b, server, client) in product(flags, flags, [9, 12, 15], [8, 10, 15]) {
            let policy = ServerPolicy::default()
                .with_server_no_context_takeover(a)
                .with_client_no_context_takeover(b)
                .with_server_max_window_bits(server)
                .with_client_max_window_bits(client);
            agree(&offer, policy);
        }
    }
}

fn product<A: Copy, B: Copy, C: Copy, D: Copy>(
    a: impl IntoIterator<Item = A> + Clone,
    b: impl IntoIterator<Item = B> + Clone,
    c: impl IntoIterator<Item = C> + Clone,
    d: impl IntoIterator<Item = D> + Clone,
) -> Vec<(A, B, C, D)> {
    let mut all = Vec::new();
    for a in a {
        for b in b.clone() {
            for c in c.clone() {
                all.extend(d.clone().into_iter().map(|d| (a, b, c, d)));
            }
        }
    }
    all
}

fn agree(offer: &Offer, policy: ServerPolicy) {
    let request = handshake::build_request("/", "example.com", NONCE, &Headers::new(), Some(offer)).expect("a request");
    let options = ServerOptions::default().with_deflate(Some(policy));
    let (response, server) = handshake::accept(&request, &options).expect("a good request");
    let client = handshake::verify_response(NONCE, &response, Some(offer), &[]).expect("a good response");
    assert_eq!(client, server, "{offer:?} {policy:?}");
    let Some(params) = server.deflate else {
        assert_eq!(offer.server_max_window_bits, Some(8), "{offer:?} {policy:?}");
        return;
    };
    let asked = offer.server_max_window_bits.unwrap_or(15);
    assert_eq!(params.server_max_window_bits, policy.server_max_window_bits.min(asked));
    let limit = if offer.client_max_window_bits { policy.client_max_window_bits } else { 15 };
    assert_eq!(params.client_max_window_bits, limit);
    let (server, client) = (policy.server_no_context_takeover, policy.client_no_context_takeover);
    assert_eq!(params.server_no_context_takeover, offer.server_no_context_takeover || server);
    assert_eq!(params.client_no_context_takeover, offer.client_no_context_takeover || client);
}

/// The default offer is the one that the reference client sends.
#[test]
fn handshake_request_has_default_offer() {
    let mut headers = Headers::new();
    for (name, value) in [("Authorization", "Bearer x"), ("host", "elsewhere"), ("Sec-WebSocket-Protocol", "chat")] {
        headers.append(name, value).expect("a header");
    }
    let offer = Offer::default();
    let request =
        handshake::build_request("/chat?a=b", "example.com:8080", NONCE, &headers, Some(&offer)).expect("a request");
    let mut out = Vec::new();
    http::encode_request(&request, &mut out);
    let expected = format!(
        "GET /chat?a=b HTTP/1.1\r\nHost: example.com:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
         Authorization: Bearer x\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

/// Values of the caller cannot break the head (RFC 9110 §5.5).
#[test]
fn injection() {
    let ours = |target: &str, host: &str| handshake::build_request(target, host, NONCE, &Headers::new(), None);
    for bad in ["/a\r\nX: y", "/a b", "/a\nb", "/a\0b", "", "/\u{e4}", "/a\tb"] {
        ours(bad, "example.com").expect_err(bad);
    }
    for bad in ["example.com\r\nX: y", "a\nb", "a\0b", "a\rb"] {
        ours("/", bad).expect_err(bad);
        for name in ["Sec-WebSocket-Protocol", "X"] {
            Headers::new().append(name, bad).expect_err(bad);
        }
        Headers::new().append(bad, "x").expect_err(bad);
    }
}
