//! Runs `turnwire chat`.

use core::future::Future;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use turnwire::client::{Credentials, Provider};
use url::{Host, Url};

use super::console::{Console, TerminalConsole, Unattended};
use super::conversation::Conversation;
use super::exit::Exit;
use super::interactive::converse;
use super::options::Options;
use super::printer::{Printer, Verbosity};
use crate::serve::{self, Script, ScriptedServer};
use crate::terminal::escape_line;

/// The demo's prompts, one per turn.
const DEMO: [&str; 2] = ["Bergen or Oslo today?", "Thank you!"];

/// Maximum length of a prompt from the standard input, in bytes.
const MAX_PROMPT: u64 = 64 << 20;

/// Runs `turnwire chat`.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    let (mut out, mut errors) = (io::stdout(), io::stderr());
    let colours = anstream::AutoStream::choice(&errors) != anstream::ColorChoice::Never;
    let shared = out.is_terminal() && errors.is_terminal();
    let result = {
        let printer = Printer::new(&mut out, &mut errors, options.json);
        let mut printer = printer.with_verbosity(options.verbosity()).on_terminal(colours, shared);
        let result = run(options, &mut printer);
        result.and_then(|()| printer.end_line().map_err(Exit::Output))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the answer has enough.
        Err(Exit::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(exit) => {
            let _ = writeln!(errors, "turnwire: {}", escape_line(&exit.to_string()));
            exit.code()
        }
    }
}

fn run(options: &Options, printer: &mut Printer<'_>) -> Result<(), Exit> {
    if options.demo {
        return demo(options, printer);
    }
    let terminal = io::stdin().is_terminal();
    if !options.tool.is_empty() && !options.yes && !terminal {
        let text = "--tool needs --yes, because the standard input is not a terminal and cannot be asked";
        return Err(Exit::Arguments(text.to_owned()));
    }
    match options.prompt.as_slice() {
        [] if terminal => {
            // The thread that reads the terminal needs the runtime for its answers only.
            converse_with(options, printer, TerminalConsole::new)
        }
        [] => prompt(options, &standard_input()?, printer),
        words => prompt(options, &text_of(words, standard_input)?, printer),
    }
}

/// Joins the words of a prompt. `-` stands for the standard input, which can be read once.
fn text_of(words: &[String], mut input: impl FnMut() -> Result<String, Exit>) -> Result<String, Exit> {
    if words.iter().filter(|word| *word == "-").count() > 1 {
        return Err(Exit::Arguments("`-` can be in the prompt once".to_owned()));
    }
    let mut paragraphs = Vec::new();
    for words in words.chunk_by(|one, next| one != "-" && next != "-") {
        paragraphs.push(if words == ["-"] { input()? } else { words.join(" ") });
    }
    Ok(paragraphs.join("\n\n"))
}

/// Reads a prompt from the standard input.
fn standard_input() -> Result<String, Exit> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MAX_PROMPT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Exit::Arguments(format!("the standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_PROMPT {
        return Err(Exit::Arguments(format!("the prompt is longer than {MAX_PROMPT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Exit::Arguments("the prompt is not UTF-8".to_owned()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Exit::Arguments("there is no prompt: the standard input is empty".to_owned())),
        text => Ok(text.to_owned()),
    }
}

/// Runs one turn with the server of the options.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn prompt(options: &Options, text: &str, printer: &mut Printer<'_>) -> Result<(), Exit> {
    block_on(async {
        let mut conversation = begin(options)?;
        printer.turn(text, true)?;
        let result = conversation.turn(text, printer, &mut Unattended).await;
        conversation.close().await;
        result.map(|_| ())
    })
}

/// Holds a conversation with the server of the options. `open` opens the user's side of it.
///
/// # Errors
///
/// Returns [`Exit`] when the options are invalid or the user's side fails. The connection is closed.
pub fn converse_with<C: Console>(
    options: &Options,
    printer: &mut Printer<'_>,
    open: impl FnOnce() -> io::Result<C>,
) -> Result<(), Exit> {
    block_on(async {
        let mut conversation = begin(options)?;
        let mut console = open().map_err(Exit::Output)?;
        if options.verbosity() > Verbosity::Quiet {
            printer.reply(&format!("{} at {}; /help lists the commands", options.model, options.base_url))?;
        }
        let result = converse(&mut conversation, printer, &mut console).await;
        conversation.close().await;
        result
    })
}

/// Begins a conversation with the server of the options.
fn begin(options: &Options) -> Result<Conversation, Exit> {
    let mut provider = Provider::new("custom", &options.base_url);
    provider.allow_plain = options.allow_plain;
    // Before the key: without a valid URL it is not known whether one is needed.
    provider.check().map_err(|error| Exit::Arguments(format!("--base-url: {error}")))?;
    let credentials = match std::env::var(&options.api_key_env) {
        Ok(key) if !key.trim().is_empty() => Credentials::bearer(key.trim()),
        _ if is_local(&options.base_url) => Credentials::None,
        _ => {
            return Err(Exit::Arguments(format!(
                "the environment variable `{}` contains no API key",
                options.api_key_env
            )));
        }
    };
    Conversation::new(options, provider, credentials)
}

/// Returns whether a URL names this machine.
fn is_local(url: &str) -> bool {
    match Url::parse(url).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name == "localhost",
        Ok(Some(Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(Host::Ipv6(address))) => address.is_loopback(),
        Ok(None) | Err(_) => false,
    }
}

/// Runs the demo's two turns with a server in this process.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn demo(options: &Options, printer: &mut Printer<'_>) -> Result<(), Exit> {
    let mut script = Script::demo();
    script.refuse_websocket = options.demo_refuse_websocket;
    let (url, scripted) = serve::demo(script)?;
    demo_with(options, &url, &scripted, printer)
}

/// Runs the demo's two turns with a server that follows the demo's script already.
///
/// # Errors
///
/// Returns [`Exit`] at the first failure. The connection is closed.
pub fn demo_with(
    options: &Options,
    url: &str,
    scripted: &ScriptedServer,
    printer: &mut Printer<'_>,
) -> Result<(), Exit> {
    block_on(async {
        let provider = Provider::new("demo", url);
        let mut conversation = Conversation::new(options, provider, Credentials::bearer("demo-key"))?;
        conversation.use_demo_tool();
        for text in DEMO {
            printer.turn(text, true)?;
            conversation.turn(text, printer, &mut Unattended).await?;
        }
        conversation.close().await;
        let tokens: Vec<Option<String>> = scripted.requests().into_iter().map(|request| request.turn_state).collect();
        printer.server_tokens(&tokens)?;
        Ok(())
    })
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::Connect(format!("the runtime cannot be started: {error}")))?;
    let result = runtime.block_on(future);
    // A name lookup or a tool that is still running must not delay the end.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::{Exit, text_of};

    #[test]
    fn words_of_a_prompt_are_joined_and_a_dash_is_the_standard_input() {
        let text = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            text_of(&words, || Ok("from\nthe pipe".to_owned()))
        };
        for (words, expected) in [
            (&["hi"][..], "hi"),
            (&["say", "hi"], "say hi"),
            (&["-"], "from\nthe pipe"),
            (&["sum", "up:", "-", "in", "French"], "sum up:\n\nfrom\nthe pipe\n\nin French"),
        ] {
            assert_eq!(text(words).ok().as_deref(), Some(expected));
        }
        assert!(matches!(text(&["-", "-"]), Err(Exit::Arguments(_))));
    }
}
