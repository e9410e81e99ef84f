//! Laws of the `ws` layer, over mostly valid input.

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::ws::deflate::{Offer, Params, ServerPolicy};
use turnwire::ws::{Limits, Role};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::ws::{self as laws, End, Owned};
use turnwire_tests::laws::{deflate, differential, handshake};

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

fn chunks() -> impl Strategy<Value = Chunks> {
    prop_oneof![
        Just(Chunks::Bytes),
        (1..40_usize).prop_map(Chunks::Size),
        (1..200_usize).prop_map(Chunks::Split),
        vec(0..20_usize, 1..5).prop_map(Chunks::Cycle),
    ]
}

/// Lengths around the limits of the header's length encodings, and others.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..40),
        4 => vec(0..4_u8, 0..600),
        1 => (any::<u8>(), prop_oneof![124..128_usize, 65_533..65_538_usize]).prop_map(|(byte, size)| vec![byte; size]),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => ".{0,40}",
        2 => "[aé€🐔]{0,200}",
        1 => prop_oneof![124..128_usize, 65_533..65_538_usize].prop_map(|size| "x".repeat(size)),
    ]
}

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![1000..=1003_u16, 1007..=1014_u16, 3000..=4999_u16]
}

fn message() -> impl Strategy<Value = Owned> {
    prop_oneof![
        4 => text().prop_map(Owned::Text),
        4 => payload().prop_map(Owned::Binary),
        1 => vec(any::<u8>(), 0..=125).prop_map(Owned::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Owned::Pong),
        1 => proptest::option::of((code(), "[ -~]{0,123}")).prop_map(Owned::Close),
    ]
}

fn params() -> impl Strategy<Value = Params> {
    (any::<bool>(), any::<bool>(), 9..=15_u8, 9..=15_u8).prop_map(|(server, client, server_bits, client_bits)| {
        let params = Params::default().with_server_no_context_takeover(server).with_client_no_context_takeover(client);
        params.with_server_max_window_bits(server_bits).with_client_max_window_bits(client_bits)
    })
}

/// A frame, often valid: its first byte, its length encoding, and its payload.
#[derive(Clone, Debug)]
struct Frame {
    first: u8,
    form: Option<u8>,
    masked: Option<bool>,
    payload: Vec<u8>,
}

