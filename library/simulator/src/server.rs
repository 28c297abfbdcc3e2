//! The simulated server: cores that share one run queue, sockets that are looked at now and then, clients that leave.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use resilience::admission::{Ended, Processors};

use crate::control::{Control, Seen, Verdict};
use crate::event::{Event, Scheduled};
use crate::random::Random;
use crate::report::{Outcome, Report};
use crate::request::{Request, State};
use crate::workload::{Clients, Time, Work, Workload};

/// Pause between ticks of the admission control.
const TICK: f64 = 0.01;
/// Most requests of one simulation.
pub const MAX_REQUESTS: usize = 20_000_000;

/// Runs a workload under an admission control.
///
/// # Panics
/// The workload has no kinds or phases, names a pool that it does not have, or has more than [`MAX_REQUESTS`] requests.
pub fn simulate(workload: &Workload, control: &mut dyn Control) -> Report {
    assert!(
        !workload.kinds.is_empty() && !workload.phases.is_empty(),
        "a workload needs kinds of requests and phases of load"
    );
    let mut server = Server::new(workload, control);
    server.run();
    server.report
}

/// A poll of a task.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Looks at the head of a request below the HTTP server.
    Scan(usize),
    /// Refuses it there.
    Prepared(usize),
    /// Reads the head of a request.
    Head(usize),
    /// Computes.
    Slice(usize),
    /// Continues after the answer of a dependency.
    Answered(usize),
    /// Continues a transaction after the answer of a statement.
    Statement(usize),
    /// Refuses a request.
    Refusal(usize),
    /// Closes the connection of a client that has left, and accepts its next one.
    Closing(usize),
    /// Lets the admission control's time pass; the moment for which it was scheduled.
    Tick(f64),
}

#[derive(Debug, Default)]
struct Pool {
    places: u32,
    taken: u32,
    waiting: VecDeque<usize>,
}

/// Connections of a client.
#[derive(Debug, Default)]
struct Connections {
    taken: u32,
    /// Requests that wait for one.
    waiting: VecDeque<usize>,
}

struct Server<'a> {
    workload: &'a Workload,
    control: &'a mut dyn Control,
    random: Random,
    now: f64,
    end: f64,
    events: BinaryHeap<Scheduled>,
    scheduled: u64,
    /// Tasks that the sockets and timers would wake, once they are looked at.
    ready: VecDeque<Task>,
    run_queue: VecDeque<Task>,
    /// The work of each core, and its end.
    cores: Vec<Option<(Task, f64)>>,
    polls: u32,
    /// Moment of the last tick, and core-seconds of work that was begun since.
    ticked: f64,
    busy: f64,
    requests: Vec<Request>,
    pools: Vec<Pool>,
    /// By client with a bound of connections.
    connections: BTreeMap<u64, Connections>,
    weights: f64,
    report: Report,
}

impl<'a> Server<'a> {
    fn new(workload: &'a Workload, control: &'a mut dyn Control) -> Self {
        let pools = workload.pools.iter().map(|places| Pool { places: *places, ..Pool::default() }).collect();
        Self {
            workload,
            control,
            random: Random::new(workload.seed),
            now: 0.0,
            end: workload.end.as_secs_f64(),
            events: BinaryHeap::new(),
            scheduled: 0,
            ready: VecDeque::new(),
            run_queue: VecDeque::new(),
            cores: vec![None; workload.cores as usize],
            polls: 0,
            ticked: 0.0,
            busy: 0.0,
            requests: Vec::new(),
            pools,
            connections: BTreeMap::new(),
            weights: workload.kinds.iter().map(|kind| kind.weight).sum(),
            report: Report::new(workload),
        }
    }

    fn run(&mut self) {
        self.schedule_arrival();
        self.schedule(self.now + TICK, Event::Tick);
        while self.now < self.end {
            self.occur();
            for core in 0..self.cores.len() {
                if let Some((task, until)) = self.cores[core]
                    && until <= self.now
                {
                    self.cores[core] = None;
                    let next = self.finish(task);
                    self.give_out_verdicts();
                    if let Some(next) = next {
                        self.start(core, next);
                    }
                }
            }
            for core in 0..self.cores.len() {
                self.take_up(core);
            }
            let Some(next) = self.next_moment() else { return };
            self.now = next.max(self.now);
        }
    }

    /// Moment of the next end of a task or event.
    fn next_moment(&self) -> Option<f64> {
        let tasks = self.cores.iter().flatten().map(|(_, until)| *until);
        let event = self.events.peek().map(|scheduled| scheduled.at);
        tasks.chain(event).min_by(f64::total_cmp)
    }

