//! Makes a failing plan smaller while it fails of the same law, and writes down what is left.

use super::fault::Fault;
use super::plan::Plan;
use super::{Broken, run, transcript};

/// Why a seed fails, as text: the seed, the law, the smallest plan that was found, its transcript. `None`: it does not.
#[must_use]
pub fn explain(seed: u64) -> Option<String> {
    let plan = Plan::new(seed);
    let broken = run(&plan).broken?;
    let small = shrink(plan, &broken);
    let told = transcript(&small);
    let how = told.broken.unwrap_or_else(|| broken.clone());
    let faults: Vec<&Fault> = Fault::ALL.iter().filter(|fault| small.faults.has(**fault)).collect();
    Some(format!(
        "seed {seed} breaks {}: {}\nshrunk: {}: {}\nfaults: {faults:?}, one chance in {}\napplication: {:?}\n\
         client: {:?}, {:?}, {:?}\n{}\n",
        broken.law,
        broken.how,
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

/// Drops faults and commands, one by one and in halves, as long as the same law is broken.
fn shrink(mut plan: Plan, broken: &Broken) -> Plan {
    let fails = |plan: &Plan| run(plan).broken.is_some_and(|found| found.law == broken.law);
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
