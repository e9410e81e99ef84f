//! Shrinks a failing plan as long as it violates the same invariant, and returns its transcript.

use super::fault::Fault;
use super::plan::Plan;
use super::{Violation, run, transcript};

/// Explains why a seed fails: the invariant, the smallest failing plan found, and its transcript. `None`: the seed does
/// not fail.
#[must_use]
pub fn explain(seed: u64) -> Option<String> {
    let plan = Plan::new(seed);
    let violation = run(&plan).violation?;
    let small = shrink(plan, &violation);
    let told = transcript(&small);
    let how = told.violation.unwrap_or_else(|| violation.clone());
    let faults: Vec<&Fault> = Fault::ALL.iter().filter(|fault| small.faults.has(**fault)).collect();
    Some(format!(
        "seed {seed} violates `{}`: {}\nshrunk: {}: {}\nfaults: {faults:?}, one chance in {}\napplication: {:?}\n\
         client: {:?}, {:?}, {:?}\n{}\n",
        violation.law,
        violation.how,
        how.law,
        how.how,
        small.rate,
        small.ops,
        small.settings,
        small.provider.retry,
        small.provider.capabilities,
        told.log.join("\n"),
    ))
}

/// Removes faults and commands, one by one and in halves, as long as the same invariant is violated.
fn shrink(mut plan: Plan, violation: &Violation) -> Plan {
    let fails = |plan: &Plan| run(plan).violation.is_some_and(|found| found.law == violation.law);
    loop {
        let mut smaller = false;
        for fault in Fault::ALL.iter().filter(|fault| plan.faults.has(**fault)).copied().collect::<Vec<_>>() {
            let less = Plan { faults: plan.faults.without(fault), ..plan.clone() };
            if fails(&less) {
                (plan, smaller) = (less, true);
            }
        }
        let mut length = plan.ops.len() / 2;
        while length > 0 {
            let mut at = 0;
            while at + length <= plan.ops.len() {
                let mut less = plan.clone();
                less.ops.drain(at..at + length);
                if fails(&less) {
                    (plan, smaller) = (less, true);
                } else {
                    at += length;
                }
            }
            length /= 2;
        }
        if !smaller {
            return plan;
        }
    }
}
