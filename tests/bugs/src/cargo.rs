//! Builds the copy, reads the compiler's messages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::tree::Tree;

/// A test binary that can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// `package/name`; the unit tests of a library are `package/lib`.
    pub id: String,
    /// The directory of the package, in which the tests run.
    pub folder: PathBuf,
    /// The root source file.
    source: String,
}

impl Binary {
    /// Returns the same binary of a workspace in another place.
    #[must_use]
    pub fn moved(&self, from: &Path, to: &Path) -> Self {
        let place = |path: &Path| path.strip_prefix(from).map_or_else(|_| path.to_path_buf(), |rest| to.join(rest));
        let source = place(Path::new(&self.source)).to_string_lossy().into_owned();
        Self { id: self.id.clone(), folder: place(&self.folder), source }
    }
}

/// An error of the compiler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompilerError {
    /// The code, such as `E0015`; empty if it has none.
    pub code: String,
    /// The message.
    pub message: String,
    /// The whole text that the compiler would show.
    pub rendered: String,
    /// Where the error is, primary spans first.
    pub spans: Vec<ErrorSpan>,
}

/// A position of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSpan {
    /// The file, relative to the root of the workspace.
    pub file: String,
    /// The bytes.
    pub range: Range<usize>,
}

/// The outcome of a build.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// The executables, by [`Binary::id`].
    pub executables: BTreeMap<String, PathBuf>,
    /// The test binaries whose own sources do not compile, with the first error.
    pub broken: BTreeMap<String, String>,
    /// All other errors of the compiler.
    pub errors: Vec<CompilerError>,
    /// The text that cargo itself wrote, if the build failed.
    pub failure: Option<String>,
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the test binaries of some packages: every integration test, and every library's unit tests.
///
/// # Errors
///
/// When cargo fails, or when a package is not in the workspace.
pub fn binaries(tree: &Tree, packages: &[String]) -> Result<Vec<Binary>, String> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(&tree.root)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut binaries = Vec::new();
    let mut known = BTreeSet::new();
    for package in items(&metadata["packages"]) {
        let name = text(&package["name"]);
        known.insert(name.to_owned());
        if !packages.iter().any(|wanted| wanted == name) {
            continue;
        }
        let folder = Path::new(text(&package["manifest_path"])).parent().map(Path::to_path_buf).unwrap_or_default();
        for target in items(&package["targets"]) {
            let is = |kind: &str| items(&target["kind"]).iter().any(|other| text(other) == kind);
            let name = match (is("test"), is("lib")) {
                (true, _) => format!("{name}/{}", text(&target["name"])),
                (_, true) if target["test"] == true => format!("{name}/lib"),
                _ => continue,
            };
            binaries.push(Binary { id: name, folder: folder.clone(), source: text(&target["src_path"]).into() });
        }
    }
    match packages.iter().find(|package| !known.contains(*package)) {
        Some(package) => Err(format!("layers.toml: the workspace has no package `{package}`")),
        None => Ok(binaries),
    }
}

/// Builds some of the test binaries.
///
/// # Errors
///
/// When cargo cannot be started or its output cannot be read.
pub fn build(tree: &Tree, packages: &[String], binaries: &[Binary], wanted: &[String]) -> Result<Build, String> {
    let mut command = cargo();
    // Unlike `cargo build`, this builds the unit tests of a library.
    command.args(["test", "--no-run", "--no-fail-fast", "--message-format=json"]);
    for package in packages {
        // Without debug information, for it takes time to link; third-party crates stay as they are built.
        command.args(["-p", package, "--config", &format!("profile.dev.package.{package}.debug=false")]);
    }
    for id in wanted {
        match id.split_once('/') {
            Some((_, "lib")) => command.arg("--lib"),
            Some((_, name)) => command.args(["--test", name]),
            None => return Err(format!("{id} is not a test binary")),
        };
    }
    command.current_dir(&tree.root).env("CARGO_TARGET_DIR", &tree.target).stdin(Stdio::null());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| format!("cargo: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stderr.map(|mut stderr| stderr.read_to_string(&mut text));
        text
    });
    let mut build = Build::default();
    for line in stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line.map_err(|error| format!("cargo: {error}"))?;
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        match text(&message["reason"]) {
            "compiler-message" => {
                let source = text(&message["target"]["src_path"]);
                let is_test = items(&message["target"]["kind"]).iter().any(|kind| text(kind) == "test");
                let binary = binaries.iter().find(|binary| is_test && binary.source == source);
                match (error(&message["message"]), binary) {
                    // A `const` that a bug has taken away is missed in a test as well.
                    (Some(error), Some(binary)) if error.code != "E0015" => {
                        build.broken.entry(binary.id.clone()).or_insert(error.message);
                    }
                    (error, _) => build.errors.extend(error),
                }
            }
            "compiler-artifact" => {
                let source = text(&message["target"]["src_path"]);
                let binary = binaries.iter().find(|binary| binary.source == source);
                if let (Some(binary), Some(path), Some(true)) =
                    (binary, message["executable"].as_str(), message["profile"]["test"].as_bool())
                {
                    build.executables.insert(binary.id.clone(), path.into());
                }
            }
            _ => {}
        }
    }
    let status = child.wait().map_err(|error| format!("cargo: {error}"))?;
    let stderr = reader.join().unwrap_or_default();
    build.failure = (!status.success()).then_some(stderr);
    Ok(build)
}

/// Reads a message of the compiler, if it is an error with a position.
#[must_use]
pub fn error(message: &Value) -> Option<CompilerError> {
    if !text(&message["level"]).starts_with("error") {
        return None;
    }
    let mut spans: Vec<&Value> = items(&message["spans"]).iter().collect();
    spans.sort_by_key(|span| span["is_primary"] != true);
    if spans.is_empty() {
        return None;
    }
    let mut error = CompilerError {
        code: text(&message["code"]["code"]).into(),
        message: text(&message["message"]).into(),
        rendered: text(&message["rendered"]).into(),
        spans: Vec::new(),
    };
    for mut span in spans {
        while !span.is_null() {
            let offset = |name: &str| span[name].as_u64().and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
            let range = offset("byte_start")..offset("byte_end");
            error.spans.push(ErrorSpan { file: text(&span["file_name"]).into(), range });
            span = &span["expansion"]["span"];
        }
    }
    Some(error)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
