//! Deliveries of the simulated network, to both ends, and what is judged after every step.

use turnwire::client::Event;
use turnwire::connection::LossReason;
use turnwire::turn::RequestState;

use super::context::Due;
use super::fault::Fault;
use super::net::{Delivery, Fate};
use super::plan::LANES;
use super::world::{Phase, SLACK, World};

impl World<'_> {
    /// Bytes arrive at the client.
    pub(super) fn down(&mut self, link: usize) {
        let dropped = self.links[link].phase == Phase::Dropped;
        if dropped {
            return self.late_input(link);
        }
        if self.links[link].phase == Phase::Dialing {
            self.links[link].down.scheduled = false;
            return;
        }
        if !self.client.wants_input() {
            return self.ground.after(20_000, Due::Down(link));
        }
        let at = &mut self.links[link];
        at.down.scheduled = false;
        let fate = at.down.fate;
        let delivery = at.down.deliver(&mut at.random);
        self.count(fate, &delivery, link, true);
        let now = self.ground.client_now();
        match delivery {
            Delivery::Nothing => {}
            Delivery::Later(long) => {
                self.links[link].down.scheduled = true;
                return self.ground.after(long, Due::Down(link));
            }
            Delivery::Bytes(bytes) => {
                let read = bytes.len();
                self.ground.say(|| format!("link {link}: {read} bytes arrive at the client"));
                self.client.handle_input(now, &bytes);
                self.backlog += read;
                self.lazily(link, read);
            }
            Delivery::Eof => {
                self.ground.say(|| format!("link {link}: the client is told the end"));
                self.client.handle_eof(now);
                if self.ground.luck.strikes(&mut self.random, Fault::DuplicateEof) {
                    self.client.handle_eof(now);
                }
            }
            Delivery::Lost => self.lose(link),
        }
        self.schedule_more(link);
    }

    /// More input comes while events wait.
    fn lazily(&mut self, link: usize, read: usize) {
        let mut waiting = read;
        let limit = self.ground.plan.settings.connection.max_backlog;
        while self.ground.luck.strikes(&mut self.random, Fault::LazyEvents) && self.client.wants_input() {
            let at = &mut self.links[link];
            let Delivery::Bytes(bytes) = at.down.deliver(&mut at.random) else { return };
            waiting += bytes.len();
            let last = bytes.len();
            self.client.handle_input(self.ground.client_now(), &bytes);
            // What was read and not polled is what is held.
            if waiting > limit + last + read && self.client.wants_input() {
                let held = self.held();
                if held > limit + last {
                    self.ground.oracle.breaks("law 4", || format!("{held} bytes wait, and more input is wanted"));
                }
            }
        }
    }

    /// Polls what waits; how many bytes of payloads that was.
    fn held(&mut self) -> usize {
        self.backlog = 0;
        let (now, link) = (self.ground.client_now(), self.links.len() - 1);
        let mut held = 0;
        while let Some(event) = self.client.poll_event() {
            if let Event::Server { event, .. } = &event {
                held += event.raw().map_or(0, str::len);
            }
            self.ground.oracle.heard(now, link, self.app.key, &event);
        }
        held
    }

    /// Bytes of a socket that the client has dropped: it must not care, as long as it has no other.
    fn late_input(&mut self, link: usize) {
        self.links[link].down.scheduled = false;
        let none_open = self.current().is_none_or(|current| self.links[current].phase == Phase::Dialing);
        if !none_open || !self.ground.luck.strikes(&mut self.random, Fault::LateInput) {
            return;
        }
        let at = &mut self.links[link];
        let delivery = at.down.deliver(&mut at.random);
        let now = self.ground.client_now();
        match delivery {
            Delivery::Bytes(bytes) => self.client.handle_input(now, &bytes),
            Delivery::Eof | Delivery::Lost => self.client.handle_eof(now),
            Delivery::Nothing | Delivery::Later(_) => {}
        }
    }

    /// Calls that mean nothing must do nothing.
    fn odd_calls(&mut self) {
        let now = self.ground.client_now();
        let open = self.current().is_some_and(|link| self.links[link].phase == Phase::Open);
        if open && self.ground.luck.strikes(&mut self.random, Fault::OddCalls) {
            self.client.handle_connected(now);
            self.client.handle_connect_failed(now, turnwire::client::ConnectError::Network("nobody dialed".into()));
            self.client.handle_written(now, 0);
        }
    }

    /// Bytes arrive at the server.
    pub(super) fn up(&mut self, link: usize) {
        let at = &mut self.links[link];
        at.up.scheduled = false;
        let fate = at.up.fate;
        let delivery = match fate {
            // A socket that takes nothing is the writer's to notice.
            Fate::Stall(..) => {
                at.up.fate = Fate::Kind;
                let delivery = at.up.deliver(&mut at.random);
                at.up.fate = fate;
                delivery
            }
            Fate::Kind | Fate::Cut(_) | Fate::Mute(_) => at.up.deliver(&mut at.random),
        };
        self.count(fate, &delivery, link, false);
        let at = &mut self.links[link];
        match delivery {
            Delivery::Nothing | Delivery::Later(_) => {}
            Delivery::Bytes(bytes) => at.peer.input(&mut self.ground, &mut at.down, &bytes),
            Delivery::Eof => at.peer.eof(&mut self.ground, &mut at.down),
            Delivery::Lost => self.lose(link),
        }
        self.schedule_more(link);
    }

    fn schedule_more(&mut self, link: usize) {
        let at = &mut self.links[link];
        for (pipe, due) in [(&mut at.down, Due::Down(link)), (&mut at.up, Due::Up(link))] {
            if !pipe.is_empty() && !pipe.scheduled {
                pipe.scheduled = true;
                self.ground.after(self.random.below(500), due);
            }
        }
    }

    fn lose(&mut self, link: usize) {
        self.ground.say(|| format!("link {link}: lost"));
        let at = &mut self.links[link];
        at.down = super::net::Pipe::new(Fate::Mute(0), 0, 1);
        at.up = super::net::Pipe::new(Fate::Mute(0), 0, 1);
        at.peer.eof(&mut self.ground, &mut at.down);
        if at.phase == Phase::Open {
            self.client.handle_lost(self.ground.client_now(), LossReason::Network("lost".into()));
        }
    }

    /// Counts what the network did.
    fn count(&mut self, fate: Fate, delivery: &Delivery, link: usize, down: bool) {
        let at = &self.links[link];
        let mute = if down { at.down.is_mute() } else { at.up.is_mute() };
        let fault = match (fate, delivery) {
            (Fate::Cut(_), Delivery::Lost) => [Fault::CutDown, Fault::CutUp],
            (Fate::Mute(_), Delivery::Nothing) if mute => [Fault::MuteDown, Fault::MuteUp],
            (Fate::Stall(..), Delivery::Later(_)) => [Fault::StallDown, Fault::StallUp],
            _ => return,
        };
        self.ground.luck.count(fault[usize::from(!down)]);
    }

    /// What must hold after every step.
    pub(super) fn judge(&mut self) {
        let in_flight = self.client.has_pending_requests();
        let now = self.ground.now;
        self.ground.oracle.judge_liveness(now, in_flight, SLACK + self.back);
        if !in_flight {
            self.ground.oracle.progressed(now);
        }
        if self.ground.luck.strikes(&mut self.random, Fault::EarlyTimer) {
            self.early();
        }
        self.odd_calls();
        if self.random.one_in(4) {
            self.mirror();
        }
    }

    /// The time is told although nothing is due: nothing may come of it.
    fn early(&mut self) {
        let now = self.ground.client_now();
        let deadline = self.client.poll_timeout();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return;
        }
        let before = self.client.poll_transmit().len();
        self.client.handle_timeout(now);
        let same = self.client.poll_timeout() == deadline && self.client.poll_transmit().len() == before;
        let silent = self.client.poll_event().is_none() && self.client.poll_socket().is_none();
        if !same || !silent {
            self.ground.oracle.breaks("law 7", || "something was to be done before the deadline".into());
        }
    }

    /// With an empty wire both ends know the same of each lane.
    fn mirror(&mut self) {
        let Some(link) = self.current().filter(|link| self.links[*link].phase == Phase::Open) else { return };
        let at = &self.links[link];
        let quiet = at.down.is_empty() && at.up.is_empty() && !at.down.is_mute() && !at.up.is_mute();
        if !quiet || !self.client.poll_transmit().is_empty() {
            return;
        }
        for lane in 0..LANES.len() {
            let (ours, on_link) = (self.ground.oracle.lane(lane), self.ground.oracle.flies_on(lane, link));
            if let Some(theirs) = at.peer.state(lane).filter(|_| on_link)
                && matches!(ours, RequestState::Requested | RequestState::Created | RequestState::Output)
                && ours != theirs
            {
                self.ground.oracle.breaks("law 8", || format!("lane {lane} is {ours:?} here, and {theirs:?} there"));
            }
        }
    }
}
