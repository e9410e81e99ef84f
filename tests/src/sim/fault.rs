//! Everything that can go wrong in the simulated world, by name.

/// Declares the faults: what each is called, and what it does.
macro_rules! faults {
    ($($fault:ident $what:literal)*) => {
        /// One thing that can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $what] $fault,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$fault),*];

            /// What it does.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$fault => $what,)*
                }
            }
        }
    };
}

faults! {
    // The network.
    DialRefused "the dial is refused"
    DialTls "TLS fails"
    DialSlow "the dial takes nearly, or more than, all the time it has"
    DialHang "the dial is never answered"
    Latency "bytes travel for up to two seconds"
    Trickle "bytes arrive one to seven at a time"
    PartialWrites "the socket takes a part of what is to be written"
    CutDown "the connection is lost at some byte from the server"
    CutUp "the connection is lost at some byte to the server"
    MuteDown "from some byte on the server is not heard any more, and nobody says so"
    MuteUp "from some byte on the client is not heard any more, and nobody says so"
    StallDown "at some byte the server is not heard for a while"
    StallUp "at some byte the socket takes no more bytes for a while, or for ever"
    DuplicateEof "the end of the input is told more than once"
    LateInput "bytes and ends of a socket that was dropped are told"
    // The caller.
    LazyEvents "events are left waiting while more input comes"
    LateTimer "a deadline is told late"
    EarlyTimer "the time is told although nothing is due"
    OddCalls "connections are told of that nobody dialed, and writes that did not happen"
    JumpForward "the clock jumps ahead"
    JumpBack "the clock steps back"
    // The handshake.
    HandshakeStays "the server will not upgrade: 404, 405, 426, 501, or a plain 200"
    HandshakeUnauthorized "the handshake is answered 401"
    HandshakeStatus "the handshake is answered with another status"
    HandshakeForged "the handshake is accepted with a wrong key, or an extension that nobody offered"
    HandshakeGarbage "the handshake is answered with bytes that are no head"
    HandshakeSilence "the handshake is not answered"
    HandshakeHangUp "the handshake is answered by hanging up"
    HandshakeToken "the handshake's answer hands out a token"
    // The answer.
    Refused "a request is answered with a status of 400 or more"
    Unauthorized "a request is answered 401, or the credentials have expired"
    Throttled "429 or 503, with a delay that is asked for"
    Silence "the answer stops, or never comes"
    SignsOfLife "the answer stops, and pings or comments go on"
    SlowEvents "events come at a gap near the idle limit"
    HangUp "the server hangs up in the middle of an answer"
    EndsEarly "the body, or the socket, ends in order and without a terminal event"
    EventFailed "`response.failed`"
    EventIncomplete "`response.incomplete`"
    EventError "`error`, in one of its shapes"
    Forgotten "`previous_response_not_found`"
    ConnectionLimit "`websocket_connection_limit_reached`"
    BadCompleted "`response.completed` without an id"
    NotJson "a payload that is no event"
    BadEvent "a known event without what belongs to it"
    UnknownEvent "an event of a kind that nobody knows"
    NoCreated "output before `response.created`, or the end before either"
    LateFrames "events and a second end of a response that has ended"
    ForeignLane "events of a lane that nobody opened"
    IdleNote "rate limits while nothing is in flight"
    SecondToken "another token within the turn"
    OddToken "a token that is empty, long, or fits no header; one that is no string"
    TokenInEvent "a token in an event over HTTP, where it means nothing"
    // Broken framing.
    Garbage "bytes that are no frame, no chunk, no head"
    CutChunk "the body ends inside of a chunk"
    Unsolicited "bytes that nobody asked for, between two answers"
    Interim "interim responses before the final one"
    Close "a close frame with some code in the middle of an answer"
    CloseTooBig "a close frame with code 1009"
    CloseIdle "the socket is closed while nothing is in flight"
    Binary "a binary message"
    Fragments "a message in several frames, with a ping between"
    IgnoresClose "the server answers no close frame"
    BodyStays "the body goes on, or stays open, behind the terminal event"
}

/// A set of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults(u128);

impl Faults {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(u128::MAX);

    /// Whether the fault may happen.
    #[must_use]
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// The same with this one.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self(self.0 | (1 << fault as u32))
    }

    /// The same without this one.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }
}
