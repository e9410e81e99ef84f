//! The selection of a proxy for a host, by the values of the usual environment variables.

use turnwire::proxy::{InvalidProxy, Limits, Proxy, ProxyHandshake, ProxySelector, Scheme};

fn parsed(text: &str) -> Result<(Scheme, String, u16, bool), InvalidProxy> {
    Proxy::parse(text).map(|proxy| (proxy.scheme(), proxy.host().to_owned(), proxy.port(), proxy.has_credentials()))
}

/// Returns whether a host is reached without a proxy with this list.
fn is_direct(no_proxy: &str, host: &str, port: u16) -> bool {
    let mut selector = ProxySelector::new();
    selector.set_all_proxy("proxy.example").expect("a proxy");
    selector.set_no_proxy(no_proxy);
    selector.select(host, port, true).is_none()
}

#[test]
fn proxy_url_is_read_as_curl_reads_it() {
    for (text, scheme, host, port, credentials) in [
        ("proxy.example", Scheme::Http, "proxy.example", 1080, false),
        ("proxy.example:3128", Scheme::Http, "proxy.example", 3128, false),
        ("http://proxy.example", Scheme::Http, "proxy.example", 1080, false),
        ("HTTPS://proxy.example/", Scheme::Https, "proxy.example", 443, false),
        ("https://proxy.example:8443/path?query#part", Scheme::Https, "proxy.example", 8443, false),
        ("socks4://127.0.0.1", Scheme::Socks4a, "127.0.0.1", 1080, false),
        ("socks4a://h:1", Scheme::Socks4a, "h", 1, false),
        ("socks://h:1", Scheme::Socks4a, "h", 1, false),
        ("socks5://h:65535", Scheme::Socks5, "h", 65535, false),
        ("socks5h://[::1]:9050", Scheme::Socks5, "::1", 9050, false),
        ("http://[2001:db8::1]", Scheme::Http, "2001:db8::1", 1080, false),
        ("http://user:pass@h:8", Scheme::Http, "h", 8, true),
        ("user@h", Scheme::Http, "h", 1080, true),
        ("http://u:p@ss@h:8", Scheme::Http, "h", 8, true),
        ("http://@h:", Scheme::Http, "h", 1080, false),
        (" http://h:8 ", Scheme::Http, "h", 8, false),
    ] {
        assert_eq!(parsed(text), Ok((scheme, host.to_owned(), port, credentials)), "{text}");
    }
}

