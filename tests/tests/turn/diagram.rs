//! The diagram in `docs/turn.md` is the one that the transition table generates.

use std::fmt::Write as _;

use turnwire::turn::{RequestInput, TRANSITIONS};

/// Draws the table as a Mermaid state diagram, without `Informational` transitions, which never change the state.
fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> Idle\n");
    for (from, input, to) in TRANSITIONS.iter().filter(|(_, input, _)| *input != RequestInput::Informational) {
        writeln!(text, "    {from:?} --> {to:?}: {input:?}").expect("writing to a `String` cannot fail");
    }
    text
}

#[test]
fn diagram_in_docs_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/turn.md");
    let text = std::fs::read_to_string(path).expect("docs/turn.md");
    let (_, rest) = text.split_once("<!-- diagram: begin -->\n").expect("the begin marker");
    let (shown, _) = rest.split_once("<!-- diagram: end -->").expect("the end marker");
    let drawn = format!("```mermaid\n{}```\n", diagram());
    assert_eq!(shown, drawn, "replace the text between the markers in docs/turn.md by:\n{drawn}");
}
