//! Replays the committed fuzz corpora: checks every file with the law of its target.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use turnwire_tests::targets::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn names(folder: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(fuzz().join(folder)) else { return BTreeSet::new() };
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

#[test]
fn corpus_files_obey_their_laws() {
    for (target, law) in TARGETS {
        for file in names(&format!("corpus/{target}")) {
            let input = fs::read(fuzz().join("corpus").join(target).join(&file)).expect("a corpus file");
            if let Err(why) = law(&input) {
                panic!("{target}/{file}: {why:.2000}");
            }
        }
    }
}

#[test]
fn fuzz_targets_match_files_manifest_and_corpora() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = names("fuzz_targets").iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect();
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("the manifest");
    let bins = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
    assert_eq!(known, files, "TARGETS and fuzz_targets/");
    assert_eq!(known, bins.map(str::to_owned).collect(), "TARGETS and Cargo.toml");
    assert!(names("corpus").is_subset(&known), "a corpus without a target");
}
