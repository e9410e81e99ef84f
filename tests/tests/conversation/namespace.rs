//! Packets that a network drops without telling either end. Each test runs again in a network namespace of its own, where it may drop
//! them; where the system does not allow that (Linux with user namespaces, `unshare` and `ip`), it says so and ends.

use core::time::Duration;
use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use turnwire::client::{Event, Provider, TransportPreference};
use turnwire::responses::{CreateResponse, FailureKind};
use turnwire_blocking::{Client, TcpIo, ask, ask_with};
use turnwire_cli::serve::{self, Script, ScriptedServer};

use crate::setup::{self, TransportSetup};

/// Set inside the namespace.
const INSIDE: &str = "TURNWIRE_NETWORK_NAMESPACE";

/// Prepares the namespace. Rules about ports are looked up before the table of local addresses.
const PREPARE: &str = "ip link set lo up && ip rule add pref 100 lookup local && ip rule del pref 0 \
    && ip rule add pref 10 ipproto tcp sport 9 blackhole && ip rule del pref 10";

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

/// Runs the test of this name again, within a namespace, and `body` there.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn in_namespace(test: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--net", "--map-root-user", "sh", "-c", script]);
        command
    };
    if !unshare(PREPARE).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system does not allow a network namespace with rules");
        return;
    }
    let program = env::current_exe().expect("this program");
    let output = unshare(&format!(r#"{PREPARE} && exec "$0" "$@""#))
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("a process");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().expect("ip").success(), "ip {arguments:?}");
}

/// The local ports of the connections that are established.
fn established_ports(server: u16) -> Vec<u16> {
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
    let ports = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let mut port = || u16::from_str_radix(columns.next()?.rsplit_once(':')?.1, 16).ok();
        let (local, remote) = (port()?, port()?);
        (columns.next() == Some("01") && remote == server).then_some(local)
    });
    ports.collect()
}

/// Drops every packet of the connections to this server that exist, in both directions, and returns how many there are. Later
/// connections are not concerned.
fn drop_packets(server: u16) -> usize {
    let ports = established_ports(server);
    for port in &ports {
        for side in ["sport", "dport"] {
            ip(&["rule", "add", "pref", "10", "ipproto", "tcp", side, &port.to_string(), "blackhole"]);
        }
    }
    ports.len()
}

/// Lets the packets of `connections` connections pass again.
fn pass_packets(connections: usize) {
    for _ in 0..2 * connections {
        ip(&["rule", "del", "pref", "10"]);
    }
}

/// A client of a scripted server, and the port of the server.
fn client(
    choice: TransportPreference,
    script: &str,
    change: impl FnOnce(&mut Provider),
) -> (Client, Arc<ScriptedServer>, u16) {
    let (url, scripted) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let port = url.rsplit(':').next().and_then(|end| end.split('/').next()?.parse().ok()).expect("a port");
    let setup = TransportSetup { choice, tls: false };
    let mut provider = setup.provider(([127, 0, 0, 1], port).into());
    change(&mut provider);
    (setup::client::<TcpIo>(provider, setup.settings(), setup.tls().0), scripted, port)
}

fn question() -> CreateResponse {
    CreateResponse::new("gpt-x", "hi")
}

#[test]
fn connection_that_the_network_forgot_is_replaced_before_the_next_request() {
    in_namespace("namespace::connection_that_the_network_forgot_is_replaced_before_the_next_request", || {
        for choice in TRANSPORTS {
            let script = "[[reply]]\ntext = \"one\"\n[[reply]]\ntext = \"two\"\n";
            let (mut client, scripted, port) = client(choice, script, |provider| {
                provider.capabilities.check_after = Some(Duration::from_millis(100));
                provider.capabilities.check_timeout = Duration::from_millis(300);
            });
            let first = ask(&mut client.turn().expect("a turn"), question()).expect("a response");
            assert_eq!(first.output_text(), "one");
            assert_eq!(drop_packets(port), 1);
            thread::sleep(Duration::from_millis(200));
            let (mut retries, mut turn) = (0, client.turn().expect("a turn"));
            let second = ask_with(&mut turn, question(), |event| {
                retries += usize::from(matches!(event, Event::Retry { .. }));
            });
            assert_eq!(second.expect("a response").output_text(), "two");
            assert_eq!((retries, scripted.requests().len()), (0, 2), "{choice:?}");
            pass_packets(1);
        }
    });
}

#[test]
fn stream_survives_an_outage_that_is_shorter_than_the_idle_timeout() {
    in_namespace("namespace::stream_survives_an_outage_that_is_shorter_than_the_idle_timeout", || {
        for choice in TRANSPORTS {
            let script = "[[reply]]\ntext = \"a b c d e f g h\"\ntyping_ms = 30\n";
            let (mut client, scripted, port) = client(choice, script, |_| {});
            let mut turn = client.turn().expect("a turn");
            let mut restored = None;
            let response = ask_with(&mut turn, question(), |event| {
                let is_delta = matches!(event, Event::Server { event, .. } if event.kind().ends_with(".delta"));
                if is_delta && restored.is_none() {
                    let connections = drop_packets(port);
                    assert_eq!(connections, 1);
                    restored = Some(thread::spawn(move || {
                        thread::sleep(Duration::from_millis(500));
                        pass_packets(connections);
                    }));
                }
            });
            restored.expect("an outage").join().expect("packets");
            assert_eq!(response.expect("a response").output_text(), "a b c d e f g h");
            assert_eq!(scripted.requests().len(), 1, "{choice:?}");
        }
    });
}

#[test]
fn stream_in_an_outage_without_end_fails_at_the_idle_timeout_and_is_not_asked_for_again() {
    in_namespace(
        "namespace::stream_in_an_outage_without_end_fails_at_the_idle_timeout_and_is_not_asked_for_again",
        || {
            for choice in TRANSPORTS {
                let script = "[[reply]]\ntext = \"a b c d e f g h\"\ntyping_ms = 30\n[[reply]]\ntext = \"again\"\n";
                let (mut client, scripted, port) = client(choice, script, |provider| {
                    provider.retry.max_retries = 3;
                    provider.idle_timeout = Duration::from_millis(300);
                });
                let mut turn = client.turn().expect("a turn");
                let mut lost = None;
                let failure = ask_with(&mut turn, question(), |event| {
                    let is_delta = matches!(event, Event::Server { event, .. } if event.kind().ends_with(".delta"));
                    if is_delta && lost.is_none() {
                        lost = Some(Instant::now());
                        assert_eq!(drop_packets(port), 1);
                    }
                });
                let failure = failure.expect_err("a response that the network lost");
                assert_eq!(failure.kind, FailureKind::Stream, "{failure}");
                assert!(lost.expect("an outage").elapsed() >= Duration::from_millis(300));
                assert_eq!(scripted.requests().len(), 1, "{choice:?}");
                // The next request of the turn takes a connection of its own.
                assert_eq!(ask(&mut turn, question()).expect("a response").output_text(), "again");
                pass_packets(1);
            }
        },
    );
}
