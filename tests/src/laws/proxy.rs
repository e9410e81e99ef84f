//! Laws of the `proxy` layer.

use turnwire::http::HeadLimits;
use turnwire::proxy::{Error, Limits, Proxy, ProxyCredentials, ProxyHandshake, ProxySelector, Scheme};

use crate::chunks::Chunks;
use crate::reference;

/// The password of the credentials, which must not appear in `Debug` output.
const PASSWORD: &str = "hunter2";

/// The result of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All bytes sent to the proxy.
    pub sent: Vec<u8>,
    /// The bytes of the target host, or the error.
    pub result: Result<Vec<u8>, Error>,
}

/// The parameters of a handshake.
#[derive(Clone, Debug)]
pub struct Case {
    /// The proxy.
    pub proxy: Proxy,
    /// The host to connect to, at port 443.
    pub host: &'static str,
    /// The limits.
    pub limits: Limits,
}

impl Case {
    /// Creates a case with default limits.
    #[must_use]
    pub fn new(scheme: Scheme, credentials: bool, host: &'static str) -> Self {
        let proxy = Proxy::new(scheme, "proxy.example", 1080).expect("a host name");
        let proxy = match credentials {
            true => proxy.with_credentials(ProxyCredentials::new("user", PASSWORD).expect("printable credentials")),
            false => proxy,
        };
        Self { proxy, host, limits: Limits::default() }
    }

    /// Creates the handshake.
    ///
    /// # Panics
    ///
    /// If the protocol cannot carry the host.
    #[must_use]
    pub fn begin(&self) -> ProxyHandshake {
        ProxyHandshake::new(&self.proxy, self.host, 443, self.limits).expect("a host that the protocol can carry")
    }
}

/// Runs the handshake with a proxy that sends `input` in these reads and then closes the connection.
///
/// Also checks laws 3, 4 and 6: the handshake ends once, buffers at most the limits and the input, polling has no
/// effect, and `Debug` does not show the password.
pub fn run(case: &Case, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let mut handshake = case.begin();
    let (mut sent, mut result, mut given) = (Vec::new(), None, 0);
    let mut write = |handshake: &mut ProxyHandshake| {
        // Written in two parts, the first of which is short.
        for most in [3, usize::MAX] {
            let length = handshake.poll_transmit().len().min(most);
            sent.extend_from_slice(&handshake.poll_transmit()[..length]);
            handshake.handle_written(length);
        }
    };
    write(&mut handshake);
    for read in chunks.cut(input) {
        given += read.len();
        match &mut result {
            Some(Ok(leftover)) => Vec::extend_from_slice(leftover, read),
            Some(Err(_)) => {}
            None => {
                handshake.handle_input(read);
                let allowed = case.limits.head.bytes.max(1).min(given);
                if handshake.wants_input() && handshake.buffered() > allowed {
                    return Err(format!(
                        "{} of {given} bytes are buffered, at most {allowed} are allowed",
                        handshake.buffered()
                    ));
                }
                write(&mut handshake);
                result = handshake.poll_result().map(|result| result.map(|connected| connected.leftover));
            }
        }
        if result.is_some() {
            ended(&mut handshake)?;
        }
        let error = result.as_ref().and_then(|result| result.as_ref().err()).map(ToString::to_string);
        if format!("{handshake:?} {:?} {result:?} {error:?}", case.proxy).contains(PASSWORD) {
            return Err("Debug or an error shows the password".to_owned());
        }
    }
    handshake.handle_eof();
    let result = match result {
        Some(result) => result,
        None => match handshake.poll_result() {
            Some(result) => result.map(|connected| connected.leftover),
            None => return Err("the end of the connection did not end the handshake".to_owned()),
        },
    };
    ended(&mut handshake)?;
    Ok(Outcome { sent, result })
}

/// Law 3: a handshake that has ended ignores all input.
fn ended(handshake: &mut ProxyHandshake) -> Result<(), String> {
    handshake.handle_input(b"\x05\x00HTTP/1.1 200 OK\r\n\r\n");
    handshake.handle_eof();
    match (handshake.poll_result(), handshake.wants_input(), handshake.poll_transmit(), handshake.buffered()) {
        (None, false, [], 0) => Ok(()),
        state => Err(format!("after the end: {state:?}")),
    }
}

/// Laws 1, 3, 4, 6 and 9: every split into reads gives the same result, equal to the reference implementation's.
pub fn chunking(case: &Case, input: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let whole = run(case, input, &Chunks::Whole)?;
    let cut = run(case, input, chunks)?;
    // A failure drops unsent bytes, so the sent bytes are compared only after a success.
    let sent_alike = match whole.result {
        Ok(_) => cut.sent == whole.sent,
        Err(_) => cut.sent.starts_with(&whole.sent),
    };
    if cut.result != whole.result || !sent_alike {
        return Err(format!("{chunks:?}: {cut:?}, but unsplit: {whole:?}"));
    }
    if let Ok(leftover) = &whole.result
        && !input.ends_with(leftover)
    {
        return Err(format!("{leftover:?} is not a suffix of the input"));
    }
    let reference = match case.proxy.scheme() {
        Scheme::Socks5 => reference::proxy::socks5(input, case.proxy.has_credentials()),
        Scheme::Socks4a => reference::proxy::socks4a(input),
        _ => return Ok(whole),
    };
    match reference == whole.result {
        true => Ok(whole),
        false => Err(format!("{:?}, but the reference: {reference:?}", whole.result)),
    }
}

/// All of these laws over arbitrary input, for the fuzz target `proxy`. The first bytes choose the protocol, the host,
/// the limits and the split; the rest is the proxy's output, and the value of every environment variable.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let scheme = [Scheme::Http, Scheme::Https, Scheme::Socks5, Scheme::Socks4a][usize::from(choice & 3)];
    let host = ["api.example.com", "192.0.2.1"][usize::from(choice >> 2 & 1)];
    let mut case = Case::new(scheme, choice & 8 != 0, host);
    if choice & 16 != 0 {
        case.limits.head = HeadLimits::default().with_bytes(64).with_headers(2);
        case.limits.max_interim = 1;
    }
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    chunking(&case, input, &chunks)?;
    chunking(&case, input, &Chunks::Bytes)?;
    selection(&String::from_utf8_lossy(input))
}

/// A proxy URL that is accepted has a usable host and port, and only a `no_proxy` list with `*` excludes every host.
fn selection(text: &str) -> Result<(), String> {
    let mut selector = ProxySelector::new();
    if selector.set_all_proxy(text).is_ok()
        && let Some(proxy) = selector.select("api.example.com", 443, true)
    {
        let again = Proxy::new(proxy.scheme(), proxy.host(), proxy.port());
        if again.is_err()
            || ProxyHandshake::new(proxy, proxy.host(), proxy.port(), Limits::default())
                .is_ok_and(|handshake| handshake.poll_transmit().is_empty())
        {
            return Err(format!("{proxy:?} cannot be used"));
        }
    }
    selector.set_all_proxy("proxy.example").map_err(|error| error.to_string())?;
    selector.set_no_proxy(text);
    let excepts_all = ["a.example", "b.test", "192.0.2.1", "203.0.113.9", "2001:db8::1", "fd00::1"]
        .iter()
        .all(|host| selector.select(host, 9, true).is_none());
    match excepts_all && !text.contains(['*', '/']) && !text.contains("example") {
        true => Err("every host is excluded".to_owned()),
        false => Ok(()),
    }
}
