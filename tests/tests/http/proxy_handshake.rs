//! Handshakes with proxies: the sent bytes, the meaning of each reply, and that every split of a reply gives the same
//! result.

use turnwire::http;
use turnwire::proxy::{
    Error, InvalidHandshake, Limits, Proxy, ProxyCredentials, ProxyHandshake, Scheme, Socks4Reply, Socks5Reply,
};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::proxy::{Case, Outcome, chunking};

/// Runs the handshake with every split of the proxy's replies.
fn run(case: &Case, input: &[u8]) -> Outcome {
    let mut outcome = None;
    for chunks in Chunks::all(input.len()) {
        outcome = Some(chunking(case, input, &chunks).expect("the laws"));
    }
    outcome.expect("at least one split")
}

fn result(case: &Case, input: &[u8]) -> Result<Vec<u8>, Error> {
    run(case, input).result
}

fn invalid(proxy: &Proxy, host: &str, port: u16) -> Option<InvalidHandshake> {
    ProxyHandshake::new(proxy, host, port, Limits::default()).err()
}

#[test]
fn connect_request_names_the_host_twice_and_carries_basic_credentials() {
    let case = Case::new(Scheme::Http, true, "api.example.com");
    let outcome = run(&case, b"HTTP/1.1 200 OK\r\n\r\n");
    // The value is RFC 7617's: base64 of `user:hunter2`.
    let sent = b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\
        Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n\r\n";
    assert_eq!(outcome, Outcome { sent: sent.to_vec(), result: Ok(Vec::new()) });
}

#[test]
fn connect_request_without_credentials_has_no_authorization() {
    let outcome = run(&Case::new(Scheme::Https, false, "2001:db8::1"), b"HTTP/1.0 200\r\n\r\n");
    let sent = b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n";
    assert_eq!(outcome, Outcome { sent: sent.to_vec(), result: Ok(Vec::new()) });
}

#[test]
fn rfc_9110_9_3_6_length_fields_of_a_2xx_to_connect_are_ignored() {
    let case = Case::new(Scheme::Http, false, "api.example.com");
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 Fine\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let input = [head.as_bytes(), b"hello\r\n\r\n"].concat();
        assert_eq!(result(&case, &input), Ok(b"hello\r\n\r\n".to_vec()), "{head}");
    }
}

