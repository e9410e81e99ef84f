//! Base URLs: the resulting socket, `Host` header and request target, and rejected URLs.
//!
//! An accepted URL gives the result of the WHATWG URL Standard, except that IPv4-mapped IPv6 addresses keep their
//! dotted form. [`refused_although_whatwg_accepts_it`] lists URLs that the standard accepts and the client rejects.

use turnwire::client::{Client, Credentials, InvalidProvider, Provider, Settings, SocketCommand};
use turnwire::time::Instant;
use turnwire_tests::fixtures::ask;

/// Returns the socket, `Host` header and request target of a client's first request: `tls host port | authority |
/// target`.
fn endpoint(base: &str, allow_plain: bool) -> Result<String, InvalidProvider> {
    let mut provider = Provider::new("test", base);
    (provider.allow_plain, provider.capabilities.websocket) = (allow_plain, false);
    let mut client = Client::new(provider, Credentials::None, Settings::default(), [1; 32])?;
    client.send(Instant::ZERO, ask("hi")).expect("a request");
    let Some(SocketCommand::Connect(socket)) = client.poll_socket() else { panic!("no socket is wanted") };
    client.handle_connected(Instant::ZERO);
    let head = String::from_utf8_lossy(client.poll_transmit()).into_owned();
    let target = head.split(' ').nth(1).expect("a target");
    let host = head.lines().find_map(|line| line.strip_prefix("Host: "));
    let scheme = if socket.tls { "tls" } else { "plain" };
    Ok(format!("{scheme} {} {} | {} | {target}", socket.host, socket.port, host.expect("a host")))
}

#[test]
fn accepted_base_urls() {
    for (base, expected) in ACCEPTED {
        assert_eq!(endpoint(base, true).as_deref(), Ok(*expected), "{base:?}");
    }
}

/// Without `allow_plain`, plain transport reaches loopback hosts only: addresses in 127.0.0.0/8, `::1`, `localhost` and names below it.
#[test]
fn plain_transport_is_for_loopback_hosts() {
    for (base, _) in ACCEPTED.iter().filter(|(base, _)| base.to_ascii_lowercase().starts_with("http:")) {
        let result = endpoint(base, false);
        if LOOPBACK.contains(base) {
            assert!(result.is_ok(), "{base:?}: {result:?}");
        } else {
            assert_eq!(result, Err(InvalidProvider::Plain), "{base:?}");
        }
    }
}

#[test]
fn refused_base_urls() {
    for (base, expected) in REFUSED {
        assert_eq!(refusal(base), *expected, "{base:?}");
    }
}

/// The WHATWG URL Standard changes these URLs in ways that a reader does not expect, so the client rejects them.
#[test]
fn refused_although_whatwg_accepts_it() {
    for (base, expected, _) in WHATWG_ACCEPTS {
        assert_eq!(refusal(base), *expected, "{base:?}");
    }
}

fn refusal(base: &str) -> String {
    endpoint(base, true).expect_err("a refused URL").to_string()
}

const HOST_CHARACTERS: &str =
    "the base URL is invalid: the host contains another character than letters, digits, `-`, `_` and `.`";
const PUNYCODE: &str = "the base URL is invalid: the host is not ASCII: write it in punycode (`xn--…`)";
const IPV4: &str = "the base URL is invalid: an IPv4 address is written as four decimal numbers";
const IPV6: &str = "the base URL is invalid: the brackets do not contain an IPv6 address";
const PORT: &str = "the base URL is invalid: the port is not a number up to 65535";
const NO_SCHEME: &str = "the base URL is invalid: it does not begin with a scheme";
const NO_SLASHES: &str = "the base URL is invalid: the scheme is not followed by `//`";
const EMPTY_HOST: &str = "the base URL is invalid: the host is empty";
const EMPTY_LABEL: &str = "the base URL is invalid: the host contains an empty label";
const BACKSLASH: &str = "the base URL is invalid: it contains a backslash";
const CONTROL: &str = "the base URL is invalid: it contains a control character";
const SCHEME: &str = "the url scheme is not supported";
const USERINFO: &str = "the base url contains credentials";

