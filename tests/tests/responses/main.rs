//! The types of the Responses API: parsing, writing, and the meaning of failures.

mod chains;
mod closes;
mod collector;
mod collector_slots;
mod delays;
mod events;
mod failures;
mod foreign_items;
mod inputs;
mod items;
mod json_syntax;
mod meanings;
mod peer_names;
mod requests;
mod said_beside;
mod server;
mod server_objects;
mod session;
mod split_surrogates;
mod store;
mod stored;
mod strings;
mod surfaces;
mod tools;
mod unary;
mod writer;
