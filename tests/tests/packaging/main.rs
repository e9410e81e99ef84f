//! The packages as users and maintainers see them: documents, examples, the tests that SECURITY.md names, auto traits of public types.

mod auto_traits;
mod documents;
mod security;
