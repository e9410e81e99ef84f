//! One connection, in either role: requests, bodies, content codings, output, and deadlines.

mod bodies;
mod client_role;
mod ends;
mod event_decoder;
mod gzip;
mod lane_pair;
mod lanes;
mod loss;
mod output;
mod owners;
mod reading;
mod repeats;
mod requests;
mod server;
mod server_clocks;
mod server_role;
mod shutdown;
mod steering;
mod strictness;
