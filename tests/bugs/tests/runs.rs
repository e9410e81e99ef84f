//! Which binaries run, and what a run says.

use turnwire_bugs::layers::{Layers, fits};
use turnwire_bugs::libtest::verdict;

#[test]
fn star_matches_any_text() {
    for (pattern, name, expected) in [
        ("a/sse", "a/sse", true),
        ("a/sse", "a/sse_properties", false),
        ("a/sse*", "a/sse", true),
        ("a/sse*", "a/sse_properties", true),
        ("*/sse_*ties", "a/sse_properties", true),
        ("a/*_x", "a/sse_properties", false),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn binary_runs_in_exactly_one_stage() {
    let layers: Layers = toml::from_str(
        r#"
        packages = ["p"]
        last = ["p/sim"]
        timeout_seconds = 1
        memory_mib = 1
        environment = {}
        tests = { sse = ["p/sse", "p/s*e"], ws = ["p/gone"] }
        "#,
    )
    .unwrap();
    let binaries = ["p/sim", "p/http", "p/sse", "p/scenarie"].map(String::from);
    let [first, others, last] = layers.stages("sse", &binaries);
    assert_eq!(
        (first, others, last),
        (vec!["p/sse".into(), "p/scenarie".into()], vec!["p/http".into()], vec!["p/sim".into()])
    );
    assert_eq!(layers.stale(&binaries), ["p/gone"]);
}

#[test]
fn test_output_line_is_parsed() {
    assert_eq!(verdict("test a::b ... ok"), Some(("a::b", true)));
    assert_eq!(verdict("test a::b ... FAILED"), Some(("a::b", false)));
    assert_eq!(verdict("test a - should panic ... FAILED"), Some(("a", false)));
    assert_eq!(verdict("test a ... ignored, slow"), None);
    assert_eq!(verdict("test a has been running for over 60 seconds"), None);
    assert_eq!(verdict("running 3 tests"), None);
}
