//! Deliberate bugs, one at a time, which the simulation must find. Only the feature `mutants`, which is for
//! this project's tests and off by default, builds them; without it `is` is `false`, and nothing of them is left.

/// One deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "each name says what the bug is")]
pub enum Mutant {
    None,
    TokenKeptAcrossTurns,
    SecondTokenWins,
    TokenOutOfHttpEvents,
    LateEndDelivered,
    ResentAfterOutput,
    JitterIgnored,
    IdleFedByPings,
    EndedTwice,
    DeltaOnLostChain,
    CancelDropsTheNext,
    BudgetIgnored,
    DelayIgnored,
    IdleNeverArmed,
    InstructionsIgnored,
    OldCredentials,
    EofCompletes,
    DrainTakesNoRoom,
}

impl Mutant {
    /// Every bug.
    pub const ALL: [Self; 17] = [
        Self::TokenKeptAcrossTurns,
        Self::SecondTokenWins,
        Self::TokenOutOfHttpEvents,
        Self::LateEndDelivered,
        Self::ResentAfterOutput,
        Self::JitterIgnored,
        Self::IdleFedByPings,
        Self::EndedTwice,
        Self::DeltaOnLostChain,
        Self::CancelDropsTheNext,
        Self::BudgetIgnored,
        Self::DelayIgnored,
        Self::IdleNeverArmed,
        Self::InstructionsIgnored,
        Self::OldCredentials,
        Self::EofCompletes,
        Self::DrainTakesNoRoom,
    ];
}

#[cfg(feature = "mutants")]
static CHOSEN: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(0);

/// Puts the bug into every machine of this process.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Mutant) {
    CHOSEN.store(mutant as u8, core::sync::atomic::Ordering::SeqCst);
}

/// Whether the bug is there.
#[cfg(feature = "mutants")]
pub(crate) fn is(mutant: Mutant) -> bool {
    CHOSEN.load(core::sync::atomic::Ordering::Relaxed) == mutant as u8
}

/// Whether the bug is there: it is not.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
