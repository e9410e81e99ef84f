//! What a proxy is, says of itself, and reports: URLs and credentials, forwarded requests, and failures that may pass.

use turnwire::proxy::{
    Error, InvalidHandshake, Limits, Proxy, ProxyCredentials, ProxyHandshake, ProxySelector, Scheme, Socks4Reply,
    Socks5Reply,
};

fn proxy(text: &str) -> Proxy {
    Proxy::parse(text).expect("a proxy")
}

/// The value that a proxy gets for a request that it forwards.
fn authorization(text: &str) -> Option<Vec<u8>> {
    let value = proxy(text).authorization().expect("a username without a colon")?;
    assert!(value.is_sensitive());
    Some(value.as_bytes().to_vec())
}

#[test]
fn proxy_is_shown_as_its_url_without_credentials() {
    for (text, shown, uses_tls, forwards) in [
        ("a", "http://a:1080", false, true),
        ("https://user:secret@a", "https://a:443", true, true),
        ("socks4://a:1", "socks4a://a:1", false, false),
        ("socks5://[::1]:2", "socks5h://[::1]:2", false, false),
    ] {
        let proxy = proxy(text);
        assert_eq!(proxy.to_string(), shown);
        assert_eq!((proxy.uses_tls(), proxy.forwards_requests()), (uses_tls, forwards), "{text}");
        assert_eq!(proxy.has_credentials(), text.contains('@'));
    }
}

#[test]
fn credentials_of_the_url_are_percent_decoded_for_forwarded_requests() {
    // base64 of `user:hunter2`, `a/b:%`, `é:`, `xabc:` and `x%2:y%g0`.
    for (text, value) in [
        ("user:hunter2@a", &b"Basic dXNlcjpodW50ZXIy"[..]),
        ("%75%73er:%68unter2@a", b"Basic dXNlcjpodW50ZXIy"),
        ("a%2fb:%25@a", b"Basic YS9iOiU="),
        ("a%2Fb:%25@a", b"Basic YS9iOiU="),
        ("%c3%A9@a", b"Basic w6k6"),
        ("xabc@a", b"Basic eGFiYzo="),
        ("x%2:y%g0@a", b"Basic eCUyOnklZzA="),
    ] {
        assert_eq!(authorization(text).as_deref(), Some(value), "{text}");
    }
    assert_eq!(authorization("a"), None);
    let colon = proxy("a").with_credentials(ProxyCredentials::new("a:b", "c").expect("credentials"));
    assert_eq!(colon.authorization().expect_err("a colon"), InvalidHandshake::UsernameColon);
}

/// `challenge` is a header of a 407. Returns the schemes that are found in it.
fn schemes(challenge: &str) -> Vec<String> {
    let mut handshake =
        ProxyHandshake::new(&proxy("a"), "h", 443, Limits::default()).expect("a handshake that can be sent");
    handshake.handle_written(usize::MAX);
    handshake.handle_input(format!("HTTP/1.1 407 X\r\nProxy-Authenticate: {challenge}\r\n\r\n").as_bytes());
    match handshake.poll_result() {
        Some(Err(Error::AuthenticationRequired { schemes, .. })) => schemes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn commas_in_quoted_strings_of_a_challenge_separate_no_schemes() {
    for (challenge, expected) in [
        ("Basic realm=\"a, b\", NTLM", &["Basic", "NTLM"][..]),
        (r#"Basic realm="a\", b", NTLM"#, &["Basic", "NTLM"]),
        (r#"Basic realm="a\\", NTLM"#, &["Basic", "NTLM"]),
        (r"Basic\, NTLM", &["NTLM"]),
        ("Basic realm=\"a\", charset=\"UTF-8\", NTLM", &["Basic", "NTLM"]),
        ("B@d, , NTLM", &["NTLM"]),
    ] {
        assert_eq!(schemes(challenge), expected, "{challenge}");
    }
}

#[test]
fn bytes_of_a_reply_that_is_not_complete_are_counted() {
    let mut handshake =
        ProxyHandshake::new(&proxy("a"), "h", 443, Limits::default()).expect("a handshake that can be sent");
    assert_eq!(handshake.buffered(), 0);
    handshake.handle_written(usize::MAX);
    handshake.handle_input(b"HTTP/1.1 200");
    assert_eq!((handshake.buffered(), handshake.wants_input()), (12, true));
    handshake.handle_input(b" OK\r\n\r\nhello");
    assert_eq!((handshake.buffered(), handshake.wants_input()), (5, false));
    assert_eq!(handshake.poll_result().expect("the end").expect("a connection").leftover, b"hello");
    assert_eq!(handshake.buffered(), 0);
}

#[test]
fn failures_that_may_pass_are_those_of_the_network_and_of_an_overloaded_proxy() {
    let refused = |status| Error::Refused { status, reason: String::new() };
    for status in [408, 429, 500, 502, 503, 504] {
        assert!(refused(status).is_retryable(), "{status}");
    }
    for status in [400, 403, 404, 501, 505] {
        assert!(!refused(status).is_retryable(), "{status}");
    }
    for passing in [
        Error::Closed,
        Error::Socks5(Socks5Reply::GeneralFailure),
        Error::Socks5(Socks5Reply::NetworkUnreachable),
        Error::Socks5(Socks5Reply::HostUnreachable),
        Error::Socks5(Socks5Reply::ConnectionRefused),
        Error::Socks5(Socks5Reply::TtlExpired),
        Error::Socks4(Socks4Reply::Rejected),
    ] {
        assert!(passing.is_retryable(), "{passing}");
    }
    for lasting in [
        Error::Socks5(Socks5Reply::NotAllowed),
        Error::Socks5(Socks5Reply::CommandNotSupported),
        Error::Socks5(Socks5Reply::Other(9)),
        Error::AddressType { kind: 2 },
        Error::AuthenticationRequired { schemes: Vec::new(), credentials_sent: true },
    ] {
        assert!(!lasting.is_retryable(), "{lasting}");
    }
}

#[test]
fn error_says_that_no_username_was_configured_only_where_none_was() {
    for credentials_offered in [true, false] {
        let error = Error::NoAcceptableMethod { credentials_offered };
        let says = error.to_string().contains("no username was configured");
        assert_eq!(says, !credentials_offered, "{error}");
    }
}

#[test]
fn host_without_tls_has_a_proxy_of_its_own() {
    let mut selector = ProxySelector::new();
    selector.set_http_proxy("plain").expect("a proxy");
    selector.set_https_proxy("secure").expect("a proxy");
    let of = |tls| selector.select("h", 80, tls).map(|proxy| proxy.host().to_owned());
    assert_eq!((of(false).as_deref(), of(true).as_deref()), (Some("plain"), Some("secure")));
}

#[test]
fn schemes_are_named_as_in_urls() {
    for (scheme, name) in
        [(Scheme::Http, "http"), (Scheme::Https, "https"), (Scheme::Socks4a, "socks4a"), (Scheme::Socks5, "socks5h")]
    {
        let proxy = Proxy::new(scheme, "h", 1).expect("a proxy");
        assert_eq!(proxy.to_string(), format!("{name}://h:1"));
        assert_eq!(Proxy::parse(&proxy.to_string()), Ok(proxy));
    }
}