#[test]
fn status_407_names_the_schemes_and_whether_credentials_were_sent() {
    let input = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
        Proxy-Authenticate: Negotiate, Basic realm=\"a, Fake b\\\" , c\", charset = \"UTF-8\"\r\n\
        proxy-authenticate: NTLM abc==, basic\r\nContent-Length: 4\r\n\r\nbody";
    for credentials_sent in [false, true] {
        let case = Case::new(Scheme::Http, credentials_sent, "api.example.com");
        let schemes = ["Negotiate", "Basic", "NTLM"].map(str::to_owned).to_vec();
        let error = result(&case, input).expect_err("407");
        assert_eq!(error, Error::AuthenticationRequired { schemes, credentials_sent });
        let text = match credentials_sent {
            true => "the proxy rejected the credentials (status 407); it accepts Negotiate, Basic, NTLM",
            false => "the proxy requires authentication (status 407); it accepts Negotiate, Basic, NTLM",
        };
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn schemes_of_a_407_are_limited_to_eight_names_of_32_bytes() {
    let case = Case::new(Scheme::Http, false, "api.example.com");
    let long = "n".repeat(32);
    let names: Vec<String> = (0..9).map(|number| format!("S{number}")).collect();
    let input = format!(
        "HTTP/1.1 407 No\r\nProxy-Authenticate: {long}, {long}n\r\nProxy-Authenticate: {}\r\n\r\n",
        names.join(",")
    );
    let schemes = [vec![long], names[..7].to_vec()].concat();
    let expected = Error::AuthenticationRequired { schemes, credentials_sent: false };
    assert_eq!(result(&case, input.as_bytes()), Err(expected));
}

#[test]
fn other_statuses_are_refusals_with_a_short_reason() {
    let case = Case::new(Scheme::Http, false, "api.example.com");
    for (status, reason, kept) in
        [(403, "Forbidden".to_owned(), 9), (503, "x".repeat(128), 128), (503, "x".repeat(129), 128)]
    {
        let input = format!("HTTP/1.1 {status} {reason}\r\n\r\nbody");
        assert_eq!(result(&case, input.as_bytes()), Err(Error::Refused { status, reason: reason[..kept].to_owned() }));
    }
    // CONNECT opens a tunnel, not another protocol.
    let refused = Error::Refused { status: 101, reason: "Switching Protocols".to_owned() };
    assert_eq!(result(&case, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Err(refused));
}

#[test]
fn head_of_the_response_passes_at_its_limit_and_fails_one_byte_above() {
    let mut case = Case::new(Scheme::Http, false, "api.example.com");
    let input = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
    (case.limits.head.bytes, case.limits.head.headers) = (input.len(), 2);
    assert_eq!(result(&case, input), Ok(Vec::new()));
    case.limits.head.headers = 1;
    assert_eq!(result(&case, input), Err(http::Error::TooManyHeaders { limit: 1 }.into()));
    (case.limits.head.bytes, case.limits.head.headers) = (input.len() - 1, 2);
    assert_eq!(result(&case, input), Err(http::Error::HeadTooLong { limit: input.len() - 1 }.into()));
}

#[test]
fn interim_responses_pass_at_their_limit_and_fail_one_above() {
    let case = Case::new(Scheme::Http, false, "api.example.com");
    let input = |interim| ["HTTP/1.1 103 Hints\r\n\r\n".repeat(interim), "HTTP/1.1 200 OK\r\n\r\n".to_owned()].concat();
    assert_eq!(result(&case, input(16).as_bytes()), Ok(Vec::new()));
    assert_eq!(result(&case, input(17).as_bytes()), Err(http::Error::TooManyInterim { limit: 16 }.into()));
}

#[test]
fn bytes_that_are_not_http_fail_before_the_connection_ends() {
    for input in [b"\x05\x00\r\n\r\n".as_slice(), b"SSH-2.0-OpenSSH\r\n\r\n"] {
        let case = Case::new(Scheme::Http, false, "api.example.com");
        assert!(matches!(result(&case, input), Err(Error::Http(_))), "{input:?}");
    }
}

#[test]
fn rfc_1928_name_goes_to_the_proxy_and_every_form_of_bound_address_is_read() {
    let case = Case::new(Scheme::Socks5, false, "api.example.com");
    let sent = b"\x05\x01\x00\x05\x01\x00\x03\x0fapi.example.com\x01\xbb".to_vec();
    let long = [b"\x05\x00\x00\x03\xff".as_slice(), &[b'n'; 255], &[1, 2]].concat();
    for bound in [
        b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38".as_slice(),
        b"\x05\x00\x00\x03\x00\x04\x38",
        b"\x05\x00\x07\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04\x38",
        &long,
    ] {
        let input = [b"\x05\x00", bound, b"\x05\x00host"].concat();
        assert_eq!(run(&case, &input), Outcome { sent: sent.clone(), result: Ok(b"\x05\x00host".to_vec()) });
    }
}

#[test]
fn rfc_1928_addresses_are_sent_as_addresses() {
    let input = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    let four = run(&Case::new(Scheme::Socks5, false, "192.0.2.1"), input);
    assert_eq!(four.sent, b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb");
    for host in ["2001:db8::1", "[2001:db8::1]"] {
        let six = run(&Case::new(Scheme::Socks5, false, host), input);
        let address = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
        assert_eq!(six.sent, [b"\x05\x01\x00\x05\x01\x00\x04".as_slice(), address, b"\x01\xbb"].concat());
    }
}

#[test]
fn rfc_1929_username_and_password_are_sent_when_the_proxy_selects_them() {
    let case = Case::new(Scheme::Socks5, true, "192.0.2.1");
    let connect = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb".as_slice();
    let reply = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00".as_slice();
    for version in [1, 5] {
        let outcome = run(&case, &[b"\x05\x02", [version, 0].as_slice(), reply].concat());
        let sent = [b"\x05\x02\x00\x02\x01\x04user\x07hunter2", connect].concat();
        assert_eq!(outcome, Outcome { sent, result: Ok(Vec::new()) });
    }
    let without = run(&case, &[b"\x05\x00", reply].concat());
    assert_eq!(without, Outcome { sent: [b"\x05\x02\x00\x02", connect].concat(), result: Ok(Vec::new()) });
    assert_eq!(result(&case, b"\x05\x02\x01\x01"), Err(Error::CredentialsRejected { status: 1 }));
}

#[test]
fn rfc_1928_methods_that_were_not_offered_fail() {
    let (with, without) = (Case::new(Scheme::Socks5, true, "h"), Case::new(Scheme::Socks5, false, "h"));
    assert_eq!(result(&without, b"\x05\x02"), Err(Error::UnexpectedMethod { method: 2 }));
    assert_eq!(result(&with, b"\x05\x01"), Err(Error::UnexpectedMethod { method: 1 }));
    for (case, credentials_offered) in [(&with, true), (&without, false)] {
        assert_eq!(result(case, b"\x05\xff"), Err(Error::NoAcceptableMethod { credentials_offered }));
    }
}

#[test]
fn rfc_1928_failures_are_known_by_their_code_alone() {
    let case = Case::new(Scheme::Socks5, false, "h");
    let failures = [
        (1, Socks5Reply::GeneralFailure),
        (2, Socks5Reply::NotAllowed),
        (3, Socks5Reply::NetworkUnreachable),
        (4, Socks5Reply::HostUnreachable),
        (5, Socks5Reply::ConnectionRefused),
        (6, Socks5Reply::TtlExpired),
        (7, Socks5Reply::CommandNotSupported),
        (8, Socks5Reply::AddressTypeNotSupported),
        (9, Socks5Reply::Other(9)),
    ];
    for (code, failure) in failures {
        assert_eq!(result(&case, &[5, 0, 5, code]), Err(Error::Socks5(failure)));
    }
    assert_eq!(result(&case, b"\x05\x00\x05\x00\x00\x02"), Err(Error::AddressType { kind: 2 }));
}

#[test]
fn another_protocol_fails_at_its_first_byte() {
    for (scheme, version) in [(Scheme::Socks5, 5), (Scheme::Socks4a, 4)] {
        let mut handshake = Case::new(scheme, false, "h").begin();
        handshake.handle_input(b"H");
        assert_eq!(handshake.poll_transmit(), b"", "nothing more is sent to it");
        assert_eq!(handshake.poll_result(), Some(Err(Error::NotSocks { version, first: b'H' })));
    }
}

#[test]
fn socks4a_name_follows_the_address_that_announces_it() {
    let granted = b"\x00\x5a\x00\x00\x00\x00\x00\x00host";
    let named = run(&Case::new(Scheme::Socks4a, true, "api.example.com"), granted);
    let sent = b"\x04\x01\x01\xbb\x00\x00\x00\x01user\x00api.example.com\x00".to_vec();
    assert_eq!(named, Outcome { sent, result: Ok(b"host".to_vec()) });
    let address = run(&Case::new(Scheme::Socks4a, false, "192.0.2.1"), granted);
    assert_eq!(address.sent, b"\x04\x01\x01\xbb\xc0\x00\x02\x01\x00");
    let case = Case::new(Scheme::Socks4a, false, "h");
    for (code, failure) in [
        (91, Socks4Reply::Rejected),
        (92, Socks4Reply::NoIdentd),
        (93, Socks4Reply::OtherUser),
        (0, Socks4Reply::Other(0)),
    ] {
        assert_eq!(result(&case, &[0, code]), Err(Error::Socks4(failure)));
    }
}

#[test]
fn end_of_the_connection_inside_a_reply_is_an_error() {
    for (scheme, whole) in [
        (Scheme::Http, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n".as_slice()),
        (Scheme::Socks5, b"\x05\x00\x05\x00\x00\x03\x04host\x00\x00"),
        (Scheme::Socks4a, b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    ] {
        let case = Case::new(scheme, false, "h");
        assert_eq!(result(&case, whole), Ok(Vec::new()));
        for end in 0..whole.len() {
            assert_eq!(result(&case, &whole[..end]), Err(Error::Closed), "{scheme:?}, {end} bytes");
        }
    }
}

#[test]
fn success_is_reported_only_when_the_request_is_written() {
    let mut handshake = Case::new(Scheme::Http, false, "h").begin();
    handshake.handle_input(b"HTTP/1.1 200 OK\r\n\r\none");
    assert_eq!(handshake.poll_result(), None);
    assert!(!handshake.wants_input());
    handshake.handle_written(1);
    assert_eq!(handshake.poll_result(), None);
    handshake.handle_input(b"two");
    handshake.handle_eof();
    handshake.handle_written(usize::MAX);
    let connected = handshake.poll_result().expect("a result").expect("a connection");
    assert_eq!(connected.leftover, b"onetwo");
    assert_eq!(handshake.poll_result(), None);
}

#[test]
fn handshakes_that_a_protocol_cannot_carry_do_not_begin() {
    let proxy = |scheme| Proxy::new(scheme, "proxy.example", 1080).expect("a host name");
    for host in ["", "a b", "a\r\nX: y", "a/b", "a:1", "caf\u{e9}", "u@h", "[::1", "fe80::1%eth0", &"n".repeat(256)] {
        assert_eq!(invalid(&proxy(Scheme::Http), host, 443), Some(InvalidHandshake::Host), "{host}");
    }
    assert_eq!(invalid(&proxy(Scheme::Socks5), &"n".repeat(255), 443), None);
    assert_eq!(invalid(&proxy(Scheme::Http), "h", 0), Some(InvalidHandshake::Port));
    assert_eq!(invalid(&proxy(Scheme::Socks4a), "::1", 443), Some(InvalidHandshake::Ipv6));
    let with = |scheme, user: &str, password: &str| {
        proxy(scheme).with_credentials(ProxyCredentials::new(user, password).expect("printable"))
    };
    assert_eq!(invalid(&with(Scheme::Http, "a:b", "c"), "h", 1), Some(InvalidHandshake::UsernameColon));
    assert_eq!(invalid(&with(Scheme::Http, "a", "b:c"), "h", 1), None);
    let (fits, long) = ("u".repeat(255), "u".repeat(256));
    assert_eq!(invalid(&with(Scheme::Socks5, &fits, &fits), "h", 1), None);
    for (user, password) in [(&long, &fits), (&fits, &long)] {
        assert_eq!(invalid(&with(Scheme::Socks5, user, password), "h", 1), Some(InvalidHandshake::CredentialsTooLong));
    }
}
