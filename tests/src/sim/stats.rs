//! Counts of a run: faults, transitions of the request state table, outcomes.

use turnwire::turn::{RequestInput, RequestState, TRANSITIONS};
use turnwire::turn::{SUBMISSION_TRANSITIONS, SubmissionInput, SubmissionState};

use super::fault::Fault;

/// The counted outcomes.
pub const OUTCOMES: [&str; 6] = ["completed", "answered", "failed", "cancelled", "retries", "fallbacks"];

/// Counts over any number of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Runs.
    pub seeds: u64,
    /// Turns begun.
    pub turns: u64,
    /// Requests submitted.
    pub requests: u64,
    /// Requests sent, every attempt counted.
    pub sent: u64,
    /// Of these, incremental requests.
    pub incremental: u64,
    /// Of these, requests with a turn token.
    pub tokens: u64,
    /// Events polled.
    pub events: u64,
    /// Connection attempts.
    pub connects: u64,
    /// By index in [`OUTCOMES`].
    pub outcomes: [u64; OUTCOMES.len()],
    /// By index in [`Fault::ALL`].
    pub faults: Vec<u64>,
    /// By state and input, in the order of their `ALL`.
    pub steps: Vec<u64>,
    /// By state and input of a steering submission, in the order of their `ALL`. Where several inputs lead from one state to
    /// another, the first one counts.
    pub steers: Vec<u64>,
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
            connects: 0,
            outcomes: [0; OUTCOMES.len()],
            faults: vec![0; Fault::ALL.len()],
            steps: vec![0; RequestState::ALL.len() * RequestInput::ALL.len()],
            steers: vec![0; SubmissionState::ALL.len() * SubmissionInput::ALL.len()],
        }
    }
}

impl Stats {
    /// Counts a transition, whether or not the table contains it.
    pub fn step(&mut self, state: RequestState, input: RequestInput) {
        self.steps[Self::place(state, input)] += 1;
    }

    /// Counts a transition of a steering submission.
    pub fn steer(&mut self, state: SubmissionState, input: SubmissionInput) {
        self.steers[Self::steer_place(state, input)] += 1;
    }

    /// Returns how often the transition was counted.
    #[must_use]
    pub fn steps_of(&self, state: RequestState, input: RequestInput) -> u64 {
        self.steps[Self::place(state, input)]
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.turns += other.turns;
        self.requests += other.requests;
        self.sent += other.sent;
        self.incremental += other.incremental;
        self.tokens += other.tokens;
        self.events += other.events;
        self.connects += other.connects;
        let pairs = self.outcomes.iter_mut().zip(&other.outcomes);
        let pairs = pairs.chain(self.faults.iter_mut().zip(&other.faults));
        let pairs = pairs.chain(self.steers.iter_mut().zip(&other.steers));
        for (mine, more) in pairs.chain(self.steps.iter_mut().zip(&other.steps)) {
            *mine += more;
        }
    }

    /// Returns the faults and the table's transitions that never occurred.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let faults =
            Fault::ALL.iter().filter(|fault| self.faults[**fault as usize] == 0).map(|fault| format!("{fault:?}"));
        let steps = TRANSITIONS
            .iter()
            .filter(|(state, input, _)| self.steps_of(*state, *input) == 0)
            .map(|(state, input, _)| format!("{state:?} × {input:?}"));
        // Every server of the simulation accepts before it says what became of a submission.
        let implied = [SubmissionInput::Pending];
        let steers = SUBMISSION_TRANSITIONS
            .iter()
            .filter(|(state, input, _)| *state != SubmissionState::Sent || !implied.contains(input))
            .filter(|(state, input, _)| self.steers[Self::steer_place(*state, *input)] == 0)
            .map(|(state, input, _)| format!("submission {state:?} × {input:?}"));
        faults.chain(steps).chain(steers).collect()
    }

    /// Formats the counts as Markdown tables.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!(
            "seeds {}, turns {}, requests {}, sent {}, incremental {}, with a turn token {}, events {}, connection attempts {}\n",
            self.seeds, self.turns, self.requests, self.sent, self.incremental, self.tokens, self.events, self.connects
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
        text += "\n| submission | input | times |\n|---|---|---|\n";
        for (state, input, _) in SUBMISSION_TRANSITIONS {
            text += &format!("| {state:?} | {input:?} | {} |\n", self.steers[Self::steer_place(*state, *input)]);
        }
        text
    }

    fn steer_place(state: SubmissionState, input: SubmissionInput) -> usize {
        let row = SubmissionState::ALL.iter().position(|known| *known == state).unwrap_or_default();
        let column = SubmissionInput::ALL.iter().position(|known| *known == input).unwrap_or_default();
        row * SubmissionInput::ALL.len() + column
    }

    fn place(state: RequestState, input: RequestInput) -> usize {
        let row = RequestState::ALL.iter().position(|known| *known == state).unwrap_or_default();
        let column = RequestInput::ALL.iter().position(|known| *known == input).unwrap_or_default();
        row * RequestInput::ALL.len() + column
    }
}
