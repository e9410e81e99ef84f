//! What users and maintainers see around the code: the documents, the examples, what SECURITY.md names, and the auto traits of public
//! types.

mod auto_traits;
mod documents;
mod security;