    /// Lets the events until now happen.
    fn occur(&mut self) {
        while self.events.peek().is_some_and(|scheduled| scheduled.at <= self.now) {
            let Some(Scheduled { event, at, .. }) = self.events.pop() else { return };
            match event {
                Event::Arrival => {
                    self.arrive_of_any_kind(at);
                    self.schedule_arrival();
                }
                Event::Retry { kind, client, attempt } => self.arrive(at, kind, client, attempt),
                Event::Departure(id) => self.depart(id),
                Event::Answer { request, pool, held } => {
                    self.pools[pool].taken -= 1;
                    self.control.gave_back(pool, Some(held));
                    self.serve_pool(pool);
                    self.ready.push_back(Task::Answered(request));
                }
                Event::Statement(request) => self.ready.push_back(Task::Statement(request)),
                Event::Tick => {
                    self.ready.push_back(Task::Tick(at));
                }
            }
        }
    }

    fn schedule(&mut self, at: f64, event: Event) {
        self.scheduled += 1;
        self.events.push(Scheduled { at, number: self.scheduled, event });
    }

    fn schedule_arrival(&mut self) {
        // By thinning: an arrival is drawn at the rate of its phase, and drawn again from the start of the next one when it is beyond that.
        let mut at = self.now;
        loop {
            let rate = self.workload.phase(at).map_or(0.0, |phase| phase.rate);
            let next_phase = self.workload.phases.iter().map(|phase| phase.from.as_secs_f64()).find(|from| *from > at);
            let next = if rate > 0.0 { at + self.random.exponential(1.0 / rate) } else { f64::INFINITY };
            match next_phase {
                Some(from) if from < next => at = from,
                _ if next < self.end => return self.schedule(next, Event::Arrival),
                _ => return,
            }
        }
    }

    fn arrive_of_any_kind(&mut self, at: f64) {
        let mut draw = self.random.fraction() * self.weights;
        let kinds = &self.workload.kinds;
        let kind = kinds.iter().position(|kind| {
            draw -= kind.weight;
            draw < 0.0
        });
        let kind = kind.unwrap_or(kinds.len() - 1);
        let client = match kinds[kind].clients {
            Clients::Many(clients) => u64::from(self.random.below(clients)),
            Clients::One(number) => 1_000_000 + u64::from(number),
        };
        self.arrive(at, kind, client, 0);
    }

    fn arrive(&mut self, at: f64, kind: usize, client: u64, attempt: usize) {
        let time = match self.workload.kinds[kind].work {
            Work::Yielding { time, .. } | Work::Hard(time) | Work::Dependency { time, .. } => time,
            Work::Transaction { each, .. } => each,
        };
        let work = Time::draw(time, &mut self.random);
        let id = self.requests.len();
        assert!(id < MAX_REQUESTS, "a simulation has at most {MAX_REQUESTS} requests");
        let (state, admitted, client_left, connected) = (State::Unread, false, false, false);
        self.requests.push(Request {
            kind,
            client,
            attempt,
            arrived: at,
            work,
            statements: 0,
            held_since: 0.0,
            state,
            admitted,
            client_left,
            connected,
        });
        self.report.arrived(self.now, kind, client);
        self.schedule(at + self.workload.patience.as_secs_f64(), Event::Departure(id));
        match self.workload.kinds[kind].connections {
            Some(most) => {
                self.connections.entry(client).or_default().waiting.push_back(id);
                self.connect(client, most);
            }
            None => self.present(id),
        }
    }

    /// Gives the connections of a client that are free to its requests that wait for one.
    fn connect(&mut self, client: u64, most: u32) {
        while let Some(connections) = self.connections.get_mut(&client)
            && connections.taken < most
        {
            let Some(id) = connections.waiting.pop_front() else { return };
            // It may have been given up.
            if self.requests[id].state != State::Ended {
                connections.taken += 1;
                self.requests[id].connected = true;
                self.present(id);
            }
        }
    }

    /// The request has ended: its connection is free.
    fn disconnect(&mut self, id: usize) {
        let Request { kind, client, .. } = self.requests[id];
        if !std::mem::take(&mut self.requests[id].connected) {
            return;
        }
        if let (Some(connections), Some(most)) =
            (self.connections.get_mut(&client), self.workload.kinds[kind].connections)
        {
            connections.taken -= 1;
            self.connect(client, most);
        }
    }

    /// The bytes of a request are in a socket.
    fn present(&mut self, id: usize) {
        self.ready.push_back(if self.control.refuses_early() { Task::Scan(id) } else { Task::Head(id) });
    }

