//! The options of TCP sockets.

use core::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Silence after which the system probes whether the peer still has the connection, and the time after which it gives up one whose
/// bytes, or probes, are not acknowledged.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Sets the options that every adapter sets on its TCP sockets.
///
/// - Nagle's algorithm is off, because every write is a whole message.
/// - Keep-alive probes begin after 60 s of silence, every 15 s where the system has that option: routers on the way keep the connection
///   in mind, and a peer that is gone is noticed.
/// - On Linux and Android, bytes that are not acknowledged for 60 s end the connection (`TCP_USER_TIMEOUT`).
///
/// A socket works without these options, so that failures are ignored.
pub fn set_tcp_options<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    let _ = socket.set_tcp_nodelay(true);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE);
    #[cfg(any(
        target_os = "android",
        target_os = "freebsd",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
        windows
    ))]
    let keep_alive = keep_alive.with_interval(Duration::from_secs(15));
    let _ = socket.set_tcp_keepalive(&keep_alive);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let _ = socket.set_tcp_user_timeout(Some(KEEP_ALIVE));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::{Duration, SockRef, set_tcp_options};

    #[test]
    fn options_are_set_on_a_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        set_tcp_options(&stream);
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("an option") && socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(60));
        assert_eq!(socket.tcp_keepalive_interval().expect("an option"), Duration::from_secs(15));
        assert_eq!(socket.tcp_user_timeout().expect("an option"), Some(Duration::from_secs(60)));
    }
}
