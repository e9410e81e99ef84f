//! Happy Eyeballs with scripted attempts and a manual clock.

use core::future::{pending, poll_fn, ready};
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use std::io;

use turnwire::time::{Duration, Instant};
use turnwire_connect::HappyEyeballsConnect;

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 443))
}

fn at(millis: u64) -> Instant {
    Instant::from_duration(Duration::from_millis(millis))
}

/// The outcome of an attempt, by the last octet: pending forever (below 10), an error (below 20), a stream.
async fn attempt(address: SocketAddr) -> io::Result<SocketAddr> {
    match address {
        SocketAddr::V4(four) if four.ip().octets()[3] < 10 => pending().await,
        SocketAddr::V4(four) if four.ip().octets()[3] < 20 => Err(io::Error::other(format!("{}", four.ip()))),
        _ => Ok(address),
    }
}

fn race(hosts: &[u8]) -> HappyEyeballsConnect<SocketAddr> {
    HappyEyeballsConnect::new(ready(Ok(hosts.iter().copied().map(address).collect())))
}

fn look(race: &mut HappyEyeballsConnect<SocketAddr>, now: Instant) -> Poll<Result<SocketAddr, String>> {
    let mut cx = Context::from_waker(Waker::noop());
    race.poll(&mut cx, now, attempt).map_err(|error| error.to_string())
}

#[test]
fn unresponsive_address_delays_next_attempt_by_250_ms() {
    let mut race = race(&[1, 2, 20, 21]);
    assert_eq!(race.poll_timeout(), None);
    assert_eq!(look(&mut race, at(5)), Poll::Pending);
    assert_eq!(race.poll_timeout(), Some(at(255)));
    assert_eq!(look(&mut race, at(254)), Poll::Pending);
    assert_eq!(look(&mut race, at(255)), Poll::Pending);
    assert_eq!(race.poll_timeout(), Some(at(505)));
    assert_eq!(look(&mut race, at(600)), Poll::Ready(Ok(address(20))));
}

#[test]
fn failed_attempt_starts_next_one_at_once() {
    assert_eq!(look(&mut race(&[10, 11, 20]), at(0)), Poll::Ready(Ok(address(20))));
    // A pending attempt is still polled after others have failed, and no further attempt is due.
    let mut race = race(&[1, 10, 11]);
    assert_eq!(look(&mut race, at(0)), Poll::Pending);
    assert_eq!(look(&mut race, at(250)), Poll::Pending);
    assert_eq!(race.poll_timeout(), None);
    assert_eq!(look(&mut race, at(9000)), Poll::Pending);
}

#[test]
fn last_error_is_returned_when_all_attempts_failed() {
    assert_eq!(look(&mut race(&[10, 12, 11]), at(0)), Poll::Ready(Err("192.0.2.11".into())));
    let nothing = look(&mut race(&[]), at(0));
    assert_eq!(nothing, Poll::Ready(Err(io::Error::from(io::ErrorKind::AddrNotAvailable).to_string())));
    let mut unknown = HappyEyeballsConnect::new(ready(Err(io::Error::other("no such host"))));
    assert_eq!(look(&mut unknown, at(0)), Poll::Ready(Err("no such host".into())));
}

#[test]
fn pending_lookup_is_polled_again() {
    let mut polls = 0;
    let lookup = poll_fn(move |_| {
        polls += 1;
        if polls < 3 { Poll::Pending } else { Poll::Ready(Ok(vec![address(20)])) }
    });
    let mut race = HappyEyeballsConnect::new(lookup);
    assert_eq!([look(&mut race, at(0)), look(&mut race, at(1))], [Poll::Pending, Poll::Pending]);
    assert_eq!(look(&mut race, at(2)), Poll::Ready(Ok(address(20))));
}