    fn depart(&mut self, id: usize) {
        if self.requests[id].state == State::Ended {
            return;
        }
        let request = &mut self.requests[id];
        request.client_left = true;
        let (kind, client, admitted) = (request.kind, request.client, request.admitted);
        self.report.ended(
            self.now,
            kind,
            client,
            Outcome::Abandoned { admitted },
            self.workload.patience.as_secs_f64(),
        );
        self.try_again(id);
        self.ready.push_back(Task::Closing(id));
    }

    fn try_again(&mut self, id: usize) {
        let Request { kind, client, attempt, .. } = self.requests[id];
        if let Some(wait) = self.workload.retries.get(attempt) {
            // Spread over half of the wait, as clients do.
            let wait = wait.as_secs_f64() * (1.0 + self.random.fraction() / 2.0);
            self.schedule(self.now + wait, Event::Retry { kind, client, attempt: attempt + 1 });
        }
    }

    /// Starts the next task on a core, if it is idle.
    fn take_up(&mut self, core: usize) {
        while self.cores[core].is_none() {
            if self.run_queue.is_empty() || self.polls >= self.workload.costs.polls_between_io {
                self.polls = 0;
                self.run_queue.append(&mut self.ready);
            }
            let Some(task) = self.run_queue.pop_front() else { return };
            self.polls += 1;
            self.start(core, task);
        }
    }

    fn start(&mut self, core: usize, task: Task) {
        let slowness = self.workload.phase(self.now).map_or(1.0, |phase| phase.slowness);
        let costs = &self.workload.costs;
        let takes = match task {
            Task::Scan(_) => costs.scan.as_secs_f64(),
            Task::Prepared(_) => costs.prepared.as_secs_f64(),
            Task::Head(_) => costs.head.as_secs_f64(),
            Task::Refusal(_) => costs.refusal.as_secs_f64(),
            Task::Closing(_) => costs.reconnect.as_secs_f64(),
            Task::Answered(_) | Task::Tick(_) => 1e-6,
            Task::Statement(_) => costs.scan.as_secs_f64(),
            Task::Slice(id) => {
                let request = &self.requests[id];
                if request.state != State::Computing {
                    return;
                }
                slowness * request.work.min(self.slice(request.kind))
            }
        };
        self.busy += takes;
        self.cores[core] = Some((task, self.now + takes));
    }

    fn slice(&self, kind: usize) -> f64 {
        match self.workload.kinds[kind].work {
            Work::Yielding { slice, .. } => slice.as_secs_f64(),
            Work::Hard(_) | Work::Dependency { .. } | Work::Transaction { .. } => f64::INFINITY,
        }
    }

    /// The end of a poll. Returns the task that the same poll goes on with.
    fn finish(&mut self, task: Task) -> Option<Task> {
        match task {
            Task::Tick(scheduled) => self.tick(scheduled),
            Task::Scan(id) => {
                if self.requests[id].client_left {
                    return None;
                }
                let seen = self.seen(id);
                let is_refused = self.control.refuse_early(self.clock(), seen);
                return Some(if is_refused { Task::Prepared(id) } else { Task::Head(id) });
            }
            Task::Head(id) => return self.decide(id),
            Task::Prepared(id) | Task::Refusal(id) => {
                let request = &self.requests[id];
                let (kind, client, age) = (request.kind, request.client, self.now - request.arrived);
                if !request.client_left && request.state != State::Ended {
                    self.report.ended(self.now, kind, client, Outcome::Refused, age);
                    self.requests[id].state = State::Ended;
                    self.try_again(id);
                }
                self.requests[id].state = State::Ended;
                self.disconnect(id);
            }
            Task::Closing(id) => {
                self.close(id);
                self.disconnect(id);
            }
            Task::Answered(id) => {
                if self.requests[id].state == State::Calling {
                    self.answer(id);
                }
            }
            Task::Statement(id) => self.continue_transaction(id),
            Task::Slice(id) => {
                let slice = self.slice(self.requests[id].kind);
                let request = &mut self.requests[id];
                if request.state == State::Computing {
                    request.work -= slice;
                    if request.work > 1e-9 {
                        self.run_queue.push_back(Task::Slice(id));
                    } else {
                        self.answer(id);
                    }
                }
            }
        }
        None
    }

    /// Lets time pass, and says how late the timer was and how busy the cores were since the last one.
    fn tick(&mut self, scheduled: f64) {
        let time = (self.now - self.ticked).max(1e-9) * self.cores.len() as f64;
        let busy = (std::mem::take(&mut self.busy) / time).min(1.0);
        let late = Duration::from_secs_f64((self.now - scheduled).max(0.0));
        self.ticked = self.now;
        self.control.tick(self.clock(), Processors { late, busy });
        self.schedule(self.now + TICK, Event::Tick);
    }