#[test]
fn invalid_proxy_url_is_an_error_without_its_text() {
    for (text, error) in [
        ("ftp://h", InvalidProxy::Scheme),
        ("://h", InvalidProxy::Scheme),
        ("http://", InvalidProxy::Host),
        ("http://:8080", InvalidProxy::Host),
        ("::1", InvalidProxy::Host),
        ("http://[::1", InvalidProxy::Host),
        ("http://[1.2.3.4]:80", InvalidProxy::Host),
        ("http://a b", InvalidProxy::Host),
        ("http://h:0", InvalidProxy::Port),
        ("http://h:65536", InvalidProxy::Port),
        ("http://h:+80", InvalidProxy::Port),
        ("http://h:x", InvalidProxy::Port),
        ("http://u%00:secret@h", InvalidProxy::Credentials),
        ("http://u:secret%0d%0a@h", InvalidProxy::Credentials),
    ] {
        assert_eq!(parsed(text), Err(error), "{text}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn username_and_password_are_percent_decoded() {
    let proxy = Proxy::parse("socks5://us%65r%40x:p%3a%zz%2@h").expect("a proxy");
    let mut handshake = ProxyHandshake::new(&proxy, "192.0.2.1", 443, Limits::default()).expect("a handshake");
    handshake.handle_written(handshake.poll_transmit().len());
    handshake.handle_input(b"\x05\x02");
    assert_eq!(handshake.poll_transmit(), b"\x01\x06user@x\x07p:%zz%2");
    assert!(!format!("{proxy:?}").contains("user@x"));
}

#[test]
fn own_variable_comes_before_all_proxy_and_an_empty_one_is_not_set() {
    let mut selector = ProxySelector::new();
    assert_eq!(selector.select("h", 443, true), None);
    selector.set_all_proxy("all").expect("a proxy");
    selector.set_https_proxy("secure").expect("a proxy");
    selector.set_http_proxy(" ").expect("an empty value");
    let host = |selector: &ProxySelector, tls| selector.select("h", 443, tls).map(|proxy| proxy.host().to_owned());
    assert_eq!(host(&selector, true).as_deref(), Some("secure"));
    assert_eq!(host(&selector, false).as_deref(), Some("all"));
    assert_eq!(selector.set_https_proxy("ftp://other"), Err(InvalidProxy::Scheme));
    assert_eq!(host(&selector, true).as_deref(), Some("secure"), "nothing was changed");
    selector.set_https_proxy("").expect("an empty value");
    assert_eq!(host(&selector, true).as_deref(), Some("all"));
}

#[test]
fn no_proxy_names_mean_themselves_and_what_is_below_them() {
    for list in ["example.com", ".example.com", "EXAMPLE.com.", "other,example.com", "other\texample.com ,,", "*"] {
        for host in ["example.com", "a.example.com", "a.b.Example.COM", "example.com."] {
            assert!(is_direct(list, host, 443), "{list:?}, {host}");
        }
    }
    for list in ["", "example.com", ".example.com", "com.", "www.example.com", ",", ".", "notexample.org"] {
        for host in ["notexample.com.org", "example.org", "xexample.net", "localhost"] {
            assert!(!is_direct(list, host, 443), "{list:?}, {host}");
        }
    }
    assert!(!is_direct("example.com", "notexample.com", 443));
    assert!(!is_direct("www.example.com", "example.com", 443));
    assert!(is_direct("com", "example.com", 443));
}

#[test]
fn no_proxy_addresses_and_networks_mean_addresses() {
    for (list, host, direct) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.10", false),
        (".192.0.2.1", "192.0.2.1", false),
        ("0.2.1", "192.0.2.1", false),
        ("192.0.2.0/24", "192.0.2.255", true),
        ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.77/24", "192.0.2.1", true),
        ("10.0.0.0/9", "10.127.0.1", true),
        ("10.0.0.0/9", "10.128.0.1", false),
        ("192.0.2.1/32", "192.0.2.1", true),
        ("192.0.2.1/32", "192.0.2.0", false),
        ("0.0.0.0/0", "203.0.113.1", true),
        ("0.0.0.0/0", "::1", false),
        ("192.0.2.0/33", "192.0.2.0", false),
        ("192.0.2.0/-1", "192.0.2.0", false),
        ("192.0.2.0/", "192.0.2.0", false),
        ("192.0.2.0/256", "192.0.2.0", false),
        ("::1", "::1", true),
        ("::1", "[::1]", true),
        ("[::1]", "0:0:0:0:0:0:0:1", true),
        ("fd00::/8", "fdff::1", true),
        ("fd00::/8", "fe00::1", false),
        ("2001:db8::/127", "2001:db8::1", true),
        ("2001:db8::/127", "2001:db8::2", false),
        ("::/0", "2001:db8::2", true),
        ("::/129", "::", false),
        ("example.com/8", "example.com", false),
    ] {
        assert_eq!(is_direct(list, host, 443), direct, "{list}, {host}");
    }
}

#[test]
fn no_proxy_port_limits_an_entry_to_that_port() {
    for (list, host) in [
        ("example.com:8080", "a.example.com"),
        ("192.0.2.0/24:8080", "192.0.2.9"),
        ("[::1]:8080", "::1"),
        ("[fd00::]/8:8080", "fd00::7"),
    ] {
        assert!(is_direct(list, host, 8080), "{list}, {host}");
        assert!(!is_direct(list, host, 443), "{list}, {host}");
    }
    for list in ["example.com:", "example.com:x", "example.com:99999"] {
        assert!(!is_direct(list, "example.com", 8080), "{list}");
    }
}
