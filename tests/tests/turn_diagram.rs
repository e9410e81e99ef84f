//! The diagram in `docs/turn.md` is the one that the table makes.

use turnwire::turn;

#[test]
fn the_diagram_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/turn.md");
    let text = std::fs::read_to_string(path).expect("docs/turn.md");
    let (_, rest) = text.split_once("<!-- diagram: begin -->\n").expect("the mark before the diagram");
    let (shown, _) = rest.split_once("<!-- diagram: end -->").expect("the mark behind the diagram");
    let drawn = format!("```mermaid\n{}```\n", turn::diagram());
    assert_eq!(shown, drawn, "put this between the marks of docs/turn.md:\n{drawn}");
}
