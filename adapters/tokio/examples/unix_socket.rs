//! A client and a server over a Unix socket: any stream of tokio can be used in place of a TCP socket.
#![expect(clippy::print_stdout, reason = "an example prints")]

#[cfg(unix)]
#[expect(dead_code, reason = "this example accepts its connections itself")]
mod support;

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    use tokio::net::{UnixListener, UnixStream};
    use turnwire::client::{ConnectTarget, Credentials, Provider, Settings};
    use turnwire::connection::server;
    use turnwire::proxy::ProxySelector;
    use turnwire::responses::CreateResponse;
    use turnwire_tokio::{StreamClientBuilder, StreamIo, accept_stream};

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.sock");
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = accept_stream(stream, server::Config::new(), None)?;
            let demo = support::Demo::default();
            tokio::spawn(demo.serve_connection(connection, |_, writer| support::message(writer, &["Hello."])));
        }
        support::Result::Ok(())
    });

    // The host of the base URL is only the value of the `Host` header. A Unix socket needs no proxy.
    let dial = move |_: ConnectTarget| UnixStream::connect(path.clone());
    let builder = StreamClientBuilder::new(StreamIo::with_dialer(dial)).proxies(ProxySelector::new());
    let provider = Provider::new("example", "http://localhost/v1");
    let mut client = builder.build(provider, Credentials::None, Settings::default())?;
    let mut turn = client.turn()?;
    println!("{}", turn.ask(CreateResponse::new("gpt-x", "Say hello.")).await?.output_text());
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("this system has no Unix sockets");
}
