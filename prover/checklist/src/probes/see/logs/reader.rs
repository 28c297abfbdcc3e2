//! Behaviour of the service when its output is not read any more: the reader stalls, the reader goes away, the disk is full.
//!
//! Each is preceded by the same requests while everything is read: only a service that prints for them can be stopped by its output.

use std::time::{Duration, Instant};

use keel_drill::process::{Exit, Stream};
use regex::Regex;

use crate::clause::Clause;
use crate::clause::see::logs as clause;
use crate::contention;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::{Lab, StartFailure};
use crate::probes::support::core_share::CoreShare;
use crate::probes::support::peace::Peace;
use crate::probes::support::printed::{Bytes, IN_A_ROUND, ON_THEIR_WAY, send_rounds};

/// From SIGTERM to SIGKILL at each stop.
const STOP: Duration = Duration::from_secs(5);
/// Rounds that show what it prints for requests.
const SHOWN: usize = 16;
/// They go on for so long while nothing is printed: a log with a limit of lines for each second prints again in the next one.
const SHOWN_FOR: Duration = Duration::from_millis(2500);
/// Maximum time for a stalled pipe to fill.
const FILLS: Duration = Duration::from_secs(4);
/// Rounds at a time while it fills.
const AT_A_TIME: usize = 8;
/// Requests that must be answered after it is full, as far as this is time enough: queues are filled and threads used up by them first.
const BEYOND: usize = 1_000;
const BEYOND_BOUND: Duration = Duration::from_secs(8);
/// They go on for at least so long: a log with a limit of lines for each second prints on in the next one, and only then finds the pipe full.
const BEYOND_LEAST: Duration = Duration::from_millis(2500);
/// The fewest of them that say anything: servers with 400 threads are usual.
const LEAST_BEYOND: usize = 500;
/// Number of harmless requests then, at once, and the time limit of an answer.
const ASKED: usize = 12;
const WITHIN: Duration = Duration::from_secs(3);
/// Of these, so many may fail on a busy machine.
const LATE: usize = 1;
/// Maximum time until it answers again once the reader reads on.
const AGAIN: Duration = Duration::from_secs(5);
/// Time for which the CPU of the idle service is measured, after it has come to rest.
const IDLE: Duration = Duration::from_secs(1);
const LEAST_IDLE: Duration = Duration::from_millis(600);
const REST: Duration = Duration::from_millis(500);

/// Returns the gaps for a service that prints nothing at all.
pub(super) fn unknown(why: &str) -> Vec<Evidence> {
    [clause::STALLED, clause::GONE, clause::FULL].map(|clause| clause.gap(why)).into()
}

/// Examines all three, and leaves the service as it was started first.
pub(super) async fn examine(lab: &mut Lab) -> Vec<Evidence> {
    let peace = match Peace::of(lab).await {
        Ok(peace) => peace,
        Err(why) => return unknown(&why),
    };
    // It is not the stop that is examined here, and it is stopped four times.
    let drain = lab.subject.drain_timeout;
    lab.subject.drain_timeout = drain.min(STOP);
    let evidence = reader_fails(lab, &peace).await;
    lab.subject.drain_timeout = drain;
    evidence
}

async fn reader_fails(lab: &mut Lab, peace: &Peace) -> Vec<Evidence> {
    let before = Bytes::so_far(lab).await;
    let rounds = rounds_until(peace, || Bytes::now(lab).since(before).all() > 0).await;
    let all = Bytes::so_far(lab).await;
    let bytes = all.since(before);
    let requests = rounds * IN_A_ROUND;
    let told = format!("while it is read, {requests} requests make {} bytes of output", bytes.all());
    let prints = Control::seen(
        bytes.all() > 0,
        told.clone(),
        format!("{told}: nothing that is printed could stop it; let it log requests to standard output"),
    );
    let mut evidence = Vec::new();
    match &prints {
        Ok(control) => {
            evidence.push(stalled(lab, peace, bytes).await.by(control));
            if restart(lab).await {
                evidence.push(gone(lab, peace).await.by(control));
            } else {
                evidence.push(clause::GONE.gap("it does not start again after its output was stalled"));
            }
        }
        Err(failed) => evidence.extend([clause::STALLED.uncontrolled(failed), clause::GONE.uncontrolled(failed)]),
    }
    lab.stop().await;
    let at_start = Control::seen(all.all() > 0, format!("it prints {} bytes in all", all.all()), "it prints nothing");
    evidence.push(full(lab, peace, all, prints.ok().or(at_start.ok()).as_ref()).await);
    // What is in memory only is lost: the mix makes it again for the probes that follow.
    if restart(lab).await {
        lab.send_mix().await;
    }
    evidence
}

