//! The state machine of one connection.
//!
//! The server's events drive it: a request reached the service, its answer began, the answer's body ended, the socket took what was
//! buffered, the connection was upgraded. Received bytes matter in two states only, where nothing but bytes can come: before the first
//! request, and between two requests of HTTP/1.1.

use std::time::Duration;

use tokio::time::Instant;

use crate::Limits;

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Opened; no byte has come yet.
    Opened {
        /// Time of the accept.
        since: Instant,
    },
    /// The first bytes of a request head have come, or of the preface of HTTP/2.
    Head {
        /// Time at which the socket first had no more bytes of it.
        since: Option<Instant>,
    },
    /// No request is open.
    Idle {
        /// End of the last request.
        since: Instant,
    },
    /// The service works on at least one request.
    Handling {
        /// Requests that the service works on.
        handling: u32,
        /// Requests whose answer is being sent.
        answering: u32,
    },
    /// Answers are being sent, and the service works on nothing.
    Answering {
        /// Answers whose body has not ended. Zero: the socket has not taken all of the last one yet.
        answering: u32,
    },
    /// The connection speaks another protocol, such as WebSocket.
    Upgraded {
        /// Time of the last byte, in either direction.
        active: Instant,
    },
}

/// Stage of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The service worked on it.
    Handling,
    /// Its answer was being sent.
    Answering,
}

impl State {
    /// The state of an accepted connection.
    pub(crate) fn opened(now: Instant) -> Self {
        Self::Opened { since: now }
    }

    /// Returns true when no request is open, and none has begun.
    pub(crate) fn is_idle(self) -> bool {
        matches!(self, Self::Opened { .. } | Self::Idle { .. })
    }

    /// Returns true when the next bytes can only be those of a request head.
    pub(crate) fn awaits_head(self) -> bool {
        matches!(self, Self::Opened { .. } | Self::Head { .. } | Self::Idle { .. })
    }

    /// The peer sent bytes.
    pub(crate) fn received(self, http2: bool, now: impl FnOnce() -> Instant) -> Self {
        match self {
            Self::Opened { .. } => Self::Head { since: None },
            Self::Idle { .. } if !http2 => Self::Head { since: None },
            Self::Upgraded { .. } => Self::Upgraded { active: now() },
            // Frames of HTTP/2 without a request, such as answers to our own PING, leave an idle connection idle.
            other => other,
        }
    }

    /// The socket has no more bytes for now.
    pub(crate) fn waits(self, now: impl FnOnce() -> Instant) -> Self {
        match self {
            Self::Head { since: None } => Self::Head { since: Some(now()) },
            other => other,
        }
    }

    /// The peer took bytes.
    pub(crate) fn sent(self, now: impl FnOnce() -> Instant) -> Self {
        match self {
            Self::Upgraded { .. } => Self::Upgraded { active: now() },
            other => other,
        }
    }

    /// The preface of HTTP/2 is complete.
    pub(crate) fn preface(self, now: Instant) -> Self {
        match self {
            Self::Opened { .. } | Self::Head { .. } => Self::Idle { since: now },
            other => other,
        }
    }

    /// A request reached the service.
    pub(crate) fn request(self) -> Self {
        match self {
            Self::Opened { .. } | Self::Head { .. } | Self::Idle { .. } => Self::Handling { handling: 1, answering: 0 },
            Self::Handling { handling, answering } => Self::Handling { handling: handling + 1, answering },
            Self::Answering { answering } => Self::Handling { handling: 1, answering },
            upgraded @ Self::Upgraded { .. } => upgraded,
        }
    }

    /// The service gave an answer.
    pub(crate) fn answered(self) -> Self {
        match self {
            Self::Handling { handling, answering } => Self::with(handling.saturating_sub(1), answering + 1),
            other => other,
        }
    }

    /// A request ended: the protocol took over all of its answer, or it was cancelled.
    pub(crate) fn ended(self, stage: Stage) -> Self {
        match (self, stage) {
            (Self::Handling { handling, answering }, Stage::Handling) => {
                Self::with(handling.saturating_sub(1), answering)
            }
            (Self::Handling { handling, answering }, Stage::Answering) => {
                Self::with(handling, answering.saturating_sub(1))
            }
            (Self::Answering { answering }, Stage::Answering) => Self::with(0, answering.saturating_sub(1)),
            (other, _) => other,
        }
    }

