//! A collector that is dead, slow or lying: answers, start and exit stay as they are with one that takes exports.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use keel_drill::collector::{Behaviour, Collector};
use keel_drill::process::Exit;
use keel_wire::port::ReservedPort;

use super::traced::{read_of, sampled};
use crate::clause::see::traces as clause;
use crate::contention::{Contention, Watch};
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::{Lab, StartFailure};
use crate::probes::see::environment::variables;
use crate::subject::RequestSpec;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// The reads that are sent with each collector.
const LOAD: u32 = 800;
/// The most of them at a time.
const AT_A_TIME: usize = 8;
/// No more of them begin after this time.
const LOAD_FOR: Duration = Duration::from_secs(8);
/// By so much the slowest answer may be slower than with a collector that takes exports.
const SLOWER: Duration = Duration::from_secs(1);
/// Time in which an export must come that the service was told to send within 200 ms.
const EXPORTED_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// A collector by its fault; none is one that takes exports.
const FAULTS: [(&str, Option<Behaviour>); 3] = [
    ("that is dead", None),
    ("that never answers", Some(Behaviour::Hang)),
    ("that answers nonsense", Some(Behaviour::Nonsense)),
];

/// The answers to the reads.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Answers {
    pub(super) sent: usize,
    /// Those that are answered as declared.
    pub(super) well: usize,
    pub(super) slowest: Duration,
}

/// A run with one collector.
struct Run {
    answers: Answers,
    contention: Contention,
    exports: usize,
    /// The exit code, and how long it took; none for a service that keel did not start in the foreground.
    end: Option<(Option<Exit>, Duration)>,
}

/// Starts the subject with each collector.
pub(super) async fn examine(lab: &mut Lab) -> Vec<Evidence> {
    let both = |what: &str| vec![clause::COLLECTOR.gap(what), clause::EXIT.gap(what)];
    let Ok(collector) = Collector::start().await else {
        return both("no loopback port can be had for keel's collector");
    };
    let address = collector.address().to_string();
    let peace = match run(lab, &address, Some(&collector)).await {
        Ok(run) => run,
        Err(failure) => return both(&format!("it does not start with a collector that takes its spans: {failure}")),
    };
    let control = match exported(peace.exports, collector.received().spans.len()) {
        Ok(control) => control,
        Err(failed) => return both(&failed.what),
    };
    let Ok(nothing) = ReservedPort::new() else { return both("no loopback port can be had") };
    let mut evidence = Vec::new();
    for (fault, behaviour) in FAULTS {
        collector.clear();
        let ran = match behaviour {
            Some(behaviour) => {
                collector.set(behaviour);
                run(lab, &address, Some(&collector)).await
            }
            None => run(lab, &format!("127.0.0.1:{}", nothing.number()), None).await,
        };
        let seen = match ran {
            Err(failure) => {
                vec![clause::COLLECTOR.contradicts(format!("it does not start with a collector {fault}: {failure}"))]
            }
            Ok(run) if behaviour.is_some() && run.exports == 0 => {
                both(&format!("nothing was exported to the collector {fault}"))
            }
            Ok(run) => {
                let answers = judge_answers(fault, peace.answers, run.answers);
                let answers = run.contention.excuse(answers, run.answers.slowest, peace.answers.slowest + SLOWER);
                let exit = judge_exit(fault, peace.end.map(|(exit, _)| exit), run.end, lab.subject.drain_timeout);
                vec![answers, exit]
            }
        };
        evidence.extend(seen.into_iter().map(|piece| if piece.decides() { piece.by(&control) } else { piece }));
    }
    evidence
}

/// The control: it exports spans to a collector that takes them.
fn exported(exports: usize, spans: usize) -> Result<Control, Uncontrolled> {
    let what = format!("with a collector that takes them, {spans} spans came in {exports} exports");
    let otherwise = "it exports no spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names (OTLP over HTTP)";
    Control::seen(spans > 0, what, otherwise)
}

