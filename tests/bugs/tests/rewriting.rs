//! How bugs are written into a source file beside the original.

use turnwire_bugs::choice::{Choice, choices};
use turnwire_bugs::entry::{Edit, Entry};
use turnwire_bugs::rewrite::{Placed, Rewritten, rewrite};
use turnwire_bugs::syntax::Syntax;

fn edit(source: &str, (find, replace): (&str, &str)) -> Edit {
    let entry = Entry { find: find.into(), replace: replace.into(), ..Entry::default() };
    entry.locate(source).expect("the text occurs once")
}

fn ladder(source: &str, change: (&str, &str)) -> Vec<Choice> {
    let before = Syntax::of(source).expect("the source is Rust");
    choices(source, &before, &edit(source, change)).expect("the change is inside a body")
}

/// Writes each bug in its narrowest form; the result must be Rust.
fn rewritten(source: &str, changes: &[(&str, &str)]) -> Rewritten {
    let place = |(bug, change): (u32, &(&str, &str))| Placed {
        bug,
        choice: ladder(source, *change)[0].clone(),
        edit: edit(source, *change),
    };
    let placed: Vec<Placed> = (1..).zip(changes).map(place).collect();
    let rewritten = rewrite(source, &placed, &|bug| format!("is({bug})"));
    assert!(syn::parse_file(&rewritten.text).is_ok(), "{}", rewritten.text);
    rewritten
}

/// The rewritten text, on one line.
fn written(source: &str, changes: &[(&str, &str)]) -> String {
    rewritten(source, changes).text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text that the narrowest choice takes the place of.
fn narrowest<'s>(source: &'s str, change: (&str, &str)) -> &'s str {
    &source[ladder(source, change)[0].range.clone()]
}

#[test]
fn expression_choice_has_parentheses() {
    assert_eq!(
        written("fn f(a: u8) -> bool { g() && a >= h() }", &[("a >= h()", "a > h()")]),
        "fn f(a: u8) -> bool { g() && (if is(1) { a > h() } else { a >= h() }) }"
    );
}

#[test]
fn statement_choice_has_no_parentheses() {
    assert_eq!(
        written("fn f() { a(); b(); c(); }", &[("b();", "")]),
        "fn f() { a(); if is(1) { } else { b(); } c(); }"
    );
    assert_eq!(
        written("fn f() { if a() { b(); } c(); }", &[("if a() { b(); }", "b();")]),
        "fn f() { if is(1) { b(); } else { if a() { b(); } } c(); }"
    );
}

#[test]
fn inserted_statement_has_empty_original() {
    let text = written("fn f() { a(); c(); }", &[("a(); c();", "a(); b(); c();")]);
    assert_eq!(text, "fn f() { a(); if is(1) { b(); } else { }c(); }");
}

#[test]
fn match_arm_choice_has_braces() {
    assert_eq!(
        written("fn f() -> u8 { match g() { 1 => {2 + h()} _ => k() } }", &[("k()", "3")]),
        "fn f() -> u8 { match g() { 1 => {2 + h()} _ => { if is(1) { 3 } else { k() } } } }"
    );
}

#[test]
fn binding_is_chosen_with_statements_that_see_it() {
    let text = written("fn f() -> u8 { a(); let x: u8 = 1; b(x) }", &[("x: u8 = 1", "x: i8 = 1")]);
    assert_eq!(text, "fn f() -> u8 { a(); if is(1) { let x: i8 = 1; b(x) } else { let x: u8 = 1; b(x) } }");
}

#[test]
fn place_expression_is_never_chosen() {
    let source = "fn f(&mut self) { g(&mut self.a); self.a.push(1); self.n += 1; }";
    for (change, whole) in [
        (("g(&mut self.a)", "g(&mut self.b)"), "&mut self.a"),
        (("self.a.push(1)", "self.b.push(1)"), "self.a.push(1)"),
        (("self.n += 1", "self.m += 1"), "self.n += 1"),
    ] {
        let source = format!("struct S; impl S {{ {source} }}");
        assert_eq!(narrowest(&source, change), whole);
    }
}

#[test]
fn choice_keeps_operator_precedence() {
    // Within parentheses `f() || b` would be another condition.
    assert_eq!(narrowest("fn g() -> bool { a && f() }", ("a && f()", "a && f() || b")), "a && f()");
    assert_eq!(narrowest("fn g() -> u8 { 2 * k() }", ("2 * k()", "2 * k() + 1")), "2 * k()");
    assert_eq!(narrowest("fn g() -> u8 { h(2 * k()) }", ("h(2 * k())", "h(2 * (k() + 1))")), "k()");
}

#[test]
fn if_let_condition_is_chosen_as_a_whole() {
    let source = "fn f() -> u8 { a(); if let Some(x) = g() && x > h() { 1 } else if k() { 2 } else { 3 } }";
    assert_eq!(narrowest(source, ("x > h()", "x >= h()")), "x > h()");
    assert_eq!(narrowest(source, ("= g()", "= l()")), "g()");
    assert_eq!(narrowest(source, ("k()", "!k()")), "k()");
    // The other branch must be a block or another `if`.
    assert!(narrowest(source, ("let Some(x)", "let Ok(x)")).starts_with("if let Some(x)"));
    assert!(narrowest(source, ("else if k() { 2 }", "")).starts_with("if let Some(x)"));
}

