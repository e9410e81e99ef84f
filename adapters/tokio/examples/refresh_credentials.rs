//! Recovery from 401: the server rejects an expired token, the application supplies a new one, and the request goes on.
#![expect(clippy::print_stdout, reason = "an example prints")]

mod support;

use support::Demo;
use turnwire::client::{Credentials, Event, Outcome, Provider, Settings};
use turnwire::responses::CreateResponse;
use turnwire_tokio::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> support::Result<()> {
    let demo = Demo { token: Some("fresh"), ..Demo::default() };
    let url = demo.serve(|_, writer| support::message(writer, &["Welcome back."])).await?;

    let mut settings = Settings::default();
    settings.max_credential_requests = 1; // the default is 0: a 401 then fails the request at once
    let mut client = Client::new(Provider::new("example", &url), Credentials::bearer("expired"), settings)?;

    let mut turn = client.turn()?;
    turn.send(CreateResponse::new("gpt-x", "Is anybody there?"))?;
    loop {
        let rejected = match turn.next().await {
            None => break,
            Some(Event::CredentialsNeeded { failure, .. }) => Some(failure.to_string()),
            Some(Event::Finished { outcome: Outcome::Completed(_), report, .. }) => {
                println!("completed, {} request(s) sent", report.attempts);
                None
            }
            Some(Event::Finished { outcome, .. }) => return Err(format!("no response: {outcome:?}").into()),
            Some(_) => None,
        };
        if let Some(failure) = rejected {
            println!("the token was rejected: {failure}");
            let token = refresh().await;
            turn.authorize(Credentials::bearer(token));
        }
    }
    Ok(())
}

/// Stands for a call of the application's identity provider. The client's own timers go on only while `next` is awaited.
async fn refresh() -> &'static str {
    "fresh"
}
