//! The command on networks of different kinds: behind a proxy, and with the certificates of a company.

mod proxy;
mod tls;