/// A base URL, and `scheme host port | Host header | target` of a request to it.
const ACCEPTED: &[(&str, &str)] = &[
    ("https://h/v1", "tls h 443 | h | /v1/responses"),
    ("http://h:80/v1", "plain h 80 | h | /v1/responses"),
    ("http://h:8080/v1", "plain h 8080 | h:8080 | /v1/responses"),
    ("https://h:443/v1", "tls h 443 | h | /v1/responses"),
    ("https://H.Example/V1", "tls h.example 443 | h.example | /V1/responses"),
    ("HTTPS://h", "tls h 443 | h | /responses"),
    ("ws://h/v1", "plain h 80 | h | /v1/responses"),
    ("wss://h/v1", "tls h 443 | h | /v1/responses"),
    ("wss://h:443", "tls h 443 | h | /responses"),
    ("https://h:0443/x", "tls h 443 | h | /x/responses"),
    ("https://h:/v1", "tls h 443 | h | /v1/responses"),
    ("https://h:0/v1", "tls h 0 | h:0 | /v1/responses"),
    ("https://h:65535", "tls h 65535 | h:65535 | /responses"),
    ("https://h", "tls h 443 | h | /responses"),
    ("https://h/", "tls h 443 | h | /responses"),
    ("https://h//", "tls h 443 | h | /responses"),
    ("https://h/v1/", "tls h 443 | h | /v1/responses"),
    ("https://h/v1//", "tls h 443 | h | /v1/responses"),
    ("https://h/a/./b/../c", "tls h 443 | h | /a/c/responses"),
    ("https://h/..", "tls h 443 | h | /responses"),
    ("https://h/a/%2e%2E/b", "tls h 443 | h | /b/responses"),
    ("https://h/a/..", "tls h 443 | h | /responses"),
    ("https://h/a/.", "tls h 443 | h | /a/responses"),
    ("https://h/a b", "tls h 443 | h | /a%20b/responses"),
    ("https://h/é", "tls h 443 | h | /%C3%A9/responses"),
    ("https://h/%zz%4", "tls h 443 | h | /%zz%4/responses"),
    ("https://h/a;b=c,d@e:f", "tls h 443 | h | /a;b=c,d@e:f/responses"),
    (" https://h/a ", "tls h 443 | h | /a/responses"),
    ("https://h/v1?z=1", "tls h 443 | h | /v1/responses?z=1"),
    ("https://h?z=1", "tls h 443 | h | /responses?z=1"),
    ("https://h/v1?", "tls h 443 | h | /v1/responses"),
    ("https://h/v1?a b'\"<>é#f", "tls h 443 | h | /v1/responses?a%20b%27%22%3C%3E%C3%A9"),
    ("https://h/v1#frag", "tls h 443 | h | /v1/responses"),
    ("https://h#frag", "tls h 443 | h | /responses"),
    ("https://h/v1?a#b?c", "tls h 443 | h | /v1/responses?a"),
    ("https://h/a?x=/../y", "tls h 443 | h | /a/responses?x=/../y"),
    ("https://h/@x", "tls h 443 | h | /@x/responses"),
    ("https://[::1]/v1", "tls ::1 443 | [::1] | /v1/responses"),
    ("https://[::1]:8443/v1", "tls ::1 8443 | [::1]:8443 | /v1/responses"),
    ("https://[2001:DB8::0:1]", "tls 2001:db8::1 443 | [2001:db8::1] | /responses"),
    ("https://[2001:0db8:0:0:1:0:0:1]", "tls 2001:db8::1:0:0:1 443 | [2001:db8::1:0:0:1] | /responses"),
    ("https://[::ffff:127.0.0.1]", "tls ::ffff:127.0.0.1 443 | [::ffff:127.0.0.1] | /responses"),
    ("http://127.0.0.1/", "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://127.255.0.9", "plain 127.255.0.9 80 | 127.255.0.9 | /responses"),
    ("http://0.0.0.0", "plain 0.0.0.0 80 | 0.0.0.0 | /responses"),
    ("http://1.a", "plain 1.a 80 | 1.a | /responses"),
    ("http://localhost:1/", "plain localhost 1 | localhost:1 | /responses"),
    ("http://LOCALHOST", "plain localhost 80 | localhost | /responses"),
    ("http://a.localhost", "plain a.localhost 80 | a.localhost | /responses"),
    ("http://localhost.", "plain localhost. 80 | localhost. | /responses"),
    ("http://localhost.evil.com", "plain localhost.evil.com 80 | localhost.evil.com | /responses"),
    ("http://evillocalhost", "plain evillocalhost 80 | evillocalhost | /responses"),
    ("http://10.0.0.1", "plain 10.0.0.1 80 | 10.0.0.1 | /responses"),
    ("http://[::1]", "plain ::1 80 | [::1] | /responses"),
    ("http://[::2]", "plain ::2 80 | [::2] | /responses"),
    ("http://h", "plain h 80 | h | /responses"),
    ("https://xn--bcher-kva.example", "tls xn--bcher-kva.example 443 | xn--bcher-kva.example | /responses"),
    ("https://a_b.example", "tls a_b.example 443 | a_b.example | /responses"),
    ("https://-a-.b", "tls -a-.b 443 | -a-.b | /responses"),
    ("https://h.", "tls h. 443 | h. | /responses"),
];

const LOOPBACK: &[&str] = &[
    "http://127.0.0.1/",
    "http://127.255.0.9",
    "http://localhost:1/",
    "http://LOCALHOST",
    "http://a.localhost",
    "http://[::1]",
];

