//! Compressors and decompressors whose memory comes from a pool work as new ones, and give it back.

use std::sync::{Arc, Mutex};

use turnwire::connection::{ClientConnection, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::time::Instant;
use turnwire::ws::deflate::{
    Deflater, Error, Inflater, MemoryKind, MemoryPool, Params, PooledMemory, ServerPolicy, SharedPool,
};
use turnwire::ws::{Limits, Message, Role, WebSocket};

use super::released::reference;

/// A pool that counts, and keeps everything. `mixes`: it gives any memory, whatever is asked for.
#[derive(Debug, Default)]
struct Spare {
    memory: Mutex<Vec<PooledMemory>>,
    mixes: bool,
}

struct Counted(Arc<Spare>);

impl MemoryPool for Counted {
    fn take(&self, kind: MemoryKind) -> Option<PooledMemory> {
        let mut spare = self.0.memory.lock().expect("no panic");
        let at = spare.iter().position(|memory| self.0.mixes || memory.kind() == kind)?;
        Some(spare.swap_remove(at))
    }

    fn put(&self, memory: PooledMemory) {
        self.0.memory.lock().expect("no panic").push(memory);
    }
}

fn pool(mixes: bool) -> (Arc<Spare>, SharedPool) {
    let spare = Arc::new(Spare { mixes, ..Spare::default() });
    (Arc::clone(&spare), SharedPool::new(Counted(spare)))
}

fn kinds(spare: &Spare) -> Vec<MemoryKind> {
    spare.memory.lock().expect("no panic").iter().map(PooledMemory::kind).collect()
}

fn compressors(spare: &Spare) -> usize {
    kinds(spare).iter().filter(|kind| matches!(kind, MemoryKind::Compressor { .. })).count()
}

/// The texts of two connections, in turns. The second one repeats the first one's, which it must not refer to; and a text repeats itself
/// after more bytes than the smaller window has.
fn texts() -> Vec<String> {
    let noise: String =
        (0..2000_u32).map(|at| char::from(b'a' + (at.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    ["the first text", "the first text", &noise.repeat(2), &noise.repeat(2), "words", "other words"]
        .map(Into::into)
        .into()
}

/// What two compressors make of the texts in turns, one after the other released, and what is inflated of it again.
fn in_turns(pool: Option<&SharedPool>, params: [&Params; 2]) -> Vec<Vec<u8>> {
    let mut ends = params.map(|params| {
        let mut deflater = Deflater::new(params, Role::Server).expect("a window from 9 up");
        let mut inflater = Inflater::new(params, Role::Client);
        if let Some(pool) = pool {
            deflater.use_pool(pool);
            inflater.use_pool(pool);
        }
        (deflater, inflater)
    });
    let messages = texts().into_iter().enumerate().map(|(at, text)| {
        let (deflater, inflater) = &mut ends[at % 2];
        let (mut compressed, mut inflated) = (Vec::new(), Vec::new());
        deflater.message(text.as_bytes(), &mut compressed);
        inflater.push(&compressed, &mut inflated, 8192).expect("a message");
        inflater.end().expect("a whole message");
        assert_eq!(inflated, text.as_bytes());
        deflater.release_memory();
        inflater.release_memory();
        compressed
    });
    messages.collect()
}

#[test]
fn memory_of_a_pool_compresses_and_inflates_as_new_memory() {
    let small = Params::default().with_server_max_window_bits(10);
    let alone = Params::default().with_server_no_context_takeover(true);
    for params in [[&Params::default(); 2], [&Params::default(), &small], [&small, &alone]] {
        for mixes in [false, true] {
            let (spare, pool) = pool(mixes);
            assert_eq!(in_turns(Some(&pool), params), in_turns(None, params), "{params:?}, {mixes}");
            assert!(!kinds(&spare).is_empty());
        }
    }
}

#[test]
fn released_and_closed_websockets_give_their_memory_to_the_next_one() {
    let (spare, pool) = pool(false);
    let params = Params::default();
    let open = |role: Role| {
        let mut socket = WebSocket::new(role, Limits::default(), Some(&params), [3; 32]);
        socket.use_pool(&pool);
        socket
    };
    let mut wire = Vec::new();
    let [mut first, mut second] = [open(Role::Server), open(Role::Server)];
    first.send(Message::Text("hello"), &mut wire).expect("it is open");
    assert_eq!(kinds(&spare), []);
    first.release_output_memory();
    assert_eq!(compressors(&spare), 1);
    second.send(Message::Text("hello"), &mut Vec::new()).expect("it is open");
    assert_eq!(compressors(&spare), 0, "the second one uses it");
    drop(second);
    assert_eq!(compressors(&spare), 1, "one that ends within a message gives it back");
    let mut client = open(Role::Client);
    assert_eq!(client.decode(&mut wire.as_slice()), Ok(Some(Message::Text("hello"))));
    client.release_input_memory();
    assert!(kinds(&spare).contains(&MemoryKind::Decompressor));
    assert_eq!(kinds(&spare).len(), 2);
}

#[test]
fn memory_of_a_decompressor_holds_nothing_that_the_next_can_refer_to() {
    let (spare, pool) = pool(false);
    let inflater = || {
        let mut inflater = Inflater::new(&Params::default(), Role::Client);
        inflater.use_pool(&pool);
        inflater
    };
    // A stored block with a text, without and with a block behind it that has a type that there is none.
    let text = [&[0, 3, 0, !3, !0][..], b"abc"].concat();
    for (message, expected) in [(text.clone(), Ok(())), ([&text[..], &[7]].concat(), Err(Error::Corrupt))] {
        let mut out = Vec::new();
        let mut first = inflater();
        assert_eq!(first.push(&message, &mut out, 1024), expected);
        drop(first);
        assert_eq!(kinds(&spare), [MemoryKind::Decompressor]);
        let mut second = inflater();
        assert_eq!(second.push(&text, &mut out, 1024), Ok(()), "it can be used");
        assert_eq!(kinds(&spare), [], "it uses the memory of the first one");
        drop(second);
        let mut third = inflater();
        assert_eq!(third.push(&reference(3), &mut out, 1024), Err(Error::Corrupt));
        drop(third);
        spare.memory.lock().expect("no panic").clear();
    }
}

#[test]
fn both_ends_of_a_connection_give_their_memory_back_after_a_response() {
    let now = Instant::ZERO;
    let [(clients, for_client), (servers, for_server)] = [pool(false), pool(false)];
    let (mut config, mut server_config) = (client::Config::new("localhost"), server::Config::new());
    config.deflate_pool = Some(for_client);
    server_config.deflate_pool = Some(for_server);
    server_config.deflate_policy = Some(ServerPolicy::default());
    let mut client = ClientConnection::new(config, Transport::WebSocket, [1; 32]);
    let mut server = ServerConnection::new(server_config, [2; 32]);
    client.upgrade(now, "/v1/responses", &Headers::new()).expect("it is new");
    exchange(&mut client, &mut server);
    server.accept(now, &Headers::new()).expect("a handshake waits");
    exchange(&mut client, &mut server);
    let text = "some words ".repeat(200);
    client.send_request_message(now, None, &format!(r#"{{"type":"response.create","input":"{text}"}}"#)).expect("idle");
    exchange(&mut client, &mut server);
    for event in ["response.created", "response.completed"] {
        assert!(kinds(&clients).len() < 2, "{event}");
        let event = format!(r#"{{"type":"{event}","response":{{"id":"r","instructions":"{text}"}}}}"#);
        server.send(now, &event).expect("it is open");
        exchange(&mut client, &mut server);
    }
    for spare in [&clients, &servers] {
        assert_eq!((kinds(spare).len(), compressors(spare)), (2, 1));
    }
}

/// Passes on all bytes that wait on either side, and polls all events.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection) {
    let now = Instant::ZERO;
    while !client.poll_transmit().is_empty() || !server.poll_transmit().is_empty() {
        server.handle_input(now, client.poll_transmit());
        client.handle_written(now, usize::MAX);
        while server.poll_event().is_some() {}
        client.handle_input(now, server.poll_transmit());
        server.handle_written(now, usize::MAX);
        while client.poll_event().is_some() {}
    }
}
