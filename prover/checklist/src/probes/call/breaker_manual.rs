//! `call.breaker-manual`: an operator stops calls to a dependency by hand, lets them go on, and it is seen who did it.
//!
//! - **Hypothesis**: from the moment at which the declared lever is pulled no call comes, and requests that need the dependency are
//!   refused at once; the author is told where the service is looked at, and in what it prints; when the lever is
//!   released calls come again.
//! - **Sent**: `trip` of the dependency to the admin listener, by an author of this run; 40 requests in a second; `release`; and
//!   requests until one is answered as declared, at most 15 s.
//! - **Decides**: a lever that is not answered 2xx; a call while it is pulled; a request answered as if nothing were; an author who is
//!   neither in the health document nor in the metrics, or not in what is printed; no call within 15 s of the release. Where the author is
//!   shown without a time, the clause about the time is a gap. Without a declared lever the attribute is unknown.
//! - **Blast radius**: the service is started again with the prover's double in the dependency's place, and stopped at the end.
//! - **Bound in time**: 1 s of load, 15 s, and the subject's deadline for each.

use std::time::Duration;

use keel_wire::http::{Exchange, Request};

use super::support::double_in_place::{self, Watched};
use crate::clause::call::breaker_manual as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::{Dependencies, Dependency, Lever};

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.breaker-manual";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Between two requests while the lever is pulled, and how many.
const EVERY: Duration = Duration::from_millis(25);
const REQUESTS: u32 = 40;
/// Time within which calls must come again.
const RELEASED: Duration = Duration::from_secs(15);
/// Reason that is given with the lever, for its log.
const REASON: &str = "an examination of the lever";

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    if let Dependencies::Declared(declared) = &lab.subject.dependencies
        && !declared.is_empty()
        && declared.iter().all(|one| one.trip.is_none() || one.release.is_none())
    {
        let names: Vec<&str> = declared.iter().map(|one| one.name.as_str()).collect();
        return Finding::unknown(ID, undeclared(&names.join(", ")), Vec::new());
    }
    double_in_place::examine(ID, lab, |lab, watched| Box::pin(with_levers(lab, watched))).await
}

/// The finding, when it is declared how calls are stopped by hand.
async fn with_levers(lab: &Lab, watched: &Watched) -> Finding {
    let declared = match &lab.subject.dependencies {
        Dependencies::Declared(declared) => declared.iter().find(|one| one.name == watched.name).cloned(),
        Dependencies::Unsaid => None,
    };
    match declared {
        Some(Dependency { trip: Some(trip), release: Some(release), .. }) => judge(lab, watched, &trip, &release).await,
        _ => Finding::unknown(ID, undeclared(&watched.name), Vec::new()),
    }
}

fn undeclared(name: &str) -> String {
    format!(
        "it is not declared how an operator stops calls to {name}: declare `trip` and `release` in [dependencies.NAME]"
    )
}

async fn judge(lab: &Lab, watched: &Watched, trip: &Lever, release: &Lever) -> Finding {
    let (name, author) = (&watched.name, format!("keel-{}", watched.double.address().port()));
    let pulled = pull(lab, trip, &author).await;
    if !was_done(&pulled) {
        let what = format!("the lever that stops calls to {name} is not answered as done");
        return Finding::judge(ID, vec![clause::TRIP.contradicts(what).with(&pulled)]);
    }
    watched.double.take_calls();
    let answers = watched.load(lab, lab.pace.of(EVERY), REQUESTS).await;
    let calls = watched.double.take_calls().len();
    let expected = |exchange: &&Exchange| exchange.status().is_some_and(|status| watched.spec.expects(status.as_u16()));
    let as_ever = answers.iter().filter(expected).count();
    let what = format!(
        "with the lever pulled {REQUESTS} requests caused {calls} calls to {name}, {as_ever} were answered as ever"
    );
    let mut evidence = watched.controlled(vec![tripped(calls, as_ever, what)]);
    evidence.extend(told(lab, &author).await);
    let released = pull(lab, release, &author).await;
    if was_done(&released) {
        let back = watched.well_again(lab, RELEASED).await;
        let what = match back {
            Some(after) => format!("calls came again {after:.1?} after the lever was released"),
            None => format!("no call came within {RELEASED:?} after the lever was released"),
        };
        evidence.push(clause::RELEASE.saw(back.is_some(), what));
    } else {
        let what = format!("the lever that lets calls to {name} go on is not answered as done");
        evidence.push(clause::RELEASE.contradicts(what).with(&released));
    }
    Finding::judge(ID, watched.controlled(evidence))
}

/// Judges the calls while the lever is pulled, and the answers that were as ever.
fn tripped(calls: usize, as_ever: usize, what: String) -> Evidence {
    clause::TRIP.saw(calls == 0 && as_ever == 0, what)
}

/// Judges that author and time of the lever are shown: on the service, and in its output.
async fn told(lab: &Lab, author: &str) -> [Evidence; 2] {
    let (mut looked, mut shown) = (Vec::new(), Vec::new());
    for path in [&lab.subject.health, &lab.subject.metrics].into_iter().flatten() {
        let exchange = lab.admin().send(Request::get(path)).await;
        let text = exchange.answer().map(keel_wire::http::Answer::text).unwrap_or_default();
        if text.contains(author) {
            looked.push(path.as_str());
            shown.push(text);
        }
    }
    let printed: Vec<String> =
        lab.output().into_iter().map(|line| line.text).filter(|text| text.contains(author)).collect();
    let at = match looked.is_empty() {
        true => "neither health nor metrics tell who pulled it".to_owned(),
        false => format!("who pulled it is told at {}", looked.join(" and ")),
    };
    let not = if printed.is_empty() { "not " } else { "" };
    [operator_and_time(&shown, at), operator_and_time(&printed, format!("who pulled it was {not}printed"))]
}

/// Judges the texts in which the author is named.
fn operator_and_time(named: &[String], what: String) -> Evidence {
    match named {
        [] => clause::AUDIT.contradicts(what),
        _ if named.iter().any(|text| has_time(text)) => clause::AUDIT.holds(format!("{what}, with a time")),
        _ => clause::AUDIT.gap(format!("{what}, and no time with it that is known as one")),
    }
}

/// Returns true if a text has a time of RFC 3339 in it, or a number of seconds since 1970 or of a smaller unit.
fn has_time(text: &str) -> bool {
    let shape = |piece: &[u8]| {
        let digits = |from: usize, to: usize| piece[from..to].iter().all(u8::is_ascii_digit);
        digits(0, 4)
            && piece[4] == b'-'
            && digits(5, 7)
            && piece[7] == b'-'
            && digits(8, 10)
            && matches!(piece[10], b'T' | b't' | b' ')
            && digits(11, 13)
            && piece[13] == b':'
    };
    let numbers = || text.split(|letter: char| !letter.is_ascii_digit());
    text.as_bytes().windows(14).any(shape)
        || numbers().any(|number| (10..=19).contains(&number.len()) && number.starts_with('1'))
}

async fn pull(lab: &Lab, lever: &Lever, author: &str) -> Exchange {
    let method = lever.method.parse().unwrap_or(http::Method::POST);
    let mut request = Request::new(method, &lever.path);
    if let Some(json) = &lever.json {
        let text = json.to_string().replace("{author}", author).replace("{reason}", REASON);
        request = request.header("content-type", "application/json").body(text.into_bytes());
    }
    lab.admin().send(request).await
}

fn was_done(exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| status.is_success())
}
