//! The user's side of a conversation: lines, interruptions, and answers to questions.

use core::future::{Future, pending};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use rustyline::error::ReadlineError;
use rustyline::history::{History as _, MemHistory};
use rustyline::{Config, Editor};
use tokio::sync::{Notify, mpsc, oneshot};

/// Input of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line.
    Line(String),
    /// Ctrl-C: the line is discarded.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

/// The user's answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Yes,
    /// No, or no answer.
    No,
    /// Ctrl-C: the turn is interrupted.
    Interrupted,
}

impl Consent {
    fn of(line: &str) -> Self {
        if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Self::Yes } else { Self::No }
    }
}

/// The user.
pub trait Console {
    /// Reads a line. Dropping the future loses a line that is being typed.
    fn line(&mut self) -> impl Future<Output = io::Result<Input>>;

    /// Waits until the user presses Ctrl-C. The future is cancel-safe.
    fn interrupted(&mut self) -> impl Future<Output = ()>;

    /// Asks a question that is answered by yes or no.
    fn confirm(&mut self, question: &str) -> impl Future<Output = io::Result<Consent>>;
}

/// No user: the command runs to its end, and Ctrl-C ends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Console for Unattended {
    async fn line(&mut self) -> io::Result<Input> {
        Ok(Input::End)
    }

    async fn interrupted(&mut self) {
        pending().await
    }

    async fn confirm(&mut self, question: &str) -> io::Result<Consent> {
        let mut errors = io::stderr();
        write!(errors, "{question} [y/N] ")?;
        errors.flush()?;
        if !io::stdin().is_terminal() {
            writeln!(errors)?;
            return Ok(Consent::No);
        }
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(Consent::of(&line))
    }
}

/// A question to the thread that owns the terminal, and where the answer goes.
type Question = (String, oneshot::Sender<io::Result<Input>>);

/// A terminal with line editing and history. A thread of its own reads from it, so that the connection stays alive meanwhile.
#[derive(Debug)]
pub struct TerminalConsole {
    questions: mpsc::UnboundedSender<Question>,
    interrupts: Arc<Notify>,
}

impl TerminalConsole {
    /// Opens the terminal. From here on, Ctrl-C does not end the process. Must be called in a runtime of tokio.
    ///
    /// # Errors
    ///
    /// Returns an error when the thread cannot be started or the standard input cannot be used as a terminal.
    pub fn new() -> io::Result<Self> {
        let config = Config::builder().auto_add_history(false).build();
        let mut editor = Editor::<(), MemHistory>::with_history(config, MemHistory::new()).map_err(io::Error::other)?;
        let (questions, mut asked) = mpsc::unbounded_channel::<Question>();
        std::thread::Builder::new().name("terminal".into()).spawn(move || {
            while let Some((prompt, answer)) = asked.blocking_recv() {
                let input = match editor.readline(&prompt) {
                    Ok(line) => {
                        if prompt == PROMPT && !line.trim().is_empty() {
                            // Without memory for it, the history stays as it is.
                            let _ = editor.history_mut().add(&line);
                        }
                        Ok(Input::Line(line))
                    }
                    Err(ReadlineError::Interrupted) => Ok(Input::Interrupted),
                    Err(ReadlineError::Eof) => Ok(Input::End),
                    Err(ReadlineError::Io(error)) => Err(error),
                    Err(error) => Err(io::Error::other(error)),
                };
                // The conversation has ended meanwhile.
                let _ = answer.send(input);
            }
        })?;
        let interrupts = Arc::new(Notify::new());
        let notify = Arc::clone(&interrupts);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                notify.notify_waiters();
            }
        });
        Ok(Self { questions, interrupts })
    }

    async fn ask(&self, prompt: &str) -> io::Result<Input> {
        let (sender, receiver) = oneshot::channel();
        let gone = || io::Error::other("the terminal is closed");
        self.questions.send((prompt.to_owned(), sender)).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

/// The prompt of a conversation.
const PROMPT: &str = "> ";

impl Console for TerminalConsole {
    async fn line(&mut self) -> io::Result<Input> {
        self.ask(PROMPT).await
    }

    async fn interrupted(&mut self) {
        self.interrupts.notified().await;
    }

    async fn confirm(&mut self, question: &str) -> io::Result<Consent> {
        Ok(match self.ask(&format!("{question} [y/N] ")).await? {
            Input::Line(line) => Consent::of(&line),
            Input::Interrupted => Consent::Interrupted,
            Input::End => Consent::No,
        })
    }
}
