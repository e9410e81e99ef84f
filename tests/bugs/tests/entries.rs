//! Where an entry applies.

use turnwire_bugs::entry::{Edit, Entry};

fn locate(source: &str, find: &str, replace: &str) -> Result<Edit, String> {
    let entry = Entry { file: "a.rs".into(), find: find.into(), replace: replace.into(), ..Entry::default() };
    entry.locate(source)
}

#[test]
fn find_ignores_white_space() {
    let source = "fn f() {\n    first(\n        1,\n    );\n    second();\n}\n";
    let edit = locate(source, "first(1,); second();", "first(1,); third();").unwrap();
    assert_eq!(edit.apply(source), source.replace("second", "third"));
}

#[test]
fn edit_covers_only_the_difference() {
    let source = "let free = self.0.is_none();";
    let edit = locate(source, "let free = self.0.is_none();", "let  free = true;").unwrap();
    assert_eq!((&source[edit.range.clone()], edit.with.as_str()), ("self.0.is_none()", "true"));
    assert_eq!(edit.apply(source), "let free = true;");
}

#[test]
fn white_space_in_literal_is_a_difference() {
    let source = r#"push("a b");"#;
    assert_eq!(locate(source, source, r#"push("ab");"#).unwrap().apply(source), r#"push("ab");"#);
}

#[test]
fn find_matches_whole_words() {
    let source = "unlimited(); limit();";
    assert_eq!(locate(source, "limit", "bound").unwrap().apply(source), "unlimited(); bound();");
    assert_eq!(locate("x1000 1000 10000", "1000", "1").unwrap().apply("x1000 1000 10000"), "x1000 1 10000");
}

#[test]
fn find_must_occur_once_and_replace_must_differ() {
    assert_eq!(locate("a(); b();", "c();", "").unwrap_err(), "`find` does not occur in a.rs");
    assert_eq!(locate("a(); b(); a();", "a();", "").unwrap_err(), "`find` occurs 2 times in a.rs");
    assert_eq!(locate("a();", "a();", "a();").unwrap_err(), "`replace` changes nothing");
    assert_eq!(locate("a();", " ", "b").unwrap_err(), "`find` is empty");
}
