//! The rewritten files of all bugs of one build, and the bug that a compiler error belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::cargo::CompilerError;
use crate::choice::{Choice, choices};
use crate::entry::{Edit, Entry};
use crate::rewrite::{Placed, Rewritten, rewrite};
use crate::syntax::{Function, Syntax};

/// The environment variable that selects a bug by its number.
pub const VARIABLE: &str = "DELIBERATE_BUG";

/// The module that each crate with a bug gets. The crate may be `no_std`: the copy need not be.
const MODULE: &str = r#"
mod deliberate_bug {
    extern crate std;
    use core::sync::atomic::{AtomicU32, Ordering};

    static SELECTED: AtomicU32 = AtomicU32::new(u32::MAX);

    #[inline]
    pub(crate) fn is(bug: u32) -> bool {
        let selected = SELECTED.load(Ordering::Relaxed);
        (if selected == u32::MAX { read() } else { selected }) == bug
    }

    #[cold]
    fn read() -> u32 {
        let selected = from_proc().unwrap_or_else(|| std::env::var("DELIBERATE_BUG").map_or(0, |text| text.parse().unwrap_or(0)));
        SELECTED.store(selected, Ordering::Relaxed);
        selected
    }

    // Some tests count allocations: `std::env` allocates, this does not.
    fn from_proc() -> Option<u32> {
        let mut file = std::fs::File::open("/proc/self/environ").ok()?;
        let (name, mut matched, mut number) = (b"DELIBERATE_BUG=", Some(0), 0_u32);
        let mut bytes = [0; 512];
        loop {
            let length = std::io::Read::read(&mut file, &mut bytes).ok()?;
            for byte in &bytes[..length] {
                matched = match (matched, byte) {
                    (Some(length), 0) if length == name.len() => return Some(number),
                    (_, 0) => Some(0),
                    (Some(length), _) if length == name.len() => {
                        number = number.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0')));
                        matched
                    }
                    (Some(length), byte) if name[length] == *byte => Some(length + 1),
                    _ => None,
                };
            }
            if length == 0 {
                return Some(number);
            }
        }
    }
}
"#;

/// All bugs of one build.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    sources: BTreeMap<String, Source>,
    members: BTreeMap<u32, Member>,
    rejected: BTreeMap<u32, String>,
    /// Functions that lose their `const`, because a function that they call has lost it; by file and index.
    callers: BTreeMap<(String, usize), BTreeSet<u32>>,
}

#[derive(Clone, Debug)]
struct Source {
    text: String,
    syntax: Syntax,
}

#[derive(Clone, Debug)]
struct Member {
    file: String,
    edit: Edit,
    /// From the narrowest to the widest; never empty.
    choices: Vec<Choice>,
}

impl Source {
    fn new(text: String) -> Result<Self, String> {
        let syntax = Syntax::of(&text)?;
        Ok(Self { text, syntax })
    }
}

impl Batch {
    /// Adds a bug to the batch. A bug that cannot be in it is rejected.
    pub fn add(&mut self, number: u32, entry: &Entry, read: &dyn Fn(&str) -> Result<String, String>) {
        if let Err(reason) = self.try_add(number, entry, read) {
            self.rejected.insert(number, reason);
        }
    }

    fn try_add(
        &mut self,
        number: u32,
        entry: &Entry,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        let source = self.source(&entry.file, read)?;
        let edit = entry.locate(&source.text)?;
        let choices = choices(&source.text, &source.syntax, &edit)?;
        self.members.insert(number, Member { file: entry.file.clone(), edit, choices });
        Ok(())
    }

