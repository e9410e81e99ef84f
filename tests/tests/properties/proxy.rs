//! Laws of the proxy handshake, over replies built from the byte sequences that have a meaning in the protocols.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::proxy as laws;

const PIECES: &[&[u8]] = &[
    b"\x05\x00",
    b"\x05\x02",
    b"\x05\xff",
    b"\x01\x00",
    b"\x01\x01",
    b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38",
    b"\x05\x00\x00\x03\x04host\x04\x38",
    b"\x05\x00\x00\x03\x00\x04\x38",
    b"\x05\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04\x38",
    b"\x05\x00\x00\x02",
    b"\x05\x05\x00\x01",
    b"\x00\x5a\x00\x00\x00\x00\x00\x00",
    b"\x00\x5b\x00\x00\x00\x00\x00\x00",
    b"\x04\x5a",
    b"HTTP/1.1 200 Connection established\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 407 Proxy Authentication Required\r\n",
    b"Proxy-Authenticate: Basic realm=\"a, b\", Digest nonce=x\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n",
    b"\n",
    b"\x16\x03\x03",
    b"",
];

fn reply() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..8),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn handshake_with_split_replies_obeys_laws(choice: u8, sizes: u8, reply in reply()) {
        let input = [&[choice, sizes], reply.as_slice()].concat();
        prop_assert_eq!(laws::anything(&input), Ok(()));
    }

    #[test]
    fn handshake_with_replies_split_in_two_obeys_laws(choice in 0_u8..8, reply in reply(), at: usize) {
        use turnwire::proxy::Scheme::{Http, Socks4a, Socks5};
        let scheme = [Http, Socks5, Socks5, Socks4a][usize::from(choice & 3)];
        let case = laws::Case::new(scheme, choice & 4 != 0, "api.example.com");
        let split = Chunks::Split(at % (reply.len() + 1));
        prop_assert!(laws::chunking(&case, &reply, &split).is_ok(), "{:?}", laws::chunking(&case, &reply, &split));
    }
}
