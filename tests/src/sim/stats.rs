//! What was hit, counted: faults, steps of the table of a request's states, outcomes.

use turnwire::turn::{RequestInput, RequestState, TRANSITIONS};

use super::fault::Fault;

/// What outcomes are counted as.
pub const OUTCOMES: [&str; 6] = ["completed", "answered", "failed", "cancelled", "retries", "fallbacks"];

/// Counts over any number of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Runs.
    pub seeds: u64,
    /// Turns that were begun.
    pub turns: u64,
    /// Requests that were made.
    pub requests: u64,
    /// Requests that were handed to a connection.
    pub sent: u64,
    /// Of these, such that built on a response.
    pub incremental: u64,
    /// Of these, such that bore a token.
    pub tokens: u64,
    /// Events that were polled.
    pub events: u64,
    /// Connections that were dialed.
    pub dials: u64,
    /// By [`OUTCOMES`].
    pub outcomes: [u64; OUTCOMES.len()],
    /// By fault.
    pub faults: Vec<u64>,
    /// By state and input, in their own orders.
    pub steps: Vec<u64>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            seeds: 0,
            turns: 0,
            requests: 0,
            sent: 0,
            incremental: 0,
            tokens: 0,
            events: 0,
            dials: 0,
            outcomes: [0; OUTCOMES.len()],
            faults: vec![0; Fault::ALL.len()],
            steps: vec![0; RequestState::ALL.len() * RequestInput::ALL.len()],
        }
    }
}

impl Stats {
    /// Counts a step, in the table or out of it.
    pub fn step(&mut self, state: RequestState, input: RequestInput) {
        self.steps[Self::place(state, input)] += 1;
    }

    /// How often the step was taken, or tried.
    #[must_use]
    pub fn steps_of(&self, state: RequestState, input: RequestInput) -> u64 {
        self.steps[Self::place(state, input)]
    }

    /// Adds the counts of others.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.turns += other.turns;
        self.requests += other.requests;
        self.sent += other.sent;
        self.incremental += other.incremental;
        self.tokens += other.tokens;
        self.events += other.events;
        self.dials += other.dials;
        let pairs = self.outcomes.iter_mut().zip(&other.outcomes);
        let pairs = pairs.chain(self.faults.iter_mut().zip(&other.faults));
        for (mine, more) in pairs.chain(self.steps.iter_mut().zip(&other.steps)) {
            *mine += more;
        }
    }

    /// Faults that never happened, and steps of the table that were never taken.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let faults =
            Fault::ALL.iter().filter(|fault| self.faults[**fault as usize] == 0).map(|fault| format!("{fault:?}"));
        let steps = TRANSITIONS
            .iter()
            .filter(|(state, input, _)| self.steps_of(*state, *input) == 0)
            .map(|(state, input, _)| format!("{state:?} × {input:?}"));
        faults.chain(steps).collect()
    }

    /// The counts as lines for people: Markdown tables.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!(
            "seeds {}, turns {}, requests {}, sent {}, incremental {}, with a token {}, events {}, dials {}\n",
            self.seeds, self.turns, self.requests, self.sent, self.incremental, self.tokens, self.events, self.dials
        );
        for (name, count) in OUTCOMES.iter().zip(&self.outcomes) {
            text += &format!("{name} {count}  ");
        }
        text += "\n\n| fault | times |\n|---|---|\n";
        for fault in Fault::ALL {
            text += &format!("| {fault:?}: {} | {} |\n", fault.effect(), self.faults[*fault as usize]);
        }
        text += "\n| state | input | in the table | times |\n|---|---|---|---|\n";
        for state in RequestState::ALL {
            for input in RequestInput::ALL {
                let known = state.after(input).is_some();
                let times = self.steps_of(state, input);
                if known || times > 0 {
                    text += &format!("| {state:?} | {input:?} | {} | {times} |\n", if known { "yes" } else { "no" });
                }
            }
        }
        text
    }

    fn place(state: RequestState, input: RequestInput) -> usize {
        let row = RequestState::ALL.iter().position(|known| *known == state).unwrap_or_default();
        let column = RequestInput::ALL.iter().position(|known| *known == input).unwrap_or_default();
        row * RequestInput::ALL.len() + column
    }
}
