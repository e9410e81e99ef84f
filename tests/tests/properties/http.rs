//! Laws of HTTP messages, over connections built from the byte sequences that have a meaning in the format.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::http::{self as laws, Side};

const STARTS: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 100 Continue",
    "HTTP/1.1 101 Up",
    "HTTP/1.1 204 No",
    "HTTP/1.1 304 Same",
    "HTTP/1.1 500 \u{e9}",
    "HTTP/1.1 799  odd\t",
    "HTTP/1.1 099 Odd",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/1.2 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1 -1",
    "GET / HTTP/1.1",
    "POST /a?b HTTP/1.1",
    "GET / HTTP/1.0",
    "GET  / HTTP/1.1",
    "GET /",
    "G\u{e9}T / HTTP/1.1",
    "GET /\u{e9} HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "CONNECT a:1 HTTP/1.1",
    "GET /\0 HTTP/1.1",
    "",
    "x",
];
const LINES: &[&str] = &[
    "Content-Length: 5",
    "Content-Length: 3",
    "content-length:0",
    "Content-Length: 5, 5",
    "Content-Length: +5",
    "Content-Length: -1",
    "Content-Length:",
    "Content-Length: 9223372036854775807",
    "Content-Length: 9223372036854775808",
    "Transfer-Encoding: chunked",
    "transfer-encoding:\tCHUNKED ",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: ,chunked,",
    "Connection: close",
    "Connection: keep-alive, x",
    "X: caf\u{e9}",
    "X : y",
    " folded",
    "X",
    ": y",
    "X: a\0b",
    "X:",
    "Authorization: secret",
    "X: \u{7f}",
    "A-very-long-name-of-a-header: with a very long value of a header",
];
const ENDS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\n\r", ""];
const BODIES: &[&str] = &[
    "hello",
    "",
    "5\r\nhello\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "5;a=b\r\nhello\r\n00\r\nX: y\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5 ; a\r\nhello\r\n0\r\n\r\n",
    "5 5\r\nhello\r\n0\r\n\r\n",
    "a\r\nhello",
    "5\r\nhello\n0\r\n\r\n",
    "+5\r\n",
    "\r\n",
    "fffffffffffffffff\r\n",
    "7fffffffffffffff\r\nx",
    "8000000000000000\r\nx",
    "5\r\nhelloX\r\n",
    "0\r\nX: y\r\nZ: a\r\n\r\n",
    "0\r\nbad\r\n\r\n",
    "0\r\n\n",
    "5;a\nb\r\n",
    "5;\r\nhello\r\n0;e\r\n\r\n",
    "005\r\nhello\r\n",
];

fn connection() -> impl Strategy<Value = Vec<u8>> {
    let line = (select(LINES), select(ENDS)).prop_map(|(line, end)| format!("{line}{end}"));
    let good = select(LINES).prop_map(|line| format!("{line}\r\n"));
    let lines = prop_oneof![3 => vec(good, 0..4), 1 => vec(line, 0..4)];
    let message = (select(STARTS), select(ENDS), lines, select(ENDS), vec(select(BODIES), 0..3)).prop_map(
        |(start, end, lines, blank, bodies)| {
            [start, end, &lines.concat(), blank, &bodies.concat()].concat().into_bytes()
        },
    );
    let noise = vec(any::<u8>(), 0..4);
    let empty = select(&["", "", "", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\n", "\r"][..])
        .prop_map(|text| text.as_bytes().to_vec());
    vec(prop_oneof![20 => message, 1 => noise, 2 => empty], 0..4).prop_map(|parts| parts.concat())
}

fn side() -> impl Strategy<Value = Side<'static>> {
    let responses = ["POST", "POST", "HEAD", "CONNECT"].map(Side::Responses);
    prop_oneof![Just(Side::Requests), select(responses.to_vec())]
}

fn cuts() -> impl Strategy<Value = Chunks> {
    prop_oneof![(0_usize..200).prop_map(Chunks::Split), vec(0_usize..9, 1..6).prop_map(Chunks::Cycle)]
}

proptest! {
    #[test]
    fn reads_split_anywhere_give_equal_results(side in side(), limits in 0_u8..8, input in connection(), cuts in cuts()) {
        for cuts in [&cuts, &Chunks::Bytes] {
            laws::chunking(side, laws::limits(limits), &input, 3, cuts).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn decoders_equal_reference_implementation(side in side(), limits in 0_u8..8, input in connection()) {
        laws::matches_reference(side, laws::limits(limits), &input, 3).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn decoded_input_round_trips(side in side(), input in connection()) {
        let whole = laws::read(side, laws::limits(7), &input, 3, &Chunks::Whole).map_err(TestCaseError::fail)?;
        laws::again(side, &whole).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn chunked_bodies_obey_the_laws(choice in any::<u8>(), sizes in any::<u8>(), bodies in vec(select(BODIES), 0..4)) {
        let input = [&[choice, sizes], bodies.concat().as_bytes()].concat();
        laws::anything_chunked(&input).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn fuzz_laws_hold_over_connections(choice in any::<u8>(), sizes in any::<u8>(), input in connection()) {
        let input = [&[choice, sizes], &input[..]].concat();
        laws::anything(&input).map_err(TestCaseError::fail)?;
    }
}
