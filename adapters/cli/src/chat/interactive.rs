//! The conversation on a terminal: lines are messages, and lines that begin with `/` are commands.

use super::console::{Console, Input};
use super::conversation::Conversation;
use super::exit::Exit;
use super::printer::Printer;

const HELP: &str = "\
/new          begin a new conversation
/compact      let the server shorten the conversation so far
/model NAME   use another model; without NAME, show it
/quit         end (or Ctrl-D)
Ctrl-C interrupts an answer and keeps the conversation. A line that begins with // is sent with one slash.";

/// Holds a conversation until the user ends it. A failed turn is reported, and the conversation goes on as before it.
///
/// # Errors
///
/// Returns [`Exit::Output`] when the terminal fails.
pub async fn converse<C: Console>(
    conversation: &mut Conversation,
    printer: &mut Printer<'_>,
    console: &mut C,
) -> Result<(), Exit> {
    loop {
        let input = tokio::select! {
            input = console.line() => input.map_err(Exit::Output)?,
            never = conversation.idle() => match never {},
        };
        let line = match input {
            Input::End => return Ok(()),
            Input::Interrupted => {
                printer.reply("/quit or Ctrl-D ends the conversation")?;
                continue;
            }
            Input::Line(line) => line,
        };
        let result = match line.strip_prefix('/') {
            Some("quit" | "exit") => return Ok(()),
            Some(message) if message.starts_with('/') => turn(conversation, message, printer, console).await,
            Some(command) => run(conversation, command.trim(), printer, console).await,
            None if line.trim().is_empty() => Ok(()),
            None => turn(conversation, &line, printer, console).await,
        };
        match result {
            Ok(()) => {}
            Err(exit @ Exit::Output(_)) => return Err(exit),
            Err(exit) => {
                printer.end_line()?;
                printer.reply(&format!("turnwire: {exit}"))?;
            }
        }
    }
}

async fn turn<C: Console>(
    conversation: &mut Conversation,
    text: &str,
    printer: &mut Printer<'_>,
    console: &mut C,
) -> Result<(), Exit> {
    printer.turn(text, false)?;
    if !conversation.turn(text, printer, console).await? {
        printer.end_line()?;
        printer.reply("interrupted")?;
    }
    Ok(())
}

async fn run<C: Console>(
    conversation: &mut Conversation,
    command: &str,
    printer: &mut Printer<'_>,
    console: &mut C,
) -> Result<(), Exit> {
    let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
    let reply = match (name, argument.trim()) {
        ("new", _) => {
            conversation.clear();
            "a new conversation".to_owned()
        }
        ("compact", _) => {
            let before = conversation.items().len();
            if conversation.compact(printer, console).await? {
                format!("{before} items became {}", conversation.items().len())
            } else {
                "interrupted".to_owned()
            }
        }
        ("model", "") => conversation.model.clone(),
        ("model", name) => {
            name.clone_into(&mut conversation.model);
            format!("the model is {name}")
        }
        ("help" | "?", _) => HELP.to_owned(),
        _ => format!("there is no command /{name}; /help lists them"),
    };
    printer.reply(&reply)?;
    Ok(())
}
