//! Every scenario has its test: tests/scenarios.md names one for each id of `tests/scenarios.ids`, and it exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// Returns the tests of each id that scenarios.md names.
fn map() -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::new();
    for line in read("scenarios.md").lines() {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let (Some(id), Some(_), Some(tests)) = (cells.next(), cells.next(), cells.next()) else { continue };
        if id.len() == 4 && id.as_bytes()[1] == b'-' {
            let tests = tests.split(',').map(|test| test.trim().trim_matches('`').to_owned()).collect();
            assert!(map.insert(id.to_owned(), tests).is_none(), "duplicate id {id}");
        }
    }
    map
}

/// Collects the names of all tests in the sources of this folder and its subfolders.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source");
            let mut lines = source.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if line == "#[test]"
                    && let Some(name) = lines.find_map(|line| line.strip_prefix("fn ")?.split('(').next())
                {
                    found.insert(name.to_owned());
                }
            }
        }
    }
}

#[test]
fn every_scenario_has_a_test() {
    let mut known = BTreeSet::new();
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut known);
    let map = map();
    for id in read("scenarios.ids").split_whitespace() {
        let named = map.get(id).unwrap_or_else(|| panic!("scenarios.md does not contain {id}"));
        assert!(!named.is_empty(), "{id} has no test");
    }
    for (id, named) in &map {
        let prefix = format!("{}{}_", id[..1].to_ascii_lowercase(), &id[2..]);
        for test in named {
            assert!(known.contains(test), "{id}: there is no test {test}");
            assert!(test.starts_with(&prefix), "{id}: {test} begins with another id");
        }
    }
}