const REFUSED: &[(&str, &str)] = &[
    ("https://h:65536", PORT),
    ("https://h:x", PORT),
    ("https://h:-1", PORT),
    ("https://user@h/v1", USERINFO),
    ("https://user:pass@h", USERINFO),
    ("https://:pass@h", USERINFO),
    ("https://a@b@h/", USERINFO),
    ("https://[::1", "the base URL is invalid: the bracket of an IPv6 address is not closed"),
    ("https://::1/", EMPTY_HOST),
    ("https://[fe80::1%25eth0]/", IPV6),
    ("https://[v1.a]", IPV6),
    ("https://[::1]x", "the base URL is invalid: the host is followed by other text than a port"),
    ("https://[1::2::3]", IPV6),
    ("https://[]", IPV6),
    ("https://[::127.0.0.256]", IPV6),
    ("http://256.1.1.1", IPV4),
    ("http://1.2.3.4.5", IPV4),
    ("http://a.1", IPV4),
    ("http://09", IPV4),
    ("http://1..2", EMPTY_LABEL),
    ("http://localhost@evil.com", USERINFO),
    ("https://a%2fb", HOST_CHARACTERS),
    ("https://a b", HOST_CHARACTERS),
    ("https://a<b", HOST_CHARACTERS),
    ("https://a|b", HOST_CHARACTERS),
    ("https://a^b", HOST_CHARACTERS),
    ("h/v1", NO_SCHEME),
    ("/v1", NO_SCHEME),
    ("", NO_SCHEME),
    ("https:", NO_SLASHES),
    ("https://", EMPTY_HOST),
    ("https:///", EMPTY_HOST),
    ("http:", NO_SLASHES),
    ("ftp://h", SCHEME),
    ("://h", NO_SCHEME),
    ("//h/v1", NO_SCHEME),
    ("file:///x", SCHEME),
    ("data:x", SCHEME),
    ("https ://h", NO_SCHEME),
    ("1https://h", NO_SCHEME),
    ("localhost:8080/v1", SCHEME),
];

/// A base URL, the client's error, and the result of the WHATWG URL Standard, in the notation of [`ACCEPTED`].
const WHATWG_ACCEPTS: &[(&str, &str, &str)] = &[
    ("https://h/a\"<>`{}|^\\b", BACKSLASH, "tls h 443 | h | /a%22%3C%3E%60%7B%7D|^/b/responses"),
    ("https://h/a\tb\nc", CONTROL, "tls h 443 | h | /abc/responses"),
    ("https://@h/v1", USERINFO, "tls h 443 | h | /v1/responses"),
    ("https://:@h", USERINFO, "tls h 443 | h | /responses"),
    ("http://127.1/", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://0x7f.1", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://0x7f000001", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://2130706433", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://0177.0.0.1", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://127.0.0.1.", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://1.2.3", IPV4, "plain 1.2.0.3 80 | 1.2.0.3 | /responses"),
    ("http://127.0.0.0x1", IPV4, "plain 127.0.0.1 80 | 127.0.0.1 | /responses"),
    ("http://0x", IPV4, "plain 0.0.0.0 80 | 0.0.0.0 | /responses"),
    ("http://localhost%2eevil.com", HOST_CHARACTERS, "plain localhost.evil.com 80 | localhost.evil.com | /responses"),
    ("https://bücher.example/v1", PUNYCODE, "tls xn--bcher-kva.example 443 | xn--bcher-kva.example | /v1/responses"),
    ("https://a%41.example", HOST_CHARACTERS, "tls aa.example 443 | aa.example | /responses"),
    ("https://a..b", EMPTY_LABEL, "tls a..b 443 | a..b | /responses"),
    ("https://.", EMPTY_LABEL, "tls . 443 | . | /responses"),
    ("https://faß.de", PUNYCODE, "tls xn--fa-hia.de 443 | xn--fa-hia.de | /responses"),
    ("https://１２７.0.0.1", PUNYCODE, "tls 127.0.0.1 443 | 127.0.0.1 | /responses"),
    ("https://a\u{ad}b", PUNYCODE, "tls ab 443 | ab | /responses"),
    ("https://*.h", HOST_CHARACTERS, "tls *.h 443 | *.h | /responses"),
    ("https://a!$&'()*+,;=b", HOST_CHARACTERS, "tls a!$&'()*+,;=b 443 | a!$&'()*+,;=b | /responses"),
    ("https:/h/v1", NO_SLASHES, "tls h 443 | h | /v1/responses"),
    ("https:///h/v1", EMPTY_HOST, "tls h 443 | h | /v1/responses"),
    ("https:h/v1", NO_SLASHES, "tls h 443 | h | /v1/responses"),
    ("https:\\\\h\\v1", BACKSLASH, "tls h 443 | h | /v1/responses"),
];
