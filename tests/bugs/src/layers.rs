//! `layers.toml`: which test binaries belong to a layer, and how to run them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The contents of `layers.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    /// The packages whose tests may notice a bug. They are always built together, so that features unify in one way only.
    pub packages: Vec<String>,
    /// Patterns of the binaries that run last.
    pub last: Vec<String>,
    /// Maximum seconds of one test binary, unless five times its time without a bug is more.
    pub timeout_seconds: u64,
    /// Maximum address space of one test binary, in MiB.
    pub memory_mib: u64,
    /// Environment variables of every test binary.
    pub environment: BTreeMap<String, String>,
    /// Patterns of the binaries that run first, by layer.
    pub tests: BTreeMap<String, Vec<String>>,
}

impl Layers {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not as described.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Splits the binaries for a layer: those to run first, all others, those to run last. The order of the patterns is kept.
    #[must_use]
    pub fn stages(&self, layer: &str, binaries: &[String]) -> [Vec<String>; 3] {
        let select = |patterns: &[String]| -> Vec<String> {
            let mut selected: Vec<String> = Vec::new();
            for pattern in patterns {
                for binary in binaries {
                    if fits(pattern, binary) && !selected.contains(binary) {
                        selected.push(binary.clone());
                    }
                }
            }
            selected
        };
        let first = select(self.tests.get(layer).map_or(&[], Vec::as_slice));
        let mut last = select(&self.last);
        last.retain(|binary| !first.contains(binary));
        let others =
            binaries.iter().filter(|binary| !first.contains(binary) && !last.contains(binary)).cloned().collect();
        [first, others, last]
    }

    /// Returns the patterns that fit no binary.
    #[must_use]
    pub fn stale<'a>(&'a self, binaries: &[String]) -> Vec<&'a str> {
        let patterns = self.tests.values().flatten().chain(&self.last);
        patterns.filter(|pattern| !binaries.iter().any(|binary| fits(pattern, binary))).map(String::as_str).collect()
    }
}

/// Returns whether a name fits a pattern, in which `*` stands for any text.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((front, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(front) else { return false };
    name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| fits(rest, &name[at..]))
}
