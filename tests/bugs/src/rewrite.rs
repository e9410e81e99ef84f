//! Writes many bugs into one source file, of which a variable selects one at run time.

use std::ops::Range;

use crate::choice::{Choice, Form};
use crate::entry::Edit;

/// A bug in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The number that selects the bug at run time.
    pub bug: u32,
    /// What the choice takes the place of.
    pub choice: Choice,
    /// The bug itself.
    pub edit: Edit,
}

/// A rewritten source file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// Which bytes of it belong to which bug.
    pub parts: Vec<Part>,
}

/// A part of a rewritten file that belongs to a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The bug.
    pub bug: u32,
    /// The bytes of the rewritten text.
    pub range: Range<usize>,
    /// Whether these are the bug's own bytes; otherwise they are the whole choice.
    pub is_own: bool,
}

impl Rewritten {
    /// Returns the bugs that an error at these bytes belongs to: the one whose own text contains the error, or all bugs of
    /// the innermost choice around it.
    #[must_use]
    pub fn blame(&self, at: &Range<usize>) -> Vec<u32> {
        let touching = || self.parts.iter().filter(|part| part.range.start <= at.start && at.start < part.range.end);
        let Some(inner) = touching().map(|part| part.range.len()).min() else { return Vec::new() };
        touching().filter(|part| part.range.len() == inner).map(|part| part.bug).collect()
    }
}

/// Writes all bugs into a source text. `condition` writes the condition that selects a bug.
#[must_use]
pub fn rewrite(source: &str, placed: &[Placed], condition: &dyn Fn(u32) -> String) -> Rewritten {
    let mut placed = placed.to_vec();
    join_overlapping(&mut placed);
    let mut out = Rewritten::default();
    write(&mut out, source, 0..source.len(), &placed.iter().collect::<Vec<_>>(), condition);
    out
}

/// Widens choices that overlap without one containing the other to both ranges: these are runs of statements of one block.
fn join_overlapping(placed: &mut [Placed]) {
    loop {
        let mut joined = false;
        for at in 0..placed.len() {
            for other in 0..placed.len() {
                let (a, b) = (placed[at].choice.range.clone(), placed[other].choice.range.clone());
                if a.start < b.start && b.start < a.end && a.end < b.end {
                    for index in [at, other] {
                        placed[index].choice = Choice { range: a.start..b.end, form: Form::Statements };
                    }
                    joined = true;
                }
            }
        }
        if !joined {
            return;
        }
    }
}

/// Writes a range of the source with the bugs that lie in it.
fn write(
    out: &mut Rewritten,
    source: &str,
    range: Range<usize>,
    placed: &[&Placed],
    condition: &dyn Fn(u32) -> String,
) {
    let mut outermost: Vec<&Range<usize>> = placed.iter().map(|placed| &placed.choice.range).collect();
    outermost.sort_by_key(|range| (range.start, usize::MAX - range.len()));
    let mut at = range.start;
    for choice in outermost {
        // An empty one directly behind another is one of its own.
        if choice.start < at || (choice.start == at && choice.is_empty() && out_has(out, placed, choice)) {
            continue;
        }
        out.text.push_str(&source[at..choice.start]);
        let (here, inner): (Vec<&Placed>, Vec<&Placed>) = placed
            .iter()
            .filter(|placed| choice.start <= placed.choice.range.start && placed.choice.range.end <= choice.end)
            .partition(|placed| placed.choice.range == *choice);
        write_choice(out, source, &here, &inner, condition);
        at = choice.end;
    }
    out.text.push_str(&source[at..range.end]);
}

/// Returns whether the bugs of an empty range are written already.
fn out_has(out: &Rewritten, placed: &[&Placed], choice: &Range<usize>) -> bool {
    let here = placed.iter().find(|placed| placed.choice.range == *choice);
    here.is_some_and(|placed| out.parts.iter().any(|part| part.bug == placed.bug))
}

/// Writes one choice: between the bugs that have the same range, and the original with what lies inside it.
fn write_choice(
    out: &mut Rewritten,
    source: &str,
    here: &[&Placed],
    inner: &[&Placed],
    condition: &dyn Fn(u32) -> String,
) {
    let Some(first) = here.first() else { return };
    let range = first.choice.range.clone();
    let form = here.iter().map(|placed| placed.choice.form).find(|form| *form == Form::Statements);
    let (open, close) = match form.unwrap_or(first.choice.form) {
        Form::Statements => ("", ""),
        Form::Expression => ("(", ")"),
        Form::Arm => ("{ ", " }"),
    };
    let start = out.text.len();
    out.text.push_str(open);
    for placed in here {
        out.text.push_str(&format!("if {} {{\n", condition(placed.bug)));
        let own = out.text.len();
        let edit = &placed.edit;
        out.text.extend([&source[range.start..edit.range.start], &edit.with, &source[edit.range.end..range.end]]);
        out.text.push('\n');
        out.parts.push(Part { bug: placed.bug, range: own..out.text.len(), is_own: true });
        out.text.push_str("} else ");
    }
    out.text.push_str("{\n");
    write(out, source, range, inner, condition);
    out.text.push_str("\n}");
    out.text.push_str(close);
    for placed in here {
        out.parts.push(Part { bug: placed.bug, range: start..out.text.len(), is_own: false });
    }
}