    /// The socket took everything that was buffered.
    pub(crate) fn flushed(self, now: impl FnOnce() -> Instant) -> Self {
        match self {
            Self::Answering { answering: 0 } => Self::Idle { since: now() },
            other => other,
        }
    }

    /// The answer agreed to another protocol.
    pub(crate) fn upgraded(self, now: Instant) -> Self {
        Self::Upgraded { active: now }
    }

    fn with(handling: u32, answering: u32) -> Self {
        if handling == 0 { Self::Answering { answering } } else { Self::Handling { handling, answering } }
    }

    /// Returns the time by which the peer must have acted, and the action. None while the peer waits for us or takes an answer: the socket and
    /// the streams of HTTP/2 time those themselves.
    pub(crate) fn due(self, limits: &Limits) -> Option<(Instant, &'static str)> {
        let at = |since: Instant, bound: Duration, what| Some((since.checked_add(bound)?, what));
        match self {
            Self::Opened { since } => at(since, limits.head_timeout, "the first byte"),
            Self::Head { since } => at(since?, limits.head_timeout, "a whole request head"),
            Self::Idle { since } => at(since, limits.idle_timeout, "the next request"),
            Self::Upgraded { active } => at(active, limits.upgrade_idle_timeout, "a byte in either direction"),
            Self::Handling { .. } | Self::Answering { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dripping_head_is_timed_from_its_first_bytes() {
        let (opened, limits) = (Instant::now(), Limits::default());
        let head = State::opened(opened).received(false, Instant::now).waits(Instant::now);
        tokio::time::advance(Duration::from_secs(3)).await;
        let dripping = head.received(false, Instant::now).waits(Instant::now);
        assert_eq!(dripping.due(&limits).map(|(due, _)| due), Some(opened + limits.head_timeout));
    }

    #[tokio::test(start_paused = true)]
    async fn frames_without_a_request_leave_an_http2_connection_idle_since_its_last_request() {
        let start = Instant::now();
        let idle = State::opened(start).received(true, Instant::now).preface(start);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(idle.received(true, Instant::now).sent(Instant::now), State::Idle { since: start });
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_the_next_request_during_an_answer_start_no_timer() {
        let answering = State::opened(Instant::now()).received(false, Instant::now).request().answered();
        for state in [answering, answering.ended(Stage::Answering)] {
            assert_eq!(state.received(false, Instant::now).waits(Instant::now), state);
            assert_eq!(state.due(&Limits::default()), None);
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Received,
        Request,
        Answer(usize),
        End(usize),
        Flush,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            Just(Event::Received),
            Just(Event::Request),
            (0..4usize).prop_map(Event::Answer),
            (0..4usize).prop_map(Event::End),
            Just(Event::Flush),
        ];
        proptest::collection::vec(event, 0..60)
    }

    proptest! {
        /// Checks that, in any order of events, the machine counts the open requests by stage and is idle only without any.
        #[test]
        fn open_requests_are_counted_by_stage(events in events(), http2: bool) {
            let now = Instant::now();
            let (mut state, mut open) = (State::opened(now), Vec::<Stage>::new());
            for event in events {
                state = match event {
                    Event::Received => state.received(http2, || now),
                    Event::Request => { open.push(Stage::Handling); state.request() }
                    Event::Answer(n) => match open.get_mut(n) {
                        Some(stage @ Stage::Handling) => { *stage = Stage::Answering; state.answered() }
                        _ => state,
                    },
                    Event::End(n) if n < open.len() => state.ended(open.swap_remove(n)),
                    Event::End(_) => state,
                    Event::Flush => state.flushed(|| now),
                };
                let in_stage = |stage| open.iter().filter(|one| **one == stage).count();
                let (handling, answering) = (in_stage(Stage::Handling), in_stage(Stage::Answering));
                match state {
                    State::Handling { handling: h, answering: a } => {
                        prop_assert!(h > 0);
                        prop_assert_eq!((h as usize, a as usize), (handling, answering));
                    }
                    State::Answering { answering: a } => prop_assert_eq!((0, a as usize), (handling, answering)),
                    _ => prop_assert!(open.is_empty()),
                }
            }
        }
    }
}
