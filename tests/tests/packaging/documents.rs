//! The documents agree with the code: links resolve, the package contains their targets, every example is listed.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Calls `check` with each line of each Rust file below a directory.
fn each_line(directory: &Path, check: &mut impl FnMut(&Path, usize, &str)) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each_line(&path, check);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a text file");
            text.lines().enumerate().for_each(|(at, line)| check(&path, at + 1, line));
        }
    }
}

/// The documents that the documentation of the core contains.
const INCLUDED: [&str; 3] = ["protocol", "differences", "limits"];

/// The ids that rustdoc gives to the headings of a document.
fn heading_ids(document: &str) -> Vec<String> {
    let id = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    let headings = document.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| id(heading.trim_start_matches('#'))).collect()
}

// A checkout on Windows may have no symbolic links.
#[cfg(unix)]
#[test]
fn core_package_contains_documents() {
    for name in INCLUDED {
        // These are symbolic links, because a copy would become outdated. `cargo package` packs the files themselves.
        assert!(read(&format!("core/docs/{name}.md")) == read(&format!("docs/{name}.md")), "core/docs/{name}.md");
    }
}

#[test]
fn links_from_comments_to_documents_resolve() {
    let ids: Vec<_> = INCLUDED.iter().map(|name| heading_ids(&read(&format!("docs/{name}.md")))).collect();
    let mut links = 0;
    each_line(&root().join("core/src"), &mut |path, at, line| {
        for link in line.split("(crate::docs::").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            let (name, id) = target.split_once('#').unwrap_or((target, ""));
            let known = INCLUDED.iter().zip(&ids).find(|(included, _)| **included == name);
            let (_, ids) = known.unwrap_or_else(|| panic!("{}:{at}: no document `{name}`", path.display()));
            assert!(id.is_empty() || ids.iter().any(|known| known == id), "{}:{at}: no heading `{id}`", path.display());
            links += 1;
        }
    });
    assert!(links > 0, "no link was found; was the module `docs` renamed?");
}

#[test]
fn readme_lists_every_example() {
    let readme = read("README.md");
    let adapters = fs::read_dir(root().join("adapters")).expect("a directory");
    let crates = adapters.map(|entry| format!("adapters/{}", entry.expect("an entry").file_name().display()));
    for krate in crates.chain(["core".into()]) {
        let Ok(examples) = fs::read_dir(root().join(&krate).join("examples")) else { continue };
        for example in examples.map(|entry| entry.expect("an entry").file_name()) {
            let path = format!("{krate}/examples/{}", example.display());
            assert!(!path.ends_with(".rs") || readme.contains(&path), "README.md does not list {path}");
        }
    }
}

/// Every link in the walkthrough whose text is code names a function or type of that file.
#[test]
fn walkthrough_names_what_exists() {
    let walkthrough = read("docs/walkthrough.md");
    let mut named = 0;
    for link in walkthrough.split("[`").skip(1) {
        let (name, rest) = link.split_once("`](../").expect("a link to a file");
        let path = rest.split(')').next().unwrap_or_default();
        let text = read(path);
        let (owner, name) = name.rsplit_once("::").unwrap_or(("", name));
        let is_word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let defines = |keyword: &str, name: &str| {
            text.match_indices(&format!("{keyword} {name}")).any(|(at, found)| is_word(&text[at + found.len()..]))
        };
        assert!(defines("fn", name) || defines("struct", name), "{path} does not define `{name}`");
        let owns = text.contains(&format!("{owner} {{")) || text.contains(&format!("{owner}<"));
        assert!(owner.is_empty() || owns, "{path} has no `impl {owner}`");
        named += 1;
    }
    assert!(named > 30, "the walkthrough names {named} functions");
}
