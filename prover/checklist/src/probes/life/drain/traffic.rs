//! Traffic while the service stops: on new connections, and on one that is kept.

use std::time::{Duration, Instant};

use keel_wire::raw::{Ended, Heard};

use crate::clause::life::drain as clause;
use crate::contention::Contention;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::listener::{Listener, answers, told};

/// Between two looks at readiness and at the door.
pub(super) const LOOK: Duration = Duration::from_millis(15);
/// For what needs no time.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The most answers that are looked at in each way.
const MAX_ANSWERS: usize = 1000;

/// Outcome of one request.
enum Outcome {
    /// No connection could be made: the door is closed.
    Refused,
    /// The connection ended without a byte.
    Nothing(Heard),
    /// The answer was broken off.
    Cut(Heard),
    /// The answer came whole.
    Whole,
}

/// One request after the other, each with its outcome and when it was sent.
struct Asked {
    on: &'static str,
    outcomes: Vec<(Instant, Outcome)>,
}

/// Client that sends a harmless request all the time.
pub(super) struct Traffic {
    listener: Listener,
    bytes: Vec<u8>,
    line: String,
}

impl Traffic {
    /// Starts the traffic; `None` if the answer does not show its own end: then an interrupted answer could not be recognised.
    pub(super) async fn of(lab: &Lab, listener: &Listener) -> Option<Self> {
        let request = lab.harmless();
        let bytes = listener.bytes(&request);
        let heard = listener.exchange(&bytes, PATIENCE).await.ok()?;
        let complete = answers(&heard.bytes).first().is_some_and(|answer| answer.complete);
        complete.then(|| Self {
            listener: listener.clone(),
            bytes,
            line: format!("{} {}", request.method, request.path),
        })
    }

    /// Asks until the door is closed, at most until `end`; `asked` is when SIGTERM is sent.
    pub(super) async fn watch(&self, asked: Instant, end: Instant) -> Seen {
        let (new, kept) = tokio::join!(self.on_new_connections(end), self.on_a_kept_connection(end));
        Seen { all: vec![new, kept], asked, line: self.line.clone() }
    }

    async fn on_new_connections(&self, end: Instant) -> Asked {
        let mut outcomes = Vec::new();
        while Instant::now() < end && outcomes.len() < MAX_ANSWERS {
            let sent = Instant::now();
            let outcome = match self.listener.exchange(&self.bytes, PATIENCE).await {
                Ok(heard) => outcome(heard),
                Err(_) => Outcome::Refused,
            };
            let refused = matches!(outcome, Outcome::Refused);
            outcomes.push((sent, outcome));
            if refused {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Asked { on: "new connections", outcomes }
    }

    async fn on_a_kept_connection(&self, end: Instant) -> Asked {
        let mut outcomes = Vec::new();
        if let Ok(mut connection) = self.listener.open().await {
            while Instant::now() < end && outcomes.len() < MAX_ANSWERS {
                let sent = Instant::now();
                if connection.peer_state() != Ended::StillOpen || connection.write(&self.bytes, PATIENCE).await.is_err()
                {
                    break;
                }
                let heard = connection.listen_answer(PATIENCE).await;
                let over = heard.ended != Ended::StillOpen;
                outcomes.push((sent, outcome(heard)));
                if over {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Asked { on: "a kept connection", outcomes }
    }
}

fn outcome(heard: Heard) -> Outcome {
    if heard.bytes.is_empty() {
        return Outcome::Nothing(heard);
    }
    match answers(&heard.bytes).first() {
        Some(answer) if answer.complete => Outcome::Whole,
        _ => Outcome::Cut(heard),
    }
}

/// Outcome of the traffic.
pub(super) struct Seen {
    all: Vec<Asked>,
    asked: Instant,
    line: String,
}

impl Seen {
    /// Judges the traffic. No answer may be broken off. On a new connection each request must be answered as long as the service is ready
    /// (until `unready` after SIGTERM). Later the kernel may have taken a connection that the service does not accept any more; a client tries
    /// again then, as it does when a kept connection is closed. An answer that was given up may be late as the machine was busy.
    pub(super) fn evidence(&self, unready: Option<Duration>, contention: Contention) -> Vec<Evidence> {
        self.all.iter().map(|asked| self.judge(asked, unready, contention)).collect()
    }

    fn judge(&self, asked: &Asked, unready: Option<Duration>, contention: Contention) -> Evidence {
        let after = |sent: &Instant| sent.saturating_duration_since(self.asked);
        let on = asked.on;
        let (mut whole, mut nothing, mut first_bad) = (0, 0, None);
        for (sent, outcome) in &asked.outcomes {
            let bad = match outcome {
                Outcome::Refused => None,
                Outcome::Whole => {
                    whole += 1;
                    None
                }
                Outcome::Cut(heard) => Some(("is broken off", heard)),
                Outcome::Nothing(heard) => {
                    nothing += 1;
                    let still_ready = unready.is_some_and(|unready| after(sent) + LOOK < unready);
                    (still_ready && on == "new connections")
                        .then_some(("does not come although it says that it is ready", heard))
                }
            };
            first_bad = first_bad.or(bad.map(|(told, heard)| (after(sent), told, heard)));
        }
        let sent = self.line.clone();
        match first_bad {
            Some((at, became, heard)) => {
                let what = format!("on {on} an answer {became}, {at:.1?} after SIGTERM");
                let piece = clause::IN_FLIGHT.contradicts(what).exchanged(sent, told(heard));
                match heard.ended {
                    Ended::StillOpen => contention.excuse_given_up(piece, PATIENCE),
                    _ => piece,
                }
            }
            None => {
                let what = format!(
                    "on {on} {whole} requests around SIGTERM are answered whole, {nothing} get nothing, none is broken off"
                );
                clause::IN_FLIGHT.maybe((whole > 0).then_some(true), what).exchanged(sent, "")
            }
        }
    }
}