/// Sends rounds until `seen` says that something was printed, at most for [`SHOWN_FOR`]; returns their number.
async fn rounds_until(peace: &Peace, seen: impl Fn() -> bool) -> usize {
    let (begun, mut rounds) = (Instant::now(), 0);
    loop {
        send_rounds(peace, SHOWN).await;
        rounds += SHOWN;
        tokio::time::sleep(ON_THEIR_WAY).await;
        if seen() || begun.elapsed() >= SHOWN_FOR {
            return rounds;
        }
    }
}

async fn restart(lab: &mut Lab) -> bool {
    lab.stop().await;
    lab.start_with(|_| {}).await.is_ok()
}

/// The reader reads no more.
async fn stalled(lab: &Lab, peace: &Peace, bytes: Bytes) -> Evidence {
    let Some(process) = lab.running() else { return clause::STALLED.gap("it does not run any more") };
    process.hold_output();
    let streams = [(Stream::Out, bytes.out), (Stream::Err, bytes.err)].into_iter().filter(|(_, bytes)| *bytes > 0);
    let streams: Vec<Stream> = streams.map(|(stream, _)| stream).collect();
    let fullest = || streams.iter().filter_map(|stream| process.pipe(*stream)).max_by_key(|fill| fill.unread);
    let is_full = || fullest().is_some_and(|fill| fill.unread * 4 >= fill.capacity * 3);
    let begun = Instant::now();
    while !is_full() && begun.elapsed() < FILLS {
        send_rounds(peace, AT_A_TIME).await;
    }
    let begun = Instant::now();
    let mut beyond = 0;
    while is_full() && (beyond < BEYOND || begun.elapsed() < BEYOND_LEAST) && begun.elapsed() < BEYOND_BOUND {
        beyond += send_rounds(peace, AT_A_TIME).await;
    }
    let contention = contention::Watch::begin(lab);
    let (unanswered, came) = peace.unanswered(ASKED, WITHIN).await;
    let contention = contention.end();
    let fill = fullest();
    process.release_output();
    let again = peace.answered_again(AGAIN).await;
    let Some(fill) = fill else { return clause::STALLED.gap("how full its pipe was is not visible on this system") };
    let full = format!("with {} of {} bytes in the unread pipe", fill.unread, fill.capacity);
    let after = match &again {
        Ok(took) => format!("read again, it answers after {took:.1?}"),
        Err(how) => format!("read again, it does not answer within {AGAIN:?}: {how}"),
    };
    if unanswered > LATE && fill.unread > 0 {
        let what = format!("its output stalls it: {unanswered} of {ASKED} requests are not answered {full}");
        let piece = clause::STALLED.contradicts(what).exchanged(peace.line.clone(), format!("{came}; {after}"));
        return contention.excuse_given_up(piece, WITHIN);
    }
    if unanswered > 0 {
        return clause::STALLED.gap(format!("{unanswered} of {ASKED} requests came late {full}: examine it once more"));
    }
    if fill.unread * 4 < fill.capacity * 3 {
        return clause::STALLED.gap(format!("it prints too little to be stalled: it answers {full}"));
    }
    let told = format!("it answers {ASKED} of {ASKED} requests {full}, and {beyond} requests after it was full");
    if beyond < LEAST_BEYOND {
        return clause::STALLED.gap(format!("{told}: too few in {BEYOND_BOUND:?} to fill a queue behind it"));
    }
    clause::STALLED.holds(told)
}

/// The reading end is closed.
async fn gone(lab: &Lab, peace: &Peace) -> Evidence {
    let Some(process) = lab.running() else { return clause::GONE.gap("it does not run any more") };
    let idle = at_rest(lab).await;
    process.close_output();
    // What is printed first is still read.
    let closed = || [Stream::Out, Stream::Err].into_iter().any(|stream| process.output_is_closed(stream));
    rounds_until(peace, closed).await;
    let closed = closed();
    send_rounds(peace, SHOWN).await;
    let fate = afterwards(lab, peace, clause::GONE, "after the reader of its output is gone", idle).await;
    if !closed && fate.is_for() {
        return clause::GONE.gap("it printed nothing after the reader had gone");
    }
    fate
}

