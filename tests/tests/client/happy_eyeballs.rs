//! Which of a host's addresses is tried, and when.

use std::net::SocketAddr;

use turnwire::client::HappyEyeballs;
use turnwire::time::{Duration, Instant};

fn parsed(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// Returns all addresses, in the order of the attempts.
fn order(found: &[&str]) -> Vec<SocketAddr> {
    let mut addresses = HappyEyeballs::new(parsed(found));
    let mut now = Instant::ZERO;
    let mut order = Vec::new();
    while let Some(due) = addresses.poll_timeout() {
        now = now.max(due);
        order.extend(addresses.next_attempt(now));
        assert_eq!(addresses.next_attempt(now), None);
    }
    order
}

#[test]
fn address_families_alternate_from_first_address() {
    let six = ["[2001:db8::1]:443", "[2001:db8::2]:443", "[2001:db8::3]:443"];
    let four = ["192.0.2.1:443", "192.0.2.2:443"];
    assert_eq!(order(&[six[0], six[1], six[2], four[0]]), parsed(&[six[0], four[0], six[1], six[2]]));
    assert_eq!(order(&[four[0], four[1], six[0], six[1]]), parsed(&[four[0], six[0], four[1], six[1]]));
    assert_eq!(order(&four), parsed(&four));
    assert_eq!(order(&[]), []);
}

#[test]
fn next_attempt_begins_after_250_ms_or_a_failure() {
    let all = parsed(&["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"]);
    let start = Instant::ZERO + Duration::from_secs(7);
    let mut addresses = HappyEyeballs::new(all.clone());
    assert!(!addresses.is_exhausted());
    assert_eq!(addresses.next_attempt(start), Some(all[0]));
    assert_eq!(addresses.next_attempt(start + Duration::from_millis(249)), None);
    let second = start + Duration::from_millis(250);
    assert_eq!((addresses.poll_timeout(), addresses.next_attempt(second)), (Some(second), Some(all[1])));
    addresses.handle_attempt_failed();
    assert_eq!(addresses.next_attempt(second), Some(all[2]));
    assert_eq!((addresses.poll_timeout(), addresses.next_attempt(second)), (None, None));
    addresses.handle_attempt_failed();
    assert!(!addresses.is_exhausted(), "one attempt is still in progress");
    addresses.handle_attempt_failed();
    assert!(addresses.is_exhausted());
    assert!(HappyEyeballs::new([]).is_exhausted());
}