    fn source(&mut self, file: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Result<&Source, String> {
        if !self.sources.contains_key(file) {
            let source = Source::new(read(file)?).map_err(|error| format!("{file}: {error}"))?;
            self.sources.insert(file.into(), source);
        }
        Ok(&self.sources[file])
    }

    /// Returns the bugs that cannot be in the batch, and why.
    #[must_use]
    pub const fn rejected(&self) -> &BTreeMap<u32, String> {
        &self.rejected
    }

    /// Writes all files that the bugs change.
    ///
    /// # Errors
    ///
    /// When the root of a crate cannot be read.
    pub fn render(
        &mut self,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<BTreeMap<String, Rewritten>, String> {
        let roots: BTreeSet<String> = self.members.values().map(|member| root_of(&member.file)).collect();
        for root in &roots {
            self.source(root, read)?;
        }
        let mut files: BTreeMap<String, Rewritten> = BTreeMap::new();
        let changed = self.members.values().map(|member| &member.file).chain(self.callers.keys().map(|(file, _)| file));
        let changed: BTreeSet<String> = changed.chain(&roots).cloned().collect();
        for file in changed {
            let mut text = self.sources[&file].text.clone();
            for (index, _) in self.without_const(&file) {
                if let Some(word) = &self.sources[&file].syntax.functions[index].constness {
                    text.replace_range(word.clone(), &" ".repeat(word.len()));
                }
            }
            let placed: Vec<Placed> = (self.members.iter())
                .filter(|(_, member)| member.file == file)
                .map(|(bug, member)| Placed { bug: *bug, choice: member.choices[0].clone(), edit: member.edit.clone() })
                .collect();
            let mut rewritten = rewrite(&text, &placed, &|bug| format!("crate::deliberate_bug::is({bug})"));
            rewritten.text = with_module(&file, rewritten.text);
            files.insert(file, rewritten);
        }
        Ok(files)
    }

    /// Returns the functions of a file that lose their `const`, by index, and the bugs that are the reason.
    fn without_const(&self, file: &str) -> BTreeMap<usize, BTreeSet<u32>> {
        let mut found: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        let syntax = &self.sources[file].syntax;
        for (bug, member) in self.members.iter().filter(|(_, member)| member.file == file) {
            // The edit as well as the choice: it may be in a function of its own within what the choice replaces.
            for range in [&member.edit.range, &member.choices[0].range] {
                if let Some(function) = syntax.function(range)
                    && let Some(index) = syntax.functions.iter().position(|other| other == function)
                    && function.constness.is_some()
                {
                    found.entry(index).or_default().insert(*bug);
                }
            }
        }
        for ((_, index), bugs) in self.callers.iter().filter(|((other, _), _)| other == file) {
            found.entry(*index).or_default().extend(bugs);
        }
        found
    }

    /// Acts on the compiler's errors: widens what the bugs at fault replace, or rejects them.
    ///
    /// # Errors
    ///
    /// When no error belongs to a bug.
    pub fn absorb(
        &mut self,
        errors: &[CompilerError],
        rendered: &BTreeMap<String, Rewritten>,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<(), String> {
        let mut blamed: BTreeMap<u32, &CompilerError> = BTreeMap::new();
        let mut acted = false;
        for error in errors {
            if error.code == "E0015" {
                acted |= self.absorb_const(error, rendered, read);
                continue;
            }
            let bugs = error
                .spans
                .iter()
                .map(|span| rendered.get(&span.file).map_or_else(Vec::new, |file| file.blame(&span.range)));
            for bug in bugs.into_iter().find(|bugs| !bugs.is_empty()).unwrap_or_default() {
                blamed.entry(bug).or_insert(error);
            }
        }
        acted |= !blamed.is_empty();
        for (bug, error) in blamed {
            match self.members.get_mut(&bug) {
                Some(member) if member.choices.len() > 1 => {
                    member.choices.remove(0);
                }
                _ => self.reject(bug, format!("does not compile: {}", error.rendered)),
            }
        }
        if acted {
            return Ok(());
        }
        let rendered: Vec<&str> = errors.iter().map(|error| error.rendered.as_str()).collect();
        Err(format!("the copy does not compile, and no bug is at fault:\n{}", rendered.join("\n")))
    }

    /// Acts on a call of a function that has lost its `const`. A caller that is a `const fn` loses it as well; a constant
    /// cannot, and the bugs are rejected.
    fn absorb_const(
        &mut self,
        error: &CompilerError,
        rendered: &BTreeMap<String, Rewritten>,
        read: &dyn Fn(&str) -> Result<String, String>,
    ) -> bool {
        let Some(name) = error.message.split('`').nth(1) else { return false };
        let name = name.split('<').next().unwrap_or(name).rsplit("::").next().unwrap_or(name);
        let mut causes: BTreeSet<u32> = BTreeSet::new();
        for (file, source) in &self.sources {
            for (index, bugs) in self.without_const(file) {
                if source.syntax.functions[index].name == name {
                    causes.extend(bugs);
                }
            }
        }
        let Some(span) = error.spans.first().filter(|_| !causes.is_empty()) else { return false };
        let found = (self.source(&span.file, read).is_ok())
            .then(|| self.const_function(&span.file, &span.range, rendered.get(&span.file)));
        if let Some(index) = found.flatten() {
            self.callers.entry((span.file.clone(), index)).or_default().extend(causes);
            return true;
        }
        for bug in causes {
            let reason = format!(
                "is in a `const fn` that constants call: write it where the constant is used: {}",
                error.rendered
            );
            self.reject(bug, reason);
        }
        true
    }

    /// Returns the `const fn` of the original file that contains these bytes of the rewritten one.
    fn const_function(&self, file: &str, at: &Range<usize>, rewritten: Option<&Rewritten>) -> Option<usize> {
        let original = &self.sources[file].syntax;
        let now = rewritten.map(|rewritten| Syntax::of(&rewritten.text)).transpose().ok()?;
        let now = now.as_ref().unwrap_or(original);
        let function = now.function(at).filter(|function| function.constness.is_some())?;
        let namesakes = |syntax: &Syntax| -> Vec<Function> {
            syntax.functions.iter().filter(|other| other.name == function.name).cloned().collect()
        };
        let ordinal = namesakes(now).iter().position(|other| other == function)?;
        let wanted = namesakes(original).into_iter().nth(ordinal)?;
        original.functions.iter().position(|other| *other == wanted)
    }

    fn reject(&mut self, bug: u32, reason: String) {
        self.members.remove(&bug);
        self.rejected.insert(bug, reason);
        // What is left of these is found again.
        self.callers.clear();
    }
}

/// Returns the text of a file, with the module behind it if the file is the root of a crate.
#[must_use]
fn with_module(file: &str, text: String) -> String {
    if root_of(file) == file { text + MODULE } else { text }
}

/// Returns the root of the crate that a file belongs to.
#[must_use]
pub fn root_of(file: &str) -> String {
    file.find("src/").map_or_else(|| file.into(), |at| format!("{}src/lib.rs", &file[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_reads_variable_of_runner() {
        assert!(MODULE.contains(&format!("{VARIABLE:?}")) && MODULE.contains(&format!("\"{VARIABLE}=\"")));
    }
}
