//! Conversations in files: a JSON array of items, which is also what a request's `input` contains.

use std::fs;
use std::path::{Path, PathBuf};

use turnwire::responses::{Item, parse_input};

use super::exit::Exit;

/// Reads a conversation.
pub(super) fn load(path: &Path) -> Result<Vec<Item>, Exit> {
    let at = |error: &dyn core::fmt::Display| Exit::Arguments(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(&error))?;
    parse_input(text.trim()).map_err(|error| at(&error))
}

/// Writes a conversation, one item per line. The file is replaced at once: it is whole whenever it is read.
pub(super) fn save(path: &Path, items: &[Item]) -> Result<(), Exit> {
    let lines: Vec<String> = items.iter().map(Item::to_json).collect();
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let text = if lines.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", lines.join(",\n")) };
    fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path))?;
    Ok(())
}