#[test]
fn patterns_and_macros_are_chosen_with_enclosing_expression() {
    let source = "fn f() -> bool { a() || matches!(b(), 1 | 2) }";
    assert_eq!(narrowest(source, ("1 | 2", "1")), "matches!(b(), 1 | 2)");
    let source = "fn f() -> u8 { a(); match b() { 1 | 2 => 3, _ => 4 } }";
    assert_eq!(narrowest(source, ("1 | 2", "1")), "match b() { 1 | 2 => 3, _ => 4 }");
}

#[test]
fn choices_are_ordered_from_narrow_to_wide() {
    let source = "fn f() -> u8 { a(); if b() { c(d(1)); } e() }";
    let ranges: Vec<&str> =
        ladder(source, ("d(1)", "d(2)")).iter().map(|choice| &source[choice.range.clone()]).collect();
    assert_eq!(ranges, ["1", "c(d(1));", " a(); if b() { c(d(1)); } e() "]);
}

#[test]
fn constant_contexts_have_no_choice() {
    for (source, change) in [
        ("const A: u8 = 1;", ("1", "2")),
        ("fn f(a: u8) -> u8 { a }", ("a: u8", "a: i8")),
        ("enum E { A = 1 }", ("1", "2")),
        ("macro_rules! m { () => { 1 } }", ("1", "2")),
    ] {
        let choices = choices(source, &Syntax::of(source).unwrap(), &edit(source, change));
        assert!(choices.unwrap_err().contains("not inside a function's body"), "{source}");
    }
    let source = "fn f() -> [u8; 2] { g(); const N: usize = 2; [0; N] }";
    assert!(narrowest(source, ("usize = 2", "usize = 3")).starts_with("const N"), "with all that sees it");
}

#[test]
fn invalid_rust_is_rejected() {
    let source = "fn f() { a(); }";
    let error = choices(source, &Syntax::of(source).unwrap(), &edit(source, ("a();", "a(;"))).unwrap_err();
    assert!(error.starts_with("after the replacement, line 1:"), "{error}");
}

#[test]
fn bugs_in_one_range_share_a_choice() {
    assert_eq!(
        written("fn f() -> u8 { g(a + b) }", &[("a + b", "a - b"), ("a + b", "a * b")]),
        "fn f() -> u8 { g((if is(1) { a - b } else if is(2) { a * b } else { a + b })) }"
    );
}

#[test]
fn nested_bugs_are_written_into_original() {
    assert_eq!(
        written("fn f() -> u8 { g(a + h(1)) }", &[("a + h(1)", "a - h(1)"), ("h(1)", "h(2)")]),
        "fn f() -> u8 { g((if is(1) { a - h(1) } else { a + h((if is(2) { 2 } else { 1 })) })) }"
    );
}

#[test]
fn overlapping_statement_runs_are_joined() {
    let source = "fn f() { a(); b(); c(); d(); }";
    let text = written(source, &[("a(); b();", "b(); a();"), ("b(); c();", "c(); b();")]);
    assert_eq!(
        text,
        "fn f() { if is(1) { b(); a(); c(); } else if is(2) { a(); c(); b(); } else { a(); b(); c(); } d(); }"
    );
}

#[test]
fn insertions_at_one_position_share_a_choice() {
    let text = written("fn f() { a(); c(); }", &[("a(); c();", "a(); b(); c();"), ("a(); c();", "a(); d(); c();")]);
    assert_eq!(text, "fn f() { a(); if is(1) { b(); } else if is(2) { d(); } else { }c(); }");
}

#[test]
fn insertion_at_edge_of_choice_is_written_once() {
    let text = written("fn f() { a(); c(); }", &[("a(); c();", "a(); b(); c();"), ("c();", "d();"), ("a();", "e();")]);
    assert_eq!(text.matches("is(1)").count(), 1, "{text}");
    assert_eq!(text.matches("is(2)").count(), 1, "{text}");
    assert_eq!(text.matches("is(3)").count(), 1, "{text}");
}

#[test]
fn line_comment_does_not_hide_following_code() {
    let source = "fn f() {\n    a(); // one\n    b(); // two\n}\n";
    let text = rewritten(source, &[("a(); // one\n b(); // two", "b(); // two")]).text;
    assert!(text.contains("else"), "{text}");
}

#[test]
fn compiler_error_belongs_to_bug_that_contains_it() {
    let rewritten = rewritten("fn f() -> u8 { g(a + h(1)) }", &[("a + h(1)", "a - h(1)"), ("h(1)", "h(2)")]);
    let blame = |text: &str| {
        let at = rewritten.text.find(text).unwrap();
        rewritten.blame(&(at..at + 1))
    };
    assert_eq!(blame("a - h"), [1]);
    assert_eq!(blame("2\n"), [2]);
    assert_eq!(blame("a + h"), [1], "the original of the first");
    assert_eq!(blame("fn f"), [0; 0], "no bug's");
}

#[test]
fn non_ascii_text_does_not_shift_ranges() {
    let source = "/// „ä“ – ✓\nfn f() -> u8 { /* → */ g(1) } // …";
    assert_eq!(narrowest(source, ("g(1)", "g(2)")), "1");
}
