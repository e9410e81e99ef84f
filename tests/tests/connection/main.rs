//! One connection, in either role: requests, bodies, content codings, output, and deadlines.

mod bodies;
mod clocks;
mod gzip;
mod lanes;
mod loss;
mod memory;
mod output;
mod requests;
mod server;
