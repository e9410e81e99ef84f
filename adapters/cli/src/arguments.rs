//! Parsing of arguments without a process, for tests.

use clap::{Args, Parser};

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Arguments<O: Args> {
    #[command(flatten)]
    options: O,
}

/// Parses the arguments of a subcommand, without its name.
///
/// # Errors
///
/// Returns the error that the command would print.
pub(crate) fn parse<O: Args>(arguments: &[&str]) -> Result<O, String> {
    let parsed = Arguments::try_parse_from(arguments);
    parsed.map(|arguments| arguments.options).map_err(|error| error.to_string())
}
