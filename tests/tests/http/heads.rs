//! Heads at their limits, and the classes of statuses.

use turnwire::http::{Error, HeadDecoder, HeadLimits, Request, Response};

fn request(limits: HeadLimits, bytes: &str) -> Result<Option<Request>, Error> {
    HeadDecoder::new(limits).decode(&mut bytes.as_bytes())
}

#[test]
fn two_empty_lines_before_a_head_are_skipped_and_a_third_is_rejected() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in ["", "\r\n", "\r\n\r\n"] {
        let decoded = request(HeadLimits::default(), &format!("{lines}{head}"));
        assert!(matches!(decoded, Ok(Some(_))), "{lines:?}: {decoded:?}");
    }
    assert_eq!(request(HeadLimits::default(), &format!("\r\n\r\n\r\n{head}")), Err(Error::StartLine));
}

#[test]
fn header_lines_of_a_request_are_limited() {
    let limits = HeadLimits::default().with_headers(2);
    assert!(matches!(request(limits, "GET / HTTP/1.1\r\nHost: a\r\nB: b\r\n\r\n"), Ok(Some(_))));
    let three = request(limits, "GET / HTTP/1.1\r\nHost: a\r\nB: b\r\nC: c\r\n\r\n");
    assert_eq!(three, Err(Error::TooManyHeaders { limit: 2 }));
}

#[test]
fn every_status_of_2xx_is_success() {
    for status in [200, 201, 204, 299] {
        assert!(Response::new(status).expect("a status").is_success(), "{status}");
    }
    for status in [199, 300, 404, 500] {
        assert!(!Response::new(status).expect("a status").is_success(), "{status}");
    }
}
