//! The diagrams in `docs/turn.md` are those that the transition tables generate.

use std::fmt::{Debug, Write as _};

use turnwire::turn::{RequestInput, SUBMISSION_TRANSITIONS, TRANSITIONS};

/// Draws a table as a Mermaid state diagram.
fn diagram<'t, S: Debug + 't, I: Debug + 't>(first: &str, table: impl IntoIterator<Item = &'t (S, I, S)>) -> String {
    let mut text = format!("stateDiagram-v2\n    [*] --> {first}\n");
    for (from, input, to) in table {
        writeln!(text, "    {from:?} --> {to:?}: {input:?}").expect("writing to a `String` cannot fail");
    }
    text
}

/// Checks that this diagram is between these marks of `docs/turn.md`.
fn is_in_docs(mark: &str, diagram: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/turn.md");
    let text = std::fs::read_to_string(path).expect("docs/turn.md");
    let (_, rest) = text.split_once(&format!("<!-- {mark}: begin -->\n")).expect("the mark before the diagram");
    let (shown, _) = rest.split_once(&format!("<!-- {mark}: end -->")).expect("the mark behind the diagram");
    let drawn = format!("```mermaid\n{diagram}```\n");
    assert_eq!(shown, drawn, "put this between the marks of docs/turn.md:\n{drawn}");
}

#[test]
fn diagram_in_docs_is_current() {
    // `Informational` steps never change the state.
    let steps = TRANSITIONS.iter().filter(|(_, input, _)| *input != RequestInput::Informational);
    is_in_docs("diagram", &diagram("Idle", steps));
}

#[test]
fn diagram_of_submissions_in_docs_is_current() {
    is_in_docs("submissions", &diagram("Sent", SUBMISSION_TRANSITIONS));
}
