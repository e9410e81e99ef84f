//! The copy of the repository under `target/bugs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// The copy.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The repository.
    pub origin: PathBuf,
    /// The copy's root.
    pub root: PathBuf,
    /// The copy's build directory.
    pub target: PathBuf,
}

impl Tree {
    /// Prepares the copy's place for a repository, and takes over the third-party crates that are built already.
    ///
    /// # Errors
    ///
    /// When a directory cannot be made.
    pub fn new(origin: PathBuf) -> Result<Self, String> {
        let main = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| origin.join("target"), |path| origin.join(path));
        let base = main.join("bugs");
        let tree = Self { root: base.join("tree"), target: base.join("build"), origin };
        let to = tree.target.join("debug");
        if !to.exists() {
            let made = fs::create_dir_all(&tree.root).and_then(|()| fs::create_dir_all(&to));
            made.and_then(|()| tree.take_over(&main.join("debug"), &to))
                .map_err(|error| format!("{}: {error}", base.display()))?;
        }
        Ok(tree)
    }

    /// Links the third-party crates of another build directory, whose builds do not depend on where the workspace is.
    fn take_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let lock = fs::read_to_string(self.origin.join("Cargo.lock")).unwrap_or_default();
        let lock: toml::Table = toml::from_str(&lock).unwrap_or_default();
        let packages = lock.get("package").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
        let foreign: BTreeSet<&str> = (packages.iter())
            .filter(|package| package.get("source").is_some())
            .filter_map(|package| package.get("name")?.as_str())
            .collect();
        let mut hashes: BTreeSet<String> = BTreeSet::new();
        let Ok(fingerprints) = fs::read_dir(from.join(".fingerprint")) else { return Ok(()) };
        for name in fingerprints.filter_map(|item| item.ok()?.file_name().into_string().ok()) {
            if let Some((package, hash)) = name.rsplit_once('-')
                && foreign.contains(package)
            {
                hashes.insert(hash.into());
            }
        }
        for folder in [".fingerprint", "build", "deps"] {
            let Ok(listing) = fs::read_dir(from.join(folder)) else { continue };
            fs::create_dir_all(to.join(folder))?;
            for item in listing.filter_map(Result::ok) {
                let name = item.file_name().to_string_lossy().into_owned();
                let stem = name.split('.').next().unwrap_or(&name);
                if stem.rsplit_once('-').is_some_and(|(_, hash)| hashes.contains(hash)) {
                    link(&item.path(), &to.join(folder).join(&name))?;
                }
            }
        }
        Ok(())
    }

    /// Brings the copy up to date: every file that git knows or would add, with the given texts in place of the repository's.
    /// Files that are the same already are not touched, so that cargo builds no more than it must.
    ///
    /// # Errors
    ///
    /// When git cannot list the files, or when one cannot be read or written.
    pub fn update(&self, texts: &BTreeMap<String, String>) -> Result<(), String> {
        let list =
            Command::new("git").arg("-C").arg(&self.origin).args(["ls-files", "-coz", "--exclude-standard"]).output();
        let list = list.map_err(|error| format!("git: {error}"))?;
        if !list.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&list.stderr)));
        }
        let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
        for file in String::from_utf8_lossy(&list.stdout).split('\0').filter(|file| !file.is_empty()) {
            // A file that was deleted and not yet committed is listed as well.
            let Ok(old) = fs::read(self.origin.join(file)) else { continue };
            let contents = texts.get(file).map_or(old, |text| text.clone().into_bytes());
            let path = self.root.join(file);
            if fs::read(&path).ok().as_ref() != Some(&contents) {
                let folder = path.parent().unwrap_or(&self.root);
                let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &contents));
                written.map_err(|error| format!("{}: {error}", path.display()))?;
            }
            wanted.insert(path);
        }
        remove_others(&self.root, &wanted).map_err(|error| format!("{}: {error}", self.root.display()))
    }

    /// Reads a file of the repository.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn read(&self, file: &str) -> Result<String, String> {
        fs::read_to_string(self.origin.join(file)).map_err(|error| format!("{file}: {error}"))
    }
}

/// Links large files and copies small ones, which cargo may write again in place; modification times are kept.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::metadata(from)?;
    if meta.is_dir() {
        fs::create_dir_all(to)?;
        for item in fs::read_dir(from)? {
            let item = item?;
            link(&item.path(), &to.join(item.file_name()))?;
        }
        return Ok(());
    }
    if meta.len() > 65_536 && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(meta.modified()?)
}

/// Removes all files but the wanted ones.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
