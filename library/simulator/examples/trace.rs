//! Prints the state of evenkeel's control over time, on a workload of the simulator.
//!
//! `cargo run --release -p evenkeel-simulator --example trace -- cpu_yielding 2`

use std::time::Duration;

use evenkeel_simulator::workloads::{self, SizedWorkload};
use evenkeel_simulator::{Control, Evenkeel, RequestKind, Seen, Time, Verdict, Work, simulate, waiting};
use resilience::admission::{Ended, Processors};

struct Traced {
    control: Evenkeel,
    ticks: u32,
    every: u32,
    oldest: Duration,
}

impl Control for Traced {
    fn decide(&mut self, now: Duration, request: Seen) -> Verdict {
        self.oldest = self.oldest.max(request.age);
        self.control.decide(now, request)
    }
    fn done(&mut self, now: Duration, id: usize, ended: Ended) {
        self.control.done(now, id, ended);
    }
    fn left(&mut self, now: Duration, id: usize) {
        self.control.left(now, id);
    }
    fn tick(&mut self, now: Duration, processors: Processors) {
        self.control.tick(now, processors);
        self.ticks += 1;
        let Some(state) = self.control.snapshot(now).filter(|_| self.ticks.is_multiple_of(self.every)) else { return };
        print!(
            "{:6.2} s  age {:4} limit {:6.1} in flight {:4} queued {:4} wait {:3} {} base {:5.3} refused {:?}",
            now.as_secs_f64(),
            self.oldest.as_millis(),
            state.limit,
            state.in_flight,
            state.queued.iter().sum::<u32>(),
            state.longest_wait.as_millis(),
            if state.standing { "standing" } else { "        " },
            state.base.unwrap_or(f64::NAN),
            state.refused,
        );
        self.oldest = Duration::ZERO;
        for route in state.routes.iter().skip(1) {
            print!(
                " | {} {}/{:.1} queued {} p90 {} base {} rate {:.0}",
                route.name,
                route.in_flight,
                route.limit.unwrap_or(f64::INFINITY),
                route.queued,
                route.p90.as_millis(),
                route.base.map_or(-1, |base| base.as_millis() as i64),
                route.rate
            );
        }
        println!();
    }
    fn next_wake(&mut self) -> Option<(usize, bool)> {
        self.control.next_wake()
    }
    fn sees_departures(&self) -> bool {
        true
    }
}

/// Requests that wait for nothing but their own work.
fn waits(name: &str) -> SizedWorkload {
    let mut sized = workloads::slow_waits();
    let (time, capacity, objective) = match name {
        "unreachable" => (Time::Fixed(Duration::from_millis(223)), 234.0, 85),
        _ => (Time::LogNormal(Duration::from_millis(142), 1.49), 98.0, 500),
    };
    sized.workload.kinds = vec![RequestKind::new("wait", Work::Dependency { pool: 0, time })];
    (sized.workload.objective, sized.workload.patience) = (Duration::from_millis(objective), Duration::from_secs(100));
    sized.capacity = capacity;
    sized
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let mut number = |default: f64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let base: SizedWorkload = match name.as_str() {
        "cpu_hard" => workloads::cpu_hard(),
        "dependency" | "dependency_halved" => workloads::dependency(),
        "bimodal_cpu" => workloads::bimodal_cpu(true, false),
        "bimodal_cpu_hard" => workloads::bimodal_cpu(false, false),
        "bimodal_cpu_one" => workloads::bimodal_cpu(true, true),
        "bimodal_cpu_hard_one" => workloads::bimodal_cpu(false, true),
        "bimodal_dependency" => workloads::bimodal_dependency(false),
        "bimodal_dependency_one" => workloads::bimodal_dependency(true),
        "unreachable" | "log_normal" => waits(&name),
        "slow_waits" => workloads::slow_waits(),
        _ => workloads::cpu_yielding(),
    };
    let (times, every, seconds, seed) = (number(2.0), number(10.0), number(8.0), number(1.0));
    let capacity = base.capacity;
    // Below capacity the load comes in bursts.
    let end = Duration::from_secs_f64(seconds);
    let workload = match name.as_str() {
        "slowed" => waiting::slowed_service(100.0 * times),
        "dependency_late" => {
            let mut late = workloads::dependency();
            late.workload.objective = Duration::from_millis(20);
            late.at(times, end)
        }
        "silent" => waiting::silent_dependency(),
        "unreachable" => base.workload.load(0.05 * capacity, Duration::from_secs(1), capacity, end),
        "log_normal" => base.workload.load(capacity, Duration::from_secs(1), capacity, end),
        _ if times < 1.0 => base.bursts(times, end),
        "dependency_halved" => base.halved(times, end),
        _ => base.at(times, end),
    };
    let workload = workload.seed(seed as u64);
    let control = Evenkeel::new(&workload);
    let mut traced = Traced { control, ticks: 0, every: every as u32, oldest: Duration::ZERO };
    let report = simulate(&workload, &mut traced);
    println!("{:.3} of {capacity}/s, p99 {:?}", report.goodput() / capacity, report.latency(0.99));
}