impl Frame {
    fn encode(&self, to: Role, out: &mut Vec<u8>) {
        let masked = self.masked.unwrap_or(to == Role::Server);
        let length = self.payload.len();
        let bit = u8::from(masked) << 7;
        let form = self.form.unwrap_or(match length {
            0..=125 => 0,
            126..=0xFFFF => 126,
            _ => 127,
        });
        out.push(self.first);
        match form {
            126 => out.extend([&[bit | 126], &(length as u64).to_be_bytes()[6..]].concat()),
            127 => out.extend([&[bit | 127], &(length as u64).to_be_bytes()[..]].concat()),
            _ => out.push(bit | length.to_le_bytes()[0] & 0x7F),
        }
        let key = if masked { [0x37, 0xFA, 0x21, 0x3D] } else { [0; 4] };
        if masked {
            out.extend(key);
        }
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

fn frame() -> impl Strategy<Value = Frame> {
    let first = prop_oneof![
        20 => proptest::sample::select(vec![0x01_u8, 0x02, 0x00, 0x80, 0x80, 0x81, 0x82, 0x89, 0x8A]),
        4 => proptest::sample::select(vec![0x41_u8, 0xC1, 0xC2, 0x42]),
        1 => Just(0x88_u8),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        6 => ".{0,12}".prop_map(String::into_bytes),
        3 => vec(any::<u8>(), 0..20),
        1 => (0..300_usize).prop_map(|size| vec![b'x'; size]),
        1 => code().prop_map(|code| code.to_be_bytes().to_vec()),
        1 => Just(vec![0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        1 => Just("é€🐔".as_bytes()[..6].to_vec()),
    ];
    let form = prop_oneof![20 => Just(None), 1 => proptest::sample::select(vec![Some(0), Some(126), Some(127)])];
    let masked = prop_oneof![40 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (first, form, masked, payload).prop_map(|(first, form, masked, payload)| Frame { first, form, masked, payload })
}

fn stream(to: Role, frames: &[Frame], cut: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        frame.encode(to, &mut bytes);
    }
    bytes.truncate(bytes.len().saturating_sub(cut));
    bytes
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        3 => Just(Limits::default()),
        1 => (0..40_usize, 0..60_usize).prop_map(|(frame, message)| Limits::default().with_frame(frame).with_message(message).with_ratio(Some(1))),
    ]
}

/// Compressed messages, some of them damaged.
fn compressed() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let spoil = proptest::option::weighted(0.2, (any::<usize>(), any::<u8>(), any::<bool>()));
    (params(), vec((payload().prop_filter("short", |bytes| bytes.len() < 700), spoil), 1..4)).prop_map(
        |(params, messages)| {
            let mut deflater = turnwire::ws::deflate::Deflater::new(&params, Role::Client).expect("a window from 9 up");
            let compress = |(message, spoil): (Vec<u8>, Option<(usize, u8, bool)>)| {
                let mut bytes = Vec::new();
                deflater.message(&message, &mut bytes);
                if let Some((at, xor, cut)) = spoil {
                    let at = at % bytes.len();
                    bytes[at] ^= xor;
                    bytes.truncate(if cut { at + 1 } else { bytes.len() });
                }
                bytes
            };
            messages.into_iter().map(compress).collect()
        },
    )
}

fn extension_line() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "permessage-deflate",
        "permessage-deflate; ",
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
        "=8",
        "=9",
        "=15",
        "=16",
        "=010",
        "=",
        "=\"10\"",
        "\"",
        "\\",
        ",",
        ", ",
        ";",
        "; ",
        " ",
        "\t",
        "foo",
        "; foo=1",
        "é",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn check(result: Result<(), String>) -> Result<(), TestCaseError> {
    result.map_err(TestCaseError::fail)
}

proptest! {
    // A failing case becomes a vector or a corpus file, so that no seeds are stored.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encoded_messages_round_trip(from in role(), params in proptest::option::of(params()), messages in vec(message(), 0..6), key: [u8; 4]) {
        check(laws::round_trip(from, params.as_ref(), &messages, key))?;
    }

    #[test]
    fn all_splits_give_equal_results(
        role in role(), limits in limits(), deflate in proptest::option::of(params()), chunks in chunks(),
        frames in vec(frame(), 0..8), cut in 0..4_usize,
    ) {
        let input = stream(role, &frames, cut);
        check(laws::chunking(&End { role, limits, deflate }, &input, &chunks).map(|_| ()))?;
    }

    #[test]
    fn decoder_equals_reference_implementation(role in role(), limits in limits(), frames in vec(frame(), 0..6), cut in 0..4_usize) {
        check(laws::matches_reference(role, limits, &stream(role, &frames, cut)))?;
    }

    #[test]
    fn random_bytes_obey_laws(role in role(), input in vec(any::<u8>(), 0..200)) {
        check(laws::anything(role, &input))?;
    }

    #[test]
    fn third_party_implementations_agree_on_messages(from in role(), params in proptest::option::of(params()), messages in vec(message(), 0..5)) {
        check(differential::exchange(from, params.as_ref(), &messages))?;
    }

    #[test]
    fn third_party_implementations_agree_on_frames(role in role(), frames in vec(frame(), 0..8), cut in 0..4_usize, params in params()) {
        let input = stream(role, &frames, cut);
        check(differential::against_tungstenite(role, &input))?;
        check(differential::against_sockudo(role, &params, &input))?;
    }

    #[test]
    fn messages_inflate_like_reference(messages in compressed(), takeover: bool, limit in prop_oneof![Just(700_usize), 0..700_usize], chunks in chunks()) {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        check(deflate::inflating(takeover, &messages, limit, &chunks))?;
    }

    #[test]
    fn compressed_messages_stay_within_window(params in params(), messages in vec(payload(), 0..4), with_twin in proptest::bool::weighted(0.05)) {
        let short = messages.iter().all(|message| message.len() < 1000);
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        check(deflate::deflating(&params, &messages, with_twin && short))?;
    }

    #[test]
    fn offers_parse_like_reference(line in extension_line(), a: bool, b: bool, server in 9..=15_u8, client in 8..=15_u8) {
        let policy = ServerPolicy::default().with_server_no_context_takeover(a).with_client_no_context_takeover(b).with_server_max_window_bits(server).with_client_max_window_bits(client);
        check(handshake::offers(&line, policy))?;
    }

    #[test]
    fn responses_parse_like_reference(line in extension_line(), a: bool, b: bool, c: bool, window in proptest::option::of(8..=15_u8)) {
        let offer = Offer::default().with_server_no_context_takeover(a).with_client_no_context_takeover(b).with_client_max_window_bits(c).with_server_max_window_bits(window);
        check(handshake::answers(&line, &offer))?;
    }
}
