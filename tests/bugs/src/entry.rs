//! Entries: one deliberate bug each, read from the TOML file of its layer.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

/// One deliberate bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    /// The layer: the name of the file that the entry is in, without `.toml`.
    pub layer: String,
    /// The entry itself.
    pub entry: Entry,
}

impl Bug {
    /// Returns `layer/name`, which is unique.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.layer, self.entry.name)
    }
}

/// One table of a layer's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name, unique within its layer.
    pub name: String,
    /// The source file, relative to the root of the repository.
    pub file: String,
    /// The text to replace. It must occur exactly once in the file; white space does not count.
    pub find: String,
    /// The text that replaces it.
    pub replace: String,
    /// What goes wrong: one sentence.
    pub breaks: String,
}

/// A replacement of a part of a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that are replaced.
    pub range: Range<usize>,
    /// The text that replaces them.
    pub with: String,
}

impl Edit {
    /// Returns the source with the replacement.
    ///
    /// # Panics
    ///
    /// When the range does not lie within the source, on character boundaries.
    #[must_use]
    pub fn apply(&self, source: &str) -> String {
        [&source[..self.range.start], &self.with, &source[self.range.end..]].concat()
    }

    /// Leaves out what both texts begin or end with, regardless of white space, so that the edit covers only the difference.
    fn shrink(self, source: &str) -> Self {
        let old: Vec<(usize, char)> = dense(&source[self.range.clone()]);
        let new = dense(&self.with);
        let same = |((_, a), (_, b)): &(&(usize, char), &(usize, char))| a == b;
        let front = old.iter().zip(&new).take_while(same).count();
        let back = old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(same).count();
        if front + back == old.len() && front + back == new.len() {
            // At most white space differs: within a literal, perhaps.
            return self;
        }
        let inner = |chars: &[(usize, char)], length: usize| {
            let start = chars[..front].last().map_or(0, |(at, c)| at + c.len_utf8());
            start..chars[chars.len() - back..].first().map_or(length, |(at, _)| *at)
        };
        let (mut old, mut new) = (inner(&old, self.range.len()), inner(&new, self.with.len()));
        // White space that both have belongs to neither.
        let text = &source[self.range.clone()];
        let (front, back) = (text[old.clone()].len(), self.with[new.clone()].len());
        let leading = (text[old.clone()].trim_start().len(), self.with[new.clone()].trim_start().len());
        if leading.0 < front && leading.1 < back {
            (old.start, new.start) = (old.end - leading.0, new.end - leading.1);
        }
        let trailing = (text[old.clone()].trim_end().len(), self.with[new.clone()].trim_end().len());
        if trailing.0 < old.len() && trailing.1 < new.len() {
            (old.end, new.end) = (old.start + trailing.0, new.start + trailing.1);
        }
        Self { range: self.range.start + old.start..self.range.start + old.end, with: self.with[new].into() }
    }
}

/// Returns the characters that are not white space, with their positions.
fn dense(text: &str) -> Vec<(usize, char)> {
    text.char_indices().filter(|(_, c)| !c.is_whitespace()).collect()
}

impl Entry {
    /// Finds the text to replace.
    ///
    /// # Errors
    ///
    /// When the text occurs not at all or more than once, or when the replacement changes nothing.
    pub fn locate(&self, source: &str) -> Result<Edit, String> {
        let (find, with) = (self.find.trim(), self.replace.trim());
        if find.is_empty() {
            return Err("`find` is empty".into());
        }
        let mut found = matches(source, find).into_iter();
        match (found.next(), found.len()) {
            (None, _) => Err(format!("`find` does not occur in {}", self.file)),
            (Some(range), 0) => {
                let edit = Edit { range, with: with.into() }.shrink(source);
                if source[edit.range.clone()] == edit.with {
                    return Err("`replace` changes nothing".into());
                }
                Ok(edit)
            }
            (Some(_), more) => Err(format!("`find` occurs {} times in {}", more + 1, self.file)),
        }
    }
}

/// Returns where the text occurs, regardless of white space. What begins and ends with letters or digits matches whole words
/// only.
fn matches(source: &str, find: &str) -> Vec<Range<usize>> {
    let (text, wanted) = (dense(source), dense(find));
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.windows(wanted.len())
        .filter(|window| window.iter().map(|(_, c)| c).eq(wanted.iter().map(|(_, c)| c)))
        .map(|window| {
            let ((start, _), (last, end)) = (window[0], window[window.len() - 1]);
            start..last + end.len_utf8()
        })
        .filter(|range| {
            let (before, after) = (source[..range.start].chars().next_back(), source[range.end..].chars().next());
            let inside = &source[range.clone()];
            !(is_word(before) && is_word(inside.chars().next())
                || is_word(inside.chars().next_back()) && is_word(after))
        })
        .collect()
}

/// Reads every entry of a directory: all its TOML files but `layers.toml`, by file name, then in the order of each file.
///
/// # Errors
///
/// When a file cannot be read or is not as described, or when two entries have the same name.
pub fn read_all(directory: &Path) -> Result<Vec<Bug>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        bug: Vec<Entry>,
    }

    let listing = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut paths: Vec<_> = listing.filter_map(|item| Some(item.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    paths.retain(|path| path.file_stem().is_some_and(|stem| stem != "layers" && stem != "Cargo"));
    paths.sort();
    let mut bugs: Vec<Bug> = Vec::new();
    for path in paths {
        let layer = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: File = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        for entry in file.bug {
            if bugs.iter().any(|bug| bug.layer == layer && bug.entry.name == entry.name) {
                return Err(format!("{}: two entries are named `{}`", path.display(), entry.name));
            }
            bugs.push(Bug { layer: layer.clone(), entry });
        }
    }
    Ok(bugs)
}
