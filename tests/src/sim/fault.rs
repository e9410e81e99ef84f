//! The faults of the simulation, by name.

/// Declares the faults: the name and the effect of each.
macro_rules! faults {
    ($($fault:ident $what:literal)*) => {
        /// A fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $what] $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$fault),*];

            /// Returns its effect.
            #[must_use]
            pub const fn effect(self) -> &'static str {
                match self {
                    $(Self::$fault => $what,)*
                }
            }
        }
    };
}

faults! {
    // The network.
    DialRefused "the connection attempt is refused"
    DialTls "the TLS handshake fails"
    DialSlow "the connection attempt takes nearly the connect timeout, or longer"
    DialHang "the connection attempt is never answered"
    Latency "bytes take up to two seconds to arrive"
    Trickle "bytes arrive in pieces of one to seven"
    PartialWrites "the socket accepts only a part of each write"
    CutDown "the connection is lost at some byte from the server"
    CutUp "the connection is lost at some byte to the server"
    MuteDown "from some byte on, nothing from the server arrives, and no side notices"
    MuteUp "from some byte on, nothing from the client arrives, and no side notices"
    StallDown "at some byte, nothing from the server arrives for a while"
    StallUp "at some byte, the socket accepts no bytes for a while, or for ever"
    DuplicateEof "the caller reports the end of the input more than once"
    LateInput "the caller reports input and ends of a socket that was dropped"
    // The caller.
    LazyEvents "the caller leaves events in the queue while more input arrives"
    LateTimer "the caller reports a deadline late"
    EarlyTimer "the caller reports the time although no deadline has passed"
    OddCalls "the caller reports connections that were not requested, and writes that did not happen"
    JumpForward "the clock jumps forward"
    JumpBack "the clock jumps back"
    // The handshake.
    HandshakeStays "the server does not upgrade: 404, 405, 426, 501, or a plain 200"
    HandshakeUnauthorized "the server answers the handshake with 401"
    HandshakeStatus "the server answers the handshake with another status"
    HandshakeForged "the server accepts the handshake with a wrong key, or with an extension that was not offered"
    HandshakeGarbage "the server answers the handshake with bytes that are not a head"
    HandshakeSilence "the server does not answer the handshake"
    HandshakeHangUp "the server closes the socket instead of answering the handshake"
    HandshakeToken "the response to the handshake contains a turn token"
    // The answer.
    Refused "the server answers a request with a status of 400 or more"
    Unauthorized "the server answers a request with 401, or the credentials have expired"
    Throttled "the server answers with 429 or 503 and a delay"
    Silence "the response stops, or never begins"
    SignsOfLife "the response stops, but pings or comments continue"
    SlowEvents "the gap between events is close to the idle timeout"
    HangUp "the server closes the socket in the middle of a response"
    EndsEarly "the body, or the socket, ends in an orderly way without a terminal event"
    EventFailed "`response.failed`"
    EventIncomplete "`response.incomplete`"
    EventError "`error`, in one of its shapes"
    Forgotten "`previous_response_not_found`"
    ConnectionLimit "`websocket_connection_limit_reached`"
    BadCompleted "`response.completed` without an id"
    NotJson "a payload that is not an event"
    BadEvent "a known event without a required member"
    UnknownEvent "an event of an unknown type"
    NoCreated "output before `response.created`, or the end before both"
    LateFrames "events and a second terminal event of a response that has ended"
    ForeignLane "events of a lane that the client did not use"
    IdleNote "rate limits while no request is in flight"
    SecondToken "another turn token within the turn"
    OddToken "a turn token that is empty, too long, not valid in a header, or not a string"
    TokenInEvent "a turn token in an event over HTTP, where it has no meaning"
    // Broken framing.
    Garbage "bytes that are not a frame, a chunk or a head"
    CutChunk "the body ends inside a chunk"
    Unsolicited "bytes between two responses that no request asked for"
    Interim "interim responses before the final one"
    Close "a close frame with some code in the middle of a response"
    CloseTooBig "a close frame with code 1009"
    CloseIdle "the server closes the connection while no request is in flight"
    Binary "a binary message"
    Fragments "a message in several frames, with a ping between them"
    IgnoresClose "the server does not answer the close frame"
    BodyStays "the body continues, or stays open, after the terminal event"
}

/// A set of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u128);

impl Faults {
    /// No fault.
    pub const NONE: Self = Self(0);
    /// Every fault.
    pub const ALL: Self = Self(u128::MAX);

    /// Returns whether the fault may occur.
    #[must_use]
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// Adds a fault.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self(self.0 | (1 << fault as u32))
    }

    /// Removes a fault.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }
}
