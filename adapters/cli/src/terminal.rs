//! Text of a server, made safe for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes control characters, except line feeds and tabs, for text of several lines. A carriage return before a line feed is
/// dropped.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_if(text, |c| is_control(c) && !matches!(c, '\n' | '\t'))
}

/// Escapes all control characters, line feeds and tabs included, for text that must stay on one line.
#[must_use]
pub fn escape_line(text: &str) -> Cow<'_, str> {
    escape_if(text, is_control)
}

fn escape_if(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') && !escapes('\n') => {}
            c if !escapes(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            c if u32::from(c) < 0x100 => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

/// Returns whether a character changes the state of a terminal, or the direction of the text that follows.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_line};

    #[test]
    fn escape_keeps_lines_and_tabs_and_shows_the_rest() {
        assert_eq!(escape("a\r\nb\tc"), "a\nb\tc");
        assert_eq!(escape("\x1b[31mred\x07\u{9b}2J\x7f\r"), "\\x1b[31mred\\x07\\x9b2J\\x7f\\r");
        assert_eq!(escape("\u{202e}drow"), "\\u{202e}drow");
        assert_eq!(escape_line("a\r\nb\tc\0"), "a\\r\\nb\\tc\\x00");
        for text in ["", "plain", "Grüße, 世界 👋🏽"] {
            assert_eq!((&*escape(text), &*escape_line(text)), (text, text));
        }
    }
}