    fn decide(&mut self, id: usize) -> Option<Task> {
        let request = self.requests[id];
        if request.client_left && self.control.sees_departures() {
            return None;
        }
        let seen = self.seen(id);
        match self.control.decide(self.clock(), seen) {
            Verdict::Admit => self.execute(id),
            Verdict::Queue => {
                self.requests[id].state = State::Queued;
                None
            }
            // The refusal is the rest of this poll.
            Verdict::Refuse => Some(Task::Refusal(id)),
        }
    }

    fn seen(&self, id: usize) -> Seen {
        let request = &self.requests[id];
        let class = self.workload.kinds[request.kind].class;
        let age = Duration::from_secs_f64(self.now - request.arrived);
        Seen { id, kind: request.kind, class, client: request.client, age }
    }

    fn give_out_verdicts(&mut self) {
        while let Some((id, admitted)) = self.control.next_wake() {
            if !admitted {
                self.run_queue.push_back(Task::Refusal(id));
            } else if let Some(task) = self.execute(id) {
                self.run_queue.push_back(task);
            }
        }
    }

    /// Begins to execute an admitted request. Returns the task that computes.
    fn execute(&mut self, id: usize) -> Option<Task> {
        self.requests[id].admitted = true;
        match self.workload.kinds[self.requests[id].kind].work {
            Work::Yielding { .. } | Work::Hard(_) => {
                self.requests[id].state = State::Computing;
                Some(Task::Slice(id))
            }
            Work::Dependency { pool, .. } | Work::Transaction { pool, .. } => {
                self.requests[id].state = State::Calling;
                self.pools[pool].waiting.push_back(id);
                self.control.waits_for(pool, self.requests[id].kind);
                self.serve_pool(pool);
                None
            }
        }
    }

    fn serve_pool(&mut self, index: usize) {
        let slowness = self.workload.phase(self.now).map_or(1.0, |phase| phase.slowness * phase.waits);
        while self.pools[index].taken < self.pools[index].places {
            let Some(request) = self.pools[index].waiting.pop_front() else { return };
            // Cancelled calls leave the line.
            if self.requests[request].state != State::Calling {
                self.control.gave_back(index, None);
                continue;
            }
            self.pools[index].taken += 1;
            let held = slowness * self.requests[request].work;
            if let Work::Transaction { statements, .. } = self.workload.kinds[self.requests[request].kind].work {
                let begun = &mut self.requests[request];
                (begun.statements, begun.held_since) = (statements, self.now);
                self.schedule(self.now + held, Event::Statement(request));
                continue;
            }
            let answer = Event::Answer { request, pool: index, held: Duration::from_secs_f64(held) };
            self.schedule(self.now + held, answer);
        }
    }

    /// The next statement of a transaction, or its end; that of a client that left ends here.
    fn continue_transaction(&mut self, id: usize) {
        let Work::Transaction { pool, .. } = self.workload.kinds[self.requests[id].kind].work else { return };
        let request = &mut self.requests[id];
        request.statements -= 1;
        if request.state == State::Calling && request.statements > 0 {
            let slowness = self.workload.phase(self.now).map_or(1.0, |phase| phase.slowness * phase.waits);
            let at = self.now + slowness * request.work;
            self.schedule(at, Event::Statement(id));
            return;
        }
        let (held, is_over) = (self.now - request.held_since, request.state == State::Calling);
        self.pools[pool].taken -= 1;
        self.control.gave_back(pool, Some(Duration::from_secs_f64(held)));
        self.serve_pool(pool);
        if is_over {
            self.answer(id);
        }
    }

    fn answer(&mut self, id: usize) {
        self.requests[id].state = State::Ended;
        let request = self.requests[id];
        if !request.client_left {
            self.report.ended(self.now, request.kind, request.client, Outcome::Answered, self.now - request.arrived);
        }
        self.control.done(self.clock(), id, Ended::Answered);
        self.disconnect(id);
    }

    /// The server sees that a client has left.
    fn close(&mut self, id: usize) {
        match std::mem::replace(&mut self.requests[id].state, State::Ended) {
            State::Queued => self.control.left(self.clock(), id),
            State::Computing | State::Calling => self.control.done(self.clock(), id, Ended::Cancelled),
            State::Unread | State::Ended => {}
        }
    }

    fn clock(&self) -> Duration {
        Duration::from_secs_f64(self.now)
    }
}
