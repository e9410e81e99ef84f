//! The expressions or statements that can hold a bug beside the original.

use std::ops::Range;

use crate::entry::Edit;
use crate::syntax::{Block, Syntax, contains};

/// A part of a source file that a choice at run time can take the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The bytes of the original.
    pub range: Range<usize>,
    /// How the choice is written.
    pub form: Form,
}

/// How a choice is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a statement, or the last expression of a block.
    Statements,
    /// In parentheses.
    Expression,
    /// In braces.
    Arm,
}

/// Returns up to three choices for an edit, from the narrowest to the whole body of the function: the narrowest, the narrowest
/// run of statements, the body. A wider one serves when the compiler rejects a narrower one.
///
/// Each is an expression or a run of statements both before and after the edit, so that the edit means in the choice what it
/// means in the file.
///
/// # Errors
///
/// When the file is not Rust after the edit, or when the edit is not inside a function's body.
pub fn choices(source: &str, before: &Syntax, edit: &Edit) -> Result<Vec<Choice>, String> {
    let after = Syntax::of(&edit.apply(source)).map_err(|error| format!("after the replacement, {error}"))?;
    let moved = |at: usize| at - edit.range.end + edit.range.start + edit.with.len();
    let mut all: Vec<Choice> = Vec::new();
    for expression in before.expressions.iter().filter(|expression| contains(&expression.range, &edit.range)) {
        let range = expression.range.start..moved(expression.range.end);
        if after.expressions.iter().any(|other| other.range == range && other.is_arm == expression.is_arm) {
            let form = if expression.is_arm { Form::Arm } else { Form::Expression };
            all.push(Choice { range: expression.range.clone(), form });
        }
    }
    for block in before.blocks.iter().filter(|block| is_inside(&block.range, &edit.range)) {
        let range = block.range.start..moved(block.range.end);
        if let Some(other) = after.blocks.iter().find(|other| other.range == range)
            && let Some(range) = run(block, other, edit)
        {
            all.push(Choice { range, form: Form::Statements });
        }
    }
    all.sort_by_key(|choice| choice.range.len());
    let body = before.function(&edit.range).map(|function| function.body.start + 1..function.body.end - 1);
    let body = body.filter(|body| {
        let range = body.start - 1..moved(body.end + 1);
        contains(body, &edit.range) && after.functions.iter().any(|function| function.body == range)
    });
    let mut ladder: Vec<Choice> = all.first().cloned().into_iter().collect();
    ladder.extend(all.into_iter().skip(1).find(|choice| choice.form == Form::Statements));
    ladder.extend(body.map(|range| Choice { range, form: Form::Statements }));
    ladder.dedup_by(|wide, narrow| wide.range == narrow.range);
    if ladder.is_empty() {
        return Err("the replacement is not inside a function's body: write it where the item is used".into());
    }
    Ok(ladder)
}

/// Returns whether a range lies between the braces of a block.
const fn is_inside(block: &Range<usize>, range: &Range<usize>) -> bool {
    block.start < range.start && range.end < block.end
}

/// Returns the statements of a block that an edit changes, as one range. When names of these are visible behind them, the
/// range goes to the end of the block.
fn run(before: &Block, after: &Block, edit: &Edit) -> Option<Range<usize>> {
    let (old, new) = (&before.statements, &after.statements);
    let moved = |at: usize| at - edit.range.end + edit.range.start + edit.with.len();
    let front = old.iter().zip(new).take_while(|(a, b)| a.range == b.range && a.range.end <= edit.range.start).count();
    let mut back = (old[front..].iter().rev())
        .zip(new[front..].iter().rev())
        .take_while(|(a, b)| {
            a.range.start >= edit.range.end
                && moved(a.range.start) == b.range.start
                && moved(a.range.end) == b.range.end
        })
        .count();
    let binds =
        old[front..old.len() - back].iter().chain(&new[front..new.len() - back]).any(|statement| statement.binds);
    // The last expression of the block gives its value to the choice only when the choice is the last as well.
    if binds {
        back = 0;
    }
    let start = old[front..].first().filter(|_| front < old.len() - back).map(|statement| statement.range.start);
    let end = old[..old.len() - back].last().filter(|_| front < old.len() - back).map(|statement| statement.range.end);
    // Without a statement of its own, the edit inserts some.
    let start = start.unwrap_or(edit.range.start).min(edit.range.start);
    let end = end.unwrap_or(edit.range.end).max(edit.range.end);
    let fits = old[..front].iter().all(|statement| statement.range.end <= start)
        && old[old.len() - back..].iter().all(|statement| statement.range.start >= end);
    fits.then_some(start..end)
}
