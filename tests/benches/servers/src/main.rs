//! Servers under load, each in a process of its own: `turnwire-servers SCENARIO SERVER TRANSPORT COUNT`, for example
//! `turnwire-servers streams turnwire-axum ws 2000`.
//!
//! SERVER is `turnwire-tokio`, `turnwire-axum`, `axum` (its own WebSocket and event stream, with `serde_json`), or a command that starts
//! another server, in which `PORT` stands for its port and `GRACE` for the period of grace in seconds:
//! `'turnwire serve --script slow.toml --listen 127.0.0.1:PORT'`. TRANSPORT is `ws` or `sse`.
//!
//! | SCENARIO | what is measured |
//! |---|---|
//! | `idle` | memory and processor time of idle WebSockets, after one response each |
//! | `streams` | responses of 50 deltas, one each 200 ms, all at once: events, processor time, delay |
//! | `slow` | 500 such responses, beside none and then COUNT clients that read nothing of an endless one |
//! | `restart` | COUNT clients ask again and again while the server is replaced; two periods of grace |

#[path = "../../../../adapters/axum/examples/limits.rs"]
#[expect(dead_code, reason = "of the example, the server needs the accept loop only")]
mod limits;
mod load;
mod plain;
mod process;
mod scenarios;
mod servers;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", kind, port, grace] => servers::run(kind, port, grace.parse().expect("seconds")),
        [scenario, server, transport, count] => {
            let count = count.parse().expect("a number");
            scenarios::run(scenario, server, transport == "ws", count);
        }
        _ => panic!("the arguments are SCENARIO SERVER TRANSPORT COUNT"),
    }
}
