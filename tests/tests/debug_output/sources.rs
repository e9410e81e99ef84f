//! Reads the public types from the sources of the core, and finds those that can hold text or bytes from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Types of the language and of other crates that cannot hold text or bytes from outside.
const PLAIN: [&str; 28] = [
    "bool",
    "char",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "Option",
    "Result",
    "Box",
    "Duration",
    "PhantomData",
    "core",
    "alloc",
    "time",
    "crate",
    "super",
    "Self",
    "SocketAddr",
    "Range",
    "Infallible",
];

/// A public type: its module and name, and the types of its fields.
#[derive(Debug)]
struct Found {
    key: String,
    name: String,
    fields: BTreeSet<String>,
}

/// Returns the public types that can hold text or bytes from outside, as `module::Name`.
pub(crate) fn types_with_content() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let module = module(file.strip_prefix(&root).expect("a path below the root"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for item in &parsed.items {
            found.extend(public_type(item, &module));
        }
    }
    assert!(found.len() > 100, "only {} public types were found", found.len());
    // A name counts as plain if all types of that name are plain.
    let mut plain: BTreeMap<&str, bool> = found.iter().map(|found| (found.name.as_str(), true)).collect();
    loop {
        let is_plain = |name: &str| PLAIN.contains(&name) || plain.get(name).copied().unwrap_or(false);
        let change =
            found.iter().find(|found| is_plain(&found.name) && !found.fields.iter().all(|name| is_plain(name)));
        let Some(change) = change else { break };
        plain.insert(&change.name, false);
    }
    let is_plain = |name: &str| PLAIN.contains(&name) || plain.get(name).copied().unwrap_or(false);
    found
        .iter()
        .filter(|found| !found.fields.iter().all(|name| is_plain(name)))
        .map(|found| found.key.clone())
        .collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns `client` for `client/config/provider.rs`; keeps the two roles of `connection` apart.
fn module(path: &Path) -> String {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["connection", role @ ("client" | "server"), ..] => format!("connection::{role}"),
        [file] => file.trim_end_matches(".rs").into(),
        [module, ..] => (*module).into(),
        [] => String::new(),
    }
}

fn public_type(item: &syn::Item, module: &str) -> Option<Found> {
    let (visibility, name) = match item {
        syn::Item::Struct(item) => (&item.vis, &item.ident),
        syn::Item::Enum(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    if !matches!(visibility, syn::Visibility::Public(_)) {
        return None;
    }
    let mut names = Names::default();
    names.visit_item(item);
    Some(Found { key: format!("{module}::{name}"), name: name.to_string(), fields: names.0 })
}

/// Collects the names of types. A `&'static str` is not text from outside.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_generics(&mut self, _: &'ast syn::Generics) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        let is_static = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
        if !is_static {
            syn::visit::visit_type_reference(self, reference);
        }
    }

    fn visit_type_slice(&mut self, _: &'ast syn::TypeSlice) {
        self.0.insert("[_]".into());
    }

    fn visit_type_array(&mut self, _: &'ast syn::TypeArray) {
        self.0.insert("[_; _]".into());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(last) = path.segments.last() {
            self.0.insert(last.ident.to_string());
            self.visit_path_arguments(&last.arguments);
        }
    }
}
