//! What a batch does with the compiler's errors.

use std::collections::BTreeMap;

use turnwire_bugs::batch::{Batch, root_of};
use turnwire_bugs::cargo::{CompilerError, ErrorSpan, error};
use turnwire_bugs::entry::Entry;
use turnwire_bugs::rewrite::Rewritten;

const FILE: &str = "core/src/a.rs";
const SOURCE: &str = "const fn limit(n: u8) -> u8 { n + 1 }
const fn twice(n: u8) -> u8 { limit(n) * 2 }
fn run() -> u8 { a(); if b() { c(twice(d())); } e() }
";

fn read(file: &str) -> Result<String, String> {
    match file {
        FILE => Ok(SOURCE.into()),
        "core/src/lib.rs" => Ok("mod a;\nconst K: u8 = a::twice(3);\n".into()),
        _ => Err(format!("{file} does not exist")),
    }
}

fn batch(changes: &[(&str, &str)]) -> Batch {
    let mut batch = Batch::default();
    for (number, (find, replace)) in (1..).zip(changes) {
        let entry = Entry { file: FILE.into(), find: (*find).into(), replace: (*replace).into(), ..Entry::default() };
        batch.add(number, &entry, &read);
    }
    batch
}

fn one_line(files: &BTreeMap<String, Rewritten>, file: &str) -> String {
    files[file].text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn error_at(files: &BTreeMap<String, Rewritten>, file: &str, text: &str, code: &str, message: &str) -> CompilerError {
    let start = files[file].text.find(text).expect("the text is there");
    let span = ErrorSpan { file: file.into(), range: start..start + text.len() };
    CompilerError { code: code.into(), message: message.into(), rendered: "error: …".into(), spans: vec![span] }
}

#[test]
fn crate_root_gets_module() {
    let files = batch(&[("d()", "f()")]).render(&read).unwrap();
    assert!(files["core/src/lib.rs"].text.contains("mod deliberate_bug"));
    assert!(one_line(&files, FILE).contains("if crate::deliberate_bug::is(1) { f() } else { d() }"));
    assert_eq!(root_of("adapters/driver/src/deep/wire.rs"), "adapters/driver/src/lib.rs");
}

#[test]
fn compiler_error_widens_choice_until_bug_is_rejected() {
    let mut batch = batch(&[("d()", "f()")]);
    for expected in
        ["c(twice(", "c(twice(f())); } else { c(twice(d())); }", "a(); if b() { c(twice(f())); } e() } else {"]
    {
        let files = batch.render(&read).unwrap();
        assert!(one_line(&files, FILE).contains(expected), "{}", files[FILE].text);
        let error = error_at(&files, FILE, "f()", "E0308", "mismatched types");
        batch.absorb(&[error], &files, &read).unwrap();
    }
    assert_eq!(batch.rejected().get(&1).unwrap(), "does not compile: error: …");
    assert!(!batch.render(&read).unwrap().contains_key(FILE));
}

#[test]
fn const_fn_with_bug_and_its_callers_lose_const() {
    let mut batch = batch(&[("n + 1", "n + 2")]);
    let files = batch.render(&read).unwrap();
    assert!(one_line(&files, FILE).starts_with("fn limit"), "{}", files[FILE].text);
    let message = "cannot call non-const function `a::limit` in constant functions";
    let error = error_at(&files, FILE, "limit(n) * 2", "E0015", message);
    batch.absorb(&[error], &files, &read).unwrap();
    let files = batch.render(&read).unwrap();
    assert!(
        one_line(&files, FILE).contains(" fn twice") && !files[FILE].text.contains("const"),
        "{}",
        files[FILE].text
    );

    let message = "cannot call non-const function `twice` in constants";
    let error = error_at(&files, "core/src/lib.rs", "a::twice(3)", "E0015", message);
    batch.absorb(&[error], &files, &read).unwrap();
    assert!(batch.rejected()[&1].contains("that constants call"), "{}", batch.rejected()[&1]);
    assert!(batch.render(&read).unwrap().is_empty());
}

#[test]
fn unattributed_compiler_error_ends_run() {
    let mut batch = batch(&[("d()", "f()")]);
    let files = batch.render(&read).unwrap();
    let error = error_at(&files, FILE, "fn run", "E0425", "…");
    let told = batch.absorb(&[error], &files, &read).unwrap_err();
    assert!(told.starts_with("the copy does not compile, and no bug is at fault"), "{told}");
}

#[test]
fn compiler_message_is_parsed_with_macro_expansions() {
    let message = serde_json::json!({
        "level": "error", "message": "mismatched types", "code": {"code": "E0308"}, "rendered": "error…",
        "spans": [
            {"file_name": "b.rs", "byte_start": 1, "byte_end": 2, "is_primary": false, "expansion": null},
            {"file_name": "macros.rs", "byte_start": 3, "byte_end": 4, "is_primary": true,
             "expansion": {"span": {"file_name": "a.rs", "byte_start": 5, "byte_end": 6, "expansion": null}}},
        ],
    });
    let spans = error(&message).unwrap().spans;
    let files: Vec<&str> = spans.iter().map(|span| span.file.as_str()).collect();
    assert_eq!(files, ["macros.rs", "a.rs", "b.rs"]);
    assert_eq!(error(&serde_json::json!({"level": "warning", "spans": [{}]})), None);
}
