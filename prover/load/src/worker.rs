//! A worker: sends one request at a time, over its connection.

use std::rc::Rc;
use std::time::Instant;

use crate::answer::Head;
use crate::connect::Failure;
use crate::outcome::Outcome;
use crate::plan::Protocol;
use crate::pool::{Arrival, Pool};
use crate::watch::Completed;
use crate::{http1, http2};

/// The most of an answer's body that is kept for an observer, in bytes.
pub(super) const MAX_BODY_KEPT: usize = 64 << 10;

pub(super) struct Worker {
    pool: Rc<Pool>,
    number: usize,
    /// Its connection's number: of the workers of HTTP/2 several share one.
    carrier: usize,
    http1: http1::Connection,
}

impl Worker {
    pub(super) fn new(pool: Rc<Pool>, number: usize, carrier: usize) -> Self {
        Self { pool, number, carrier, http1: http1::Connection::default() }
    }

    /// Takes one request after the other, until the generator's end.
    pub(super) async fn run(mut self) {
        loop {
            let arrival = self.pool.next(self.number).await;
            let under_way = UnderWay::begin(&self.pool, arrival);
            let (outcome, head) = self.ask(&under_way.arrival).await;
            under_way.over(outcome, head, &self.http1.body);
        }
    }

    /// With as many immediate retries as the plan has.
    async fn ask(&mut self, arrival: &Arrival) -> (Outcome, Option<Head>) {
        let mut came = self.attempt(arrival).await;
        for _ in 0..self.pool.plan.retries {
            if came.0 == Outcome::Expected {
                break;
            }
            came = self.attempt(arrival).await;
        }
        came
    }

    async fn attempt(&mut self, arrival: &Arrival) -> (Outcome, Option<Head>) {
        let Self { pool, carrier, http1, .. } = self;
        pool.recorder.borrow_mut().attempt();
        let (plan, template) = (&pool.plan, &pool.templates[arrival.kind]);
        http1.body.clear();
        let keep = if pool.bodies { MAX_BODY_KEPT } else { 0 };
        let asking = async {
            match plan.protocol {
                Protocol::Http1 => http1.ask(&pool.peer, template, &arrival.filling, *carrier, keep).await,
                Protocol::Http2 { .. } => {
                    let carriers = &pool.carriers[*carrier];
                    http2::ask(carriers, &pool.peer, template, &arrival.filling, *carrier, keep, &mut http1.body).await
                }
            }
        };
        match tokio::time::timeout(plan.timeout, asking).await {
            Ok(Ok(head)) if plan.kinds[arrival.kind].expects(head.status) => (Outcome::Expected, Some(head)),
            Ok(Ok(head)) => (Outcome::Status(u8::try_from(head.status / 100).unwrap_or(9)), Some(head)),
            Ok(Err(Failure::Refused)) => (Outcome::Refused, None),
            Ok(Err(Failure::Reset)) => (Outcome::Reset, None),
            Ok(Err(Failure::Broken(why))) => {
                pool.recorder.borrow_mut().broken(why);
                (Outcome::Broken, None)
            }
            Err(_) => {
                // What would still come is the answer to a question that nobody asks any more.
                self.http1.close();
                (Outcome::Timeout, None)
            }
        }
    }
}

/// A request from its sending on. One that is dropped without an outcome, because the run ends before its answer, counts
/// as one whose answer did not come in time.
struct UnderWay {
    pool: Rc<Pool>,
    arrival: Arrival,
    sent: Instant,
    known: bool,
}

impl UnderWay {
    fn begin(pool: &Rc<Pool>, arrival: Arrival) -> Self {
        pool.begin();
        let sent = Instant::now();
        pool.recorder.borrow_mut().left();
        Self { pool: Rc::clone(pool), arrival, sent, known: false }
    }

    fn over(mut self, outcome: Outcome, head: Option<Head>, body: &[u8]) {
        self.known = true;
        self.tell(outcome, head, body);
    }

    fn tell(&self, outcome: Outcome, head: Option<Head>, body: &[u8]) {
        self.pool.end(&Completed {
            kind: self.arrival.kind,
            filling: &self.arrival.filling,
            intended: self.arrival.intended,
            sent: self.sent,
            done: Instant::now(),
            outcome,
            head,
            body,
        });
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.known {
            self.tell(Outcome::Timeout, None, &[]);
        }
    }
}
