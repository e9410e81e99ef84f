//! SECURITY.md names a law, a test or a fuzz target for each guarantee, and each of them exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Calls `found` with each Rust file below a directory.
fn each_source(directory: &Path, found: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            each_source(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found(&path);
        }
    }
}

/// The names of the functions that a source defines.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let begins_word = |at: usize| at == 0 || source[..at].ends_with(|c: char| c.is_whitespace());
    let starts = source.match_indices("fn ").filter(move |(at, _)| begins_word(*at));
    starts.map(|(at, found)| {
        let name = &source[at + found.len()..];
        name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
    })
}

/// The names of the tests of a source: functions with an attribute that ends with `test]`, and those in a `proptest!`.
fn tests(source: &str) -> impl Iterator<Item = &str> {
    let mut behind_attribute = false;
    source.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with("#[") {
            behind_attribute |= line.contains("test]") || line.contains("test(");
            return None;
        }
        let is_test = behind_attribute && functions(line).next().is_some();
        behind_attribute &= line.starts_with("//") || line.starts_with(')');
        is_test.then(|| functions(line).next()).flatten()
    })
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expanded(pattern: &str) -> Vec<String> {
    match (pattern.split_once('{'), pattern.split_once('}')) {
        (Some((before, _)), Some((inside, after))) => {
            let names = inside[before.len() + 1..].split(',');
            names.map(|name| format!("{before}{name}{after}")).collect()
        }
        _ => vec![pattern.into()],
    }
}

/// A guarantee of the table, the layers that it is about, and what holds it.
struct Row {
    line: String,
    holder: String,
}

/// The rows of the table with this head, without the head.
fn table<'d>(document: &'d str, head: &str) -> Vec<&'d str> {
    let from_head = document.lines().skip_while(|line| !line.starts_with(head));
    from_head.take_while(|line| line.starts_with('|')).skip(2).collect()
}

fn rows() -> Vec<Row> {
    let document = read(&root().join("SECURITY.md"));
    let table = table(&document, "| guarantee |");
    let row = |line: &&str| {
        let holder = line.trim_matches('|').rsplit('|').next().unwrap_or_default();
        Row { line: (*line).into(), holder: holder.into() }
    };
    table.iter().map(row).collect()
}

/// The pieces of text in backquotes, each with the text before it and behind it.
fn code_spans(text: &str) -> Vec<(&str, &str, &str)> {
    let quotes: Vec<usize> = text.match_indices('`').map(|(at, _)| at).collect();
    quotes.chunks_exact(2).map(|pair| (&text[..pair[0]], &text[pair[0] + 1..pair[1]], &text[pair[1] + 1..])).collect()
}

/// The names of all tests.
fn known_tests() -> BTreeSet<String> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for directory in ["tests/tests", "core/src", "adapters"] {
        each_source(&root().join(directory), &mut |path| known.extend(tests(&read(path)).map(Into::into)));
    }
    known
}

/// Returns how many laws, tests and fuzz targets a text names. All of them exist. `line`: where the text is.
fn holders(known: &BTreeSet<String>, text: &str, line: &str) -> usize {
    let mut held = 0;
    for (before, name, behind) in code_spans(text) {
        let part = before.rsplit(';').next().unwrap_or_default();
        if name.contains('/') {
            let missing = expanded(name).into_iter().find(|path| !root().join(path).exists());
            assert!(missing.is_none(), "SECURITY.md: no file {missing:?}: {line}");
        } else if part.contains("fuzz target") {
            let target = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
            assert!(target.exists(), "SECURITY.md: no fuzz target `{name}`: {line}");
            held += 1;
        } else if let Some((_, place)) = behind.split_once(" in `").filter(|(between, _)| is_list(between)) {
            // A law, which is one function of each of the files.
            for path in expanded(place.split('`').next().unwrap_or_default()) {
                let source = read(&root().join(&path));
                assert!(functions(&source).any(|other| other == name), "SECURITY.md: no `{name}` in {path}: {line}");
            }
            held += 1;
        } else if name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            assert!(known.contains(name), "SECURITY.md: no test `{name}`: {line}");
            held += 1;
        }
    }
    held
}

#[test]
fn what_holds_a_guarantee_exists() {
    let known = known_tests();
    assert!(known.contains("what_holds_a_guarantee_exists"), "the tests of this file are found");
    let rows = rows();
    for Row { line, holder } in &rows {
        let held = holders(&known, holder, line);
        let by_compiler = holder.contains("forbid(unsafe_code)");
        let by_file = holder.contains("`tests/tests/");
        assert!(held > 0 || by_compiler || by_file, "SECURITY.md: nothing holds this guarantee: {line}");
    }
    assert!(rows.len() > 20, "the table has {} rows", rows.len());
}

/// The rows of the table of laws.
const LAYERS: [&str; 12] = [
    "`sse`",
    "`http`",
    "`ws`",
    "`ws::deflate`",
    "`proxy`",
    "`responses`",
    "`connection`, client",
    "`connection`, server",
    "`client`",
    "`driver`",
    "`rustls`",
    "`turnwire serve`",
];

#[test]
fn each_law_of_each_layer_has_a_test_or_says_why_it_has_none() {
    let known = known_tests();
    let document = read(&root().join("SECURITY.md"));
    let rows = table(&document, "| layer |");
    assert_eq!(rows.len(), LAYERS.len());
    for (row, layer) in rows.iter().zip(LAYERS) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!((cells.len(), cells[0]), (5, layer), "SECURITY.md: {row}");
        for cell in &cells[1..] {
            let says_why = cell.strip_prefix("none: ").is_some_and(|why| why.len() > 8);
            assert!(says_why || holders(&known, cell, row) > 0, "SECURITY.md: {layer}: nothing holds {cell:?}");
        }
    }
}

/// Whether a text joins two names of a list: ``` ` and ` ```.
fn is_list(between: &str) -> bool {
    between.split('`').all(|text| matches!(text.trim(), "" | "," | "and") || !text.contains([' ', ';']))
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let mut manifests = vec![root().join("core")];
    manifests.extend(
        fs::read_dir(root().join("adapters")).expect("a directory").map(|entry| entry.expect("an entry").path()),
    );
    for krate in manifests {
        let manifest = read(&krate.join("Cargo.toml"));
        let crate_root =
            ["src/lib.rs", "src/main.rs"].map(|path| krate.join(path)).into_iter().find(|path| path.exists());
        let source = crate_root.map_or_else(String::new, |path| read(&path));
        let workspace = read(&root().join("Cargo.toml"));
        let by_workspace = manifest.contains("[lints]") && workspace.contains("unsafe_code = \"forbid\"");
        assert!(
            by_workspace || source.contains("#![forbid(unsafe_code)]"),
            "{} may contain unsafe code",
            krate.display()
        );
    }
}
