//! Requests with a history of 10 000 items, 10 MB: encoded whole, and followed by one more question.

use turnwire_benches::contest::{Options, contest};
use turnwire_benches::requests::{ITEMS, encoders, follow_ups, history};

fn main() {
    let options = Options::from_args();
    let items = history(ITEMS);
    let (length, rows) = encoders(&items);
    let limit = ["limit: memcpy + scan for what is escaped", "serde_json, derived borrowed types"];
    contest("requests: encode 10 MB", &options, ("request", 1, length as u64), &length, rows, &limit);
    let rows = follow_ups(&items);
    let title = "requests: one more question on a history of 10 MB";
    contest(title, &options, ("request", 1, length as u64), &true, rows, &["turnwire, the history shared"]);
}
