//! `turnwire chat`: a question, or a conversation, at the command line, with any server, or with a scripted server in this process.

mod answer;
mod attachments;
mod console;
mod conversation;
mod exit;
mod history;
mod interactive;
mod options;
mod payload;
mod printer;
mod run;
mod tools;

pub use answer::{Answer, Piece, TextKind};
pub use console::{Consent, Console, Input, TerminalConsole, Unattended};
pub use conversation::Conversation;
pub use exit::Exit;
pub use interactive::converse;
pub use options::{Options, Transport};
pub use printer::{Printer, Verbosity};
pub use run::{converse_with, demo, demo_with, main, prompt};
pub use tools::Tool;