/// Starts the subject with a collector at this address, sends the reads, and ends it.
async fn run(lab: &mut Lab, address: &str, collector: Option<&Collector>) -> Result<Run, StartFailure> {
    lab.stop().await;
    lab.start_with(|launch| launch.env.extend(variables(address))).await?;
    let spec = read_of(lab);
    lab.send_mix().await;
    let watch = Watch::begin(lab);
    let answers = load(lab, &spec).await;
    let contention = watch.end();
    let since = Instant::now();
    let exports = loop {
        let exports = collector.map_or(0, Collector::exports);
        let seen = collector.is_none_or(|collector| exports > 0 && !is_waiting_for_spans(collector));
        // Not less at a slow pace: the service is told its delay.
        if seen || since.elapsed() > lab.pace.of(EXPORTED_WITHIN).max(Duration::from_secs(2)) {
            break exports;
        }
        tokio::time::sleep(LOOK).await;
    };
    let end = end(lab).await;
    lab.stop().await;
    Ok(Run { answers, contention, exports, end })
}

/// Returns true while exports came that had no spans, such as those of metrics.
fn is_waiting_for_spans(collector: &Collector) -> bool {
    let received = collector.received();
    received.spans.is_empty() && (!received.metrics.is_empty() || received.logs > 0)
}

/// Sends the reads, some at a time.
async fn load(lab: &Lab, spec: &RequestSpec) -> Answers {
    let (client, since) = (lab.http(), Instant::now());
    let requests = stream::iter(0..lab.pace.count(LOAD));
    let begun = requests.take_while(|_| std::future::ready(since.elapsed() < lab.pace.of(LOAD_FOR)));
    let exchanges = begun.map(|_| client.send(sampled(lab, spec))).buffer_unordered(AT_A_TIME);
    exchanges
        .fold(Answers::default(), |mut answers, exchange| {
            answers.sent += 1;
            answers.well += usize::from(exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
            answers.slowest = answers.slowest.max(exchange.took);
            std::future::ready(answers)
        })
        .await
}

/// Ends a subject in the foreground with SIGTERM.
async fn end(lab: &mut Lab) -> Option<(Option<Exit>, Duration)> {
    lab.running()?;
    let (since, bound) = (Instant::now(), lab.subject.drain_timeout);
    lab.signal(SIGTERM);
    let exit = lab.process().wait(bound).await;
    let took = since.elapsed();
    if exit.is_none() {
        lab.signal_group(SIGKILL);
    }
    Some((exit, took))
}

/// Judges the answers beside a sick collector by those beside one that takes exports.
pub(super) fn judge_answers(fault: &str, peace: Answers, now: Answers) -> Evidence {
    if peace.well < peace.sent || peace.sent == 0 {
        let what =
            format!("{} of {} reads are answered as declared with a collector that is well", peace.well, peace.sent);
        return clause::COLLECTOR.gap(what);
    }
    let (well, sent, slowest) = (now.well, now.sent, now.slowest);
    let good = well == sent && slowest <= peace.slowest + SLOWER;
    let with = format!("with a collector {fault} {well} of {sent} reads are answered as declared");
    clause::COLLECTOR.saw(good, format!("{with}, the slowest after {slowest:.1?} (else {:.1?})", peace.slowest))
}

/// Judges the exit beside a sick collector by that beside one that takes exports.
pub(super) fn judge_exit(
    fault: &str,
    peace: Option<Option<Exit>>,
    now: Option<(Option<Exit>, Duration)>,
    bound: Duration,
) -> Evidence {
    let (Some(peace), Some((exit, took))) = (peace, now) else {
        return clause::EXIT.gap("its own process is not keel's to end: say `run`");
    };
    if peace != Some(Exit::Code(0)) {
        return clause::EXIT
            .gap("it does not end with code 0 on SIGTERM beside a collector that takes its spans either");
    }
    match exit {
        Some(Exit::Code(0)) => {
            clause::EXIT.holds(format!("with a collector {fault} it ends with code 0 after {took:.1?}"))
        }
        Some(_) => {
            clause::EXIT.contradicts(format!("with a collector {fault} it does not end with code 0 ({took:.1?})"))
        }
        None => clause::EXIT.contradicts(format!("with a collector {fault} it still runs {bound:.1?} after SIGTERM")),
    }
}
