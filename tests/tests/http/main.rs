//! HTTP/1.1 framing: vectors, limits, and messages that cannot be built; proxies.

mod heads;
mod messages;
mod proxy_handshake;
mod proxy_selector;
mod proxy_values;
mod values;