/// Both streams are on a full disk. `all` is what it printed before; `prints` shows that it prints for requests, or at least at its start.
async fn full(lab: &mut Lab, peace: &Peace, all: Bytes, prints: Option<&Control>) -> Evidence {
    if all.all() == 0 {
        return clause::FULL.gap("it prints nothing, neither at its start nor for requests: a full disk cannot matter");
    }
    match lab.start_with(|launch| launch.full_disk = vec![Stream::Out, Stream::Err]).await {
        Ok(_) => {
            send_rounds(peace, SHOWN).await;
            let fate =
                afterwards(lab, peace, clause::FULL, "with its output on a full disk", CoreShare::default()).await;
            prints.into_iter().fold(fate, Evidence::by)
        }
        Err(silent) => {
            let heard = lab.start_with(|launch| launch.full_disk = vec![Stream::Out]).await;
            refusal(&silent, heard.err().as_ref(), prints)
        }
    }
}

/// Judges how a start on a full disk was refused: without a stream for the reason, and with standard error for it.
fn refusal(silent: &StartFailure, heard: Option<&StartFailure>, prints: Option<&Control>) -> Evidence {
    let hangs = |failure: &StartFailure| !failure.reason.contains(" ended ");
    let Some(heard) = heard else {
        let what = "with both streams on a full disk it is not ready, with standard output alone it is";
        return if hangs(silent) {
            clause::FULL.contradicts(format!("{what}: {}", silent.reason))
        } else {
            clause::FULL.gap(format!("{what}: it cannot say why it ends: {}", silent.reason))
        };
    };
    let shown = heard.output.join(" · ");
    let says = Regex::new(r"(?i)no space|enospc|os error 28|errno 28|disk full|device full|write error");
    let clear = says.expect("the pattern is a literal").is_match(&shown);
    let code_zero = heard.reason.contains("with exit code 0 ");
    let piece = if hangs(heard) || code_zero || !clear {
        clause::FULL.contradicts(format!("with standard output on a full disk it does not start: {}", heard.reason))
    } else {
        clause::FULL.holds("with standard output on a full disk it refuses to start, and says why")
    };
    let piece = if shown.is_empty() { piece } else { piece.showing(shown) };
    prints.into_iter().fold(piece, Evidence::by)
}

/// Judges that it runs, answers and rests after the change of its output; `idle` is its CPU usage before.
async fn afterwards(lab: &Lab, peace: &Peace, clause: Clause, when: &str, idle: CoreShare) -> Evidence {
    let contention = contention::Watch::begin(lab);
    let (unanswered, came) = peace.unanswered(ASKED, WITHIN).await;
    let contention = contention.end();
    if let Some(exit) = lab.running().and_then(|process| process.exit()) {
        let how = match exit {
            Exit::Code(code) => format!("with code {code}"),
            Exit::Signal(signal) => format!("by signal {signal}"),
        };
        return clause.contradicts(format!("it ends {how} {when}"));
    }
    if unanswered > LATE {
        let what = format!("{unanswered} of {ASKED} requests are not answered {when}");
        return contention.excuse_given_up(clause.contradicts(what).exchanged(peace.line.clone(), came), WITHIN);
    }
    let now = at_rest(lab).await;
    let what = format!("it takes {} {when} without requests", now.told());
    match (now.spins(), idle.spins()) {
        (Some(true), Some(false)) => clause.contradicts(format!("it spins: {what}")),
        (Some(false), _) if unanswered > 0 => clause.gap(format!("{unanswered} of {ASKED} requests came late {when}")),
        (Some(false), _) => clause.holds(format!("it runs, answers {ASKED} of {ASKED} requests and rests {when}")),
        _ => clause.gap(format!("{what}, and {} before", idle.told())),
    }
}

async fn at_rest(lab: &Lab) -> CoreShare {
    tokio::time::sleep(lab.pace.of(REST)).await;
    CoreShare::measured(lab, lab.pace.of(IDLE).max(LEAST_IDLE)).await
}
