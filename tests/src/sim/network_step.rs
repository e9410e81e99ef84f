//! Deliveries of the simulated network to client and server, and the checks after every step.

use turnwire::client::Event;
use turnwire::connection::LossReason;
use turnwire::turn::RequestState;

use super::context::Occurrence;
use super::fault::Fault;
use super::net::{Delivery, PipeFault};
use super::plan::LANES;
use super::world::{Phase, SLACK, World};

impl World<'_> {
    /// Delivers bytes to the client.
    pub(super) fn down(&mut self, link: usize) {
        let dropped = self.links[link].phase == Phase::Dropped;
        if dropped {
            return self.late_input(link);
        }
        if self.links[link].phase == Phase::Connecting {
            self.links[link].down.scheduled = false;
            return;
        }
        if !self.client.wants_input() {
            return self.context.after(20_000, Occurrence::Down(link));
        }
        let at = &mut self.links[link];
        at.down.scheduled = false;
        let fault = at.down.fault;
        let delivery = at.down.deliver(&mut at.random);
        self.count(fault, &delivery, link, true);
        let now = self.context.client_now();
        match delivery {
            Delivery::Nothing => {}
            Delivery::Later(long) => {
                self.links[link].down.scheduled = true;
                return self.context.after(long, Occurrence::Down(link));
            }
            Delivery::Bytes(bytes) => {
                let read = bytes.len();
                self.context.log(|| format!("link {link}: the client receives {read} bytes"));
                self.client.handle_input(now, &bytes);
                self.backlog += read;
                self.read_ahead(link, read);
            }
            Delivery::Eof => {
                self.context.log(|| format!("link {link}: the client receives the end of input"));
                self.client.handle_eof(now);
                if self.context.injector.inject(&mut self.random, Fault::DuplicateEof) {
                    self.client.handle_eof(now);
                }
            }
            Delivery::Lost => self.lose(link),
        }
        self.schedule_more(link);
    }

    /// Delivers more input while events of earlier input are still queued.
    fn read_ahead(&mut self, link: usize, read: usize) {
        let mut waiting = read;
        let limit = self.context.plan.settings.connection.max_backlog;
        while self.context.injector.inject(&mut self.random, Fault::LazyEvents) && self.client.wants_input() {
            let at = &mut self.links[link];
            let Delivery::Bytes(bytes) = at.down.deliver(&mut at.random) else { return };
            waiting += bytes.len();
            let last = bytes.len();
            self.client.handle_input(self.context.client_now(), &bytes);
            // `waiting` only bounds what is queued; count exactly before reporting a violation.
            if waiting > limit + last + read && self.client.wants_input() {
                let held = self.poll_all_events();
                if held > limit + last {
                    self.context
                        .oracle
                        .violated("law 4", || format!("{held} bytes are queued, and the client still wants input"));
                }
            }
        }
    }

    /// Polls all queued events and returns the number of payload bytes among them.
    fn poll_all_events(&mut self) -> usize {
        self.backlog = 0;
        let (now, link) = (self.context.client_now(), self.links.len() - 1);
        let mut held = 0;
        while let Some(event) = self.client.poll_event() {
            if let Event::Server { event, .. } = &event {
                held += event.raw().map_or(0, str::len);
            }
            self.context.oracle.observe(now, link, self.app.key, &event);
        }
        held
    }

    /// Delivers bytes of a socket that the client has dropped. The client must ignore them while it has no other
    /// socket.
    fn late_input(&mut self, link: usize) {
        self.links[link].down.scheduled = false;
        let none_open = self.current().is_none_or(|current| self.links[current].phase == Phase::Connecting);
        if !none_open || !self.context.injector.inject(&mut self.random, Fault::LateInput) {
            return;
        }
        let at = &mut self.links[link];
        let delivery = at.down.deliver(&mut at.random);
        let now = self.context.client_now();
        match delivery {
            Delivery::Bytes(bytes) => self.client.handle_input(now, &bytes),
            Delivery::Eof | Delivery::Lost => self.client.handle_eof(now),
            Delivery::Nothing | Delivery::Later(_) => {}
        }
    }

    /// Makes calls that do not fit the client's state: they must have no effect.
    fn odd_calls(&mut self) {
        let now = self.context.client_now();
        let open = self.current().is_some_and(|link| self.links[link].phase == Phase::Open);
        if open && self.context.injector.inject(&mut self.random, Fault::OddCalls) {
            self.client.handle_connected(now);
            self.client.handle_connect_failed(
                now,
                turnwire::client::ConnectError::Network("no connection was requested".into()),
            );
            self.client.handle_written(now, 0);
        }
    }

    /// Delivers bytes to the server.
    pub(super) fn up(&mut self, link: usize) {
        let at = &mut self.links[link];
        at.up.scheduled = false;
        let fault = at.up.fault;
        let delivery = match fault {
            // A stalled socket blocks the writer (`World::write`), not the reader.
            PipeFault::Stall(..) => {
                at.up.fault = PipeFault::None;
                let delivery = at.up.deliver(&mut at.random);
                at.up.fault = fault;
                delivery
            }
            PipeFault::None | PipeFault::Cut(_) | PipeFault::Mute(_) => at.up.deliver(&mut at.random),
        };
        self.count(fault, &delivery, link, false);
        let at = &mut self.links[link];
        match delivery {
            Delivery::Nothing | Delivery::Later(_) => {}
            Delivery::Bytes(bytes) => at.peer.input(&mut self.context, &mut at.down, &bytes),
            Delivery::Eof => at.peer.eof(&mut self.context, &mut at.down),
            Delivery::Lost => self.lose(link),
        }
        self.schedule_more(link);
    }

    fn schedule_more(&mut self, link: usize) {
        let at = &mut self.links[link];
        for (pipe, due) in [(&mut at.down, Occurrence::Down(link)), (&mut at.up, Occurrence::Up(link))] {
            if !pipe.is_empty() && !pipe.scheduled {
                pipe.scheduled = true;
                self.context.after(self.random.below(500), due);
            }
        }
    }

    fn lose(&mut self, link: usize) {
        self.context.log(|| format!("link {link}: lost"));
        let at = &mut self.links[link];
        at.down = super::net::Pipe::new(PipeFault::Mute(0), 0, 1);
        at.up = super::net::Pipe::new(PipeFault::Mute(0), 0, 1);
        at.peer.eof(&mut self.context, &mut at.down);
        if at.phase == Phase::Open {
            self.client.handle_lost(self.context.client_now(), LossReason::Network("lost".into()));
        }
    }

    /// Counts the network faults that occurred.
    fn count(&mut self, fault: PipeFault, delivery: &Delivery, link: usize, down: bool) {
        let at = &self.links[link];
        let mute = if down { at.down.is_mute() } else { at.up.is_mute() };
        let fault = match (fault, delivery) {
            (PipeFault::Cut(_), Delivery::Lost) => [Fault::CutDown, Fault::CutUp],
            (PipeFault::Mute(_), Delivery::Nothing) if mute => [Fault::MuteDown, Fault::MuteUp],
            (PipeFault::Stall(..), Delivery::Later(_)) => [Fault::StallDown, Fault::StallUp],
            _ => return,
        };
        self.context.injector.count(fault[usize::from(!down)]);
    }

    /// Checks the invariants that hold after every step.
    pub(super) fn check_step(&mut self) {
        let in_flight = self.client.has_pending_requests();
        let now = self.context.now;
        self.context.oracle.check_liveness(now, in_flight, SLACK + self.back);
        if !in_flight {
            self.context.oracle.progressed(now);
        }
        if self.context.injector.inject(&mut self.random, Fault::EarlyTimer) {
            self.check_early_timer();
        }
        self.odd_calls();
        if self.random.one_in(4) {
            self.compare_lane_states();
        }
    }

    /// Reports the current time before the deadline: this must have no effect.
    fn check_early_timer(&mut self) {
        let now = self.context.client_now();
        let deadline = self.client.poll_timeout();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return;
        }
        let before = self.client.poll_transmit().len();
        self.client.handle_timeout(now);
        let same = self.client.poll_timeout() == deadline && self.client.poll_transmit().len() == before;
        let silent = self.client.poll_event().is_none() && self.client.poll_socket().is_none();
        if !same || !silent {
            self.context.oracle.violated("law 7", || "handle_timeout had an effect before the deadline".into());
        }
    }

    /// With no bytes in transit, client and server must agree on the state of each lane.
    fn compare_lane_states(&mut self) {
        let Some(link) = self.current().filter(|link| self.links[*link].phase == Phase::Open) else { return };
        let at = &self.links[link];
        let quiet = at.down.is_empty() && at.up.is_empty() && !at.down.is_mute() && !at.up.is_mute();
        if !quiet || !self.client.poll_transmit().is_empty() {
            return;
        }
        for lane in 0..LANES.len() {
            let (ours, on_link) = (self.context.oracle.lane(lane), self.context.oracle.in_flight_on(lane, link));
            if let Some(theirs) = at.peer.state(lane).filter(|_| on_link)
                && matches!(ours, RequestState::Requested | RequestState::Created | RequestState::Output)
                && ours != theirs
            {
                self.context.oracle.violated("law 8", || {
                    format!("lane {lane} is {ours:?} at the client and {theirs:?} at the server")
                });
            }
        }
    }
}
