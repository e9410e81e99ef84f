//! Rejected handshakes whose status does not say whether the server supports WebSocket (docs/differences.md row 50).

use turnwire::client::{FallbackReason, OwnedEvent, Settings, TransportPreference};
use turnwire_tests::fixtures::{ask, done};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

const UNCLEAR: [u16; 12] = [200, 204, 301, 302, 307, 400, 403, 406, 408, 409, 418, 451];

fn fallbacks(pair: &Pair) -> Vec<&FallbackReason> {
    let reasons = pair.events.iter().filter_map(|event| match event {
        OwnedEvent::HttpFallback(reason) => Some(reason),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn unclear_status_tries_http_at_once_and_keeps_it_when_it_works() {
    for status in UNCLEAR {
        let script = Script::new().on(Kind::Upgrade, vec![Act::respond(status, "no")]);
        let script = script.sse([vec![done("a")], vec![done("b")]]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        let (start, id) = (pair.now, pair.ask(ask("one")));
        assert_eq!((pair.completed(id).as_str(), pair.now), ("a", start), "{status}");
        assert!(pair.client.is_http_fallback());
        let [FallbackReason::Unclear { id: of, failure }, FallbackReason::Refused(refused)] = fallbacks(&pair)[..]
        else {
            panic!("{status}: {:?}", fallbacks(&pair))
        };
        assert_eq!((*of, failure.status, *refused), (id, Some(status), status));
        let next = pair.ask(ask("two"));
        assert_eq!((pair.completed(next).as_str(), pair.upgrades().len()), ("b", 1));
    }
}

#[test]
fn unclear_status_reports_both_failures_when_http_fails_too() {
    for status in UNCLEAR {
        let script = Script::new().on(Kind::Upgrade, vec![Act::respond(status, "no websocket here")]);
        let script = script.on(Kind::Post, vec![Act::respond(400, "no post either")]).ws([vec![done("b")]]);
        let mut pair = Pair::new(provider(), Settings::default(), script);
        let id = pair.ask(ask("one"));
        assert_eq!(pair.failure(id).status, Some(400), "{status}");
        let handshake = pair.report(id).and_then(|report| report.handshake_failure.as_ref()).expect("the handshake's");
        assert_eq!(handshake.status, Some(status));
        // The client does not wait for the body of a 2xx, which may be endless.
        let body = if status < 300 { "" } else { "no websocket here" };
        assert_eq!(handshake.raw.as_deref(), Some(body));
        // The status showed nothing about the server, so the next request tries WebSocket again.
        assert!(!pair.client.is_http_fallback());
        let next = pair.ask(ask("two"));
        assert_eq!((pair.completed(next).as_str(), pair.upgrades().len()), ("b", 2));
    }
}

#[test]
fn unclear_status_fails_request_when_only_websocket_is_allowed() {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    for status in [200, 301, 400, 403, 451] {
        let script = Script::new().on(Kind::Upgrade, vec![Act::respond(status, "no")]);
        let mut pair = Pair::new(provider(), settings.clone(), script);
        let id = pair.ask(ask("one"));
        assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(status), 0));
    }
}
