//! `see.console`: an operator's console shows the state live and acts, audited.
//!
//! - **Hypothesis**: a number on a page rises by just the requests that were sent, and a terminal shows the same one; a lever that an operator pulls takes effect, and
//!   a page shows it; the same lever by GET, from a page of another origin, or without an identity is refused and changes nothing; who pulled it and why
//!   is in the log; pages are answered while the public side is busy.
//! - **Sent**: `REQUESTS` of the request of `number`, the levers of `[console]`, and `CLIENTS` clients of the public side at a time for as long as `LOOKS` looks take.
//! - **Decides**: the number before and after; the words of `shows` before, during and after the lever, and the answer of `stops`; the same words after each
//!   lever that must be refused; author and reason in the log or on a page; the time of the slowest look, `PROMPT` at most.
//! - **Blast radius**: what the lever does, for about a second.
//! - **Bound in time**: five times `FRESH`, and some exchanges.

use std::time::{Duration, Instant};

use keel_drill::process::{Launch, run_to_end};

use self::judge::{acted, audited, number_of, prompt, risen, untouched};
use self::looker::Looker;
use crate::clause::see::console as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::{Act, Console, Number};

mod judge;
#[cfg(test)]
mod judge_tests;
mod looker;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.console";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Requests that must be shown.
const REQUESTS: u64 = 5;
/// Time within which they must be.
const FRESH: Duration = Duration::from_secs(5);
/// Time after which earlier requests are shown.
const SETTLED: Duration = Duration::from_secs(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks at a page under load.
const LOOKS: usize = 8;
/// Clients of the public side meanwhile.
const CLIENTS: usize = 32;
/// Time for the terminal's command.
const TERMINAL: Duration = Duration::from_secs(10);

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(declared) = lab.subject.console.clone() else {
        let reason = "no console of operators is known: say its pages and levers in [console] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let looker = Looker::new(lab);
    let page = looker.look(&declared.page).await;
    let is_page = page.status().is_some_and(|status| status.is_success());
    if !is_page {
        let evidence = clause::WEB.contradicts(format!("{} shows no page", declared.page)).with(&page);
        return Finding::judge(ID, vec![evidence]);
    }
    let mut evidence = live(lab, &looker, &declared).await;
    evidence.extend(act(lab, &looker, &declared).await);
    evidence.push(under_load(lab, &looker, &declared).await);
    Finding::judge(ID, evidence)
}

/// Sends requests, and looks whether the page and the terminal show them.
async fn live(lab: &Lab, looker: &Looker, declared: &Console) -> Vec<Evidence> {
    let spec = declared.number.as_ref().and_then(|number| {
        let spec = lab.subject.requests.iter().find(|spec| spec.name == number.of)?;
        Some((number, spec.clone()))
    });
    let Some((number, spec)) = spec else {
        return vec![
            clause::LIVE.gap("no number was looked at: declare `number` in [console]"),
            clause::TERMINAL.gap("no terminal was looked at: declare `number` and `terminal` in [console]"),
        ];
    };
    // Some pages show a number only once there is something to count, and the service may have been started anew.
    drop(lab.http().send(lab.fill(&spec)).await);
    // Requests that were sent before are shown by then.
    tokio::time::sleep(lab.pace.of(SETTLED)).await;
    let Some(first) = number_on(looker, number).await else {
        let what = format!("{} has no number of its pattern: mend `number` in [console]", number.page);
        return vec![clause::LIVE.gap(what.clone()), clause::TERMINAL.gap(what)];
    };
    let terminal_first = terminal(lab, declared).await;
    let before = number_on(looker, number).await;
    let steady = Control::seen(
        before == Some(first),
        "the number does not change by itself",
        "the number changes by itself: declare one in `number` of [console] that only requests change",
    );
    let mut sent = 0;
    for _ in 0..REQUESTS {
        let exchange = lab.http().send(lab.fill(&spec)).await;
        sent += u64::from(exchange.status().is_some_and(|status| spec.expects(status.as_u16())));
    }
    let steady = match steady {
        Ok(control) if sent == REQUESTS => control,
        Ok(_) => {
            let what = format!("{sent} of {REQUESTS} of {} were answered as declared", spec.name);
            return vec![clause::LIVE.gap(what.clone()), clause::TERMINAL.gap(what)];
        }
        Err(failed) => return vec![clause::LIVE.uncontrolled(&failed), clause::TERMINAL.uncontrolled(&failed)],
    };
    let begun = Instant::now();
    let mut last = number_on(looker, number).await;
    while last != Some(first + sent as f64) && begun.elapsed() < lab.pace.of(FRESH) {
        tokio::time::sleep(PAUSE).await;
        last = number_on(looker, number).await;
    }
    let (is_live, what) = risen("the page", &spec.name, first, last, sent);
    let live = clause::LIVE.saw(is_live, what).by(&steady).with(&looker.look(&number.page).await);
    let shown = match (terminal_first, terminal(lab, declared).await) {
        (Ok(first), Ok(last)) => {
            let (is_good, what) = risen("the terminal", &spec.name, first, Some(last), sent);
            clause::TERMINAL.saw(is_good, what).by(&steady)
        }
        (Err(why), _) | (_, Err(why)) => clause::TERMINAL.gap(why),
    };
    vec![live, shown]
}

/// The number of a page; none when the pattern does not find it.
async fn number_on(looker: &Looker, number: &Number) -> Option<f64> {
    number_of(&looker.text(&number.page).await, &number.pattern)
}

/// The last number that the terminal prints.
async fn terminal(lab: &Lab, declared: &Console) -> Result<f64, String> {
    let command = declared.terminal.clone().ok_or("no terminal was looked at: declare `terminal` in [console]")?;
    let launch = Launch { command, ..lab.launch() };
    let ended = run_to_end(&launch, TERMINAL).await.map_err(|error| format!("`terminal` cannot be run: {error}"))?;
    number_of(&ended.output, r"(?m)^\s*([0-9]+)\s*$")
        .ok_or_else(|| format!("`terminal` prints no line with a number alone: {}", ended.output.trim()))
}

/// Pulls the lever, as an operator and as others.
async fn act(lab: &Lab, looker: &Looker, declared: &Console) -> Vec<Evidence> {
    let (Some(lever), Some(release), Some(shows)) = (&declared.lever, &declared.release, &declared.shows) else {
        let what = "no lever was pulled: declare `lever`, `release` and `shows` in [console]";
        return [clause::ACT, clause::OPERATORS, clause::AUDITED].map(|clause| clause.gap(what)).into();
    };
    let reason = format!("drill{:08x}", lab.uptime().as_nanos() as u32 ^ std::process::id());
    let was_shown = looker.shows(shows).await;
    let written = lab.output().iter().filter(|line| line.text.contains(&reason)).count();
    let pulled = looker.pull(lever, &reason, &[]).await;
    let is_shown = looker.becomes(shows, true, lab.pace.of(FRESH)).await;
    let stopped = stopped(lab, declared).await;
    let released = looker.pull(release, &reason, &[]).await;
    let is_gone = looker.becomes(shows, false, lab.pace.of(FRESH)).await;
    let begins = Control::seen(
        !was_shown && written == 0,
        "the page did not show it before",
        "the page shows it before the lever is pulled: mend `shows` in [console]",
    );
    let (is_good, what) = acted(pulled.status(), is_shown, stopped, released.status(), is_gone);
    let acted = match &begins {
        Ok(control) => clause::ACT.saw(is_good, what).by(control).with(&pulled),
        Err(failed) => clause::ACT.uncontrolled(failed),
    };
    let works = Control::seen(is_good, "the same lever acts for an operator", "the lever does not act for an operator");
    let mut evidence = vec![acted];
    match works {
        Ok(works) => {
            evidence.push(written_down(lab, looker, declared, &reason).await.by(&works));
            evidence.extend(others(looker, declared, lever, release, &works).await);
        }
        Err(failed) => evidence.extend([clause::OPERATORS, clause::AUDITED].map(|clause| clause.uncontrolled(&failed))),
    }
    evidence
}

/// Returns true when the request of `stops` is refused now; none when it is not declared.
async fn stopped(lab: &Lab, declared: &Console) -> Option<bool> {
    let spec = lab.subject.requests.iter().find(|spec| Some(&spec.name) == declared.stops.as_ref())?;
    let exchange = lab.http().send(lab.fill(spec)).await;
    Some(!exchange.status().is_some_and(|status| spec.expects(status.as_u16())))
}

/// Looks for author and reason in the log.
async fn written_down(lab: &Lab, looker: &Looker, declared: &Console, reason: &str) -> Evidence {
    let begun = Instant::now();
    loop {
        let lines: Vec<String> =
            lab.output().into_iter().map(|line| line.text).filter(|line| line.contains(reason)).collect();
        let (is_good, what) = audited(&lines, looker.author(declared), reason);
        if is_good || begun.elapsed() > lab.pace.of(FRESH) / 5 {
            let piece = clause::AUDITED.saw(is_good, what);
            return lines.first().map_or(piece.clone(), |line| piece.showing(line.clone()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Pulls the lever by GET, as a page of another origin, and without an identity.
async fn others(looker: &Looker, declared: &Console, lever: &Act, release: &Act, works: &Control) -> Vec<Evidence> {
    let Some(shows) = &declared.shows else { return Vec::new() };
    const FOREIGN: [(&str, &str); 2] = [("origin", "https://keel.invalid"), ("sec-fetch-site", "cross-site")];
    let mut evidence = Vec::new();
    // One after the other: the effect of each is looked for before the next.
    for how in ["by GET", "from a page of another origin", "without an identity"] {
        let exchange = match (how, &declared.anonymous) {
            ("by GET", _) => looker.get(lever, "another").await,
            ("from a page of another origin", _) => looker.pull(lever, "another", &FOREIGN).await,
            (_, Some(anonymous)) => looker.pull(anonymous, "another", &[]).await,
            (_, None) => {
                let what = "no lever was pulled without an identity: declare `anonymous` in [console]";
                evidence.push(clause::OPERATORS.gap(what));
                continue;
            }
        };
        let is_shown = looker.becomes(shows, true, PAUSE * 2).await;
        if is_shown {
            let _ = looker.pull(release, "undone", &[]).await;
            let _ = looker.becomes(shows, false, FRESH).await;
        }
        let (is_good, what) = untouched(how, exchange.status(), is_shown);
        evidence.push(clause::OPERATORS.saw(is_good, what).by(works).with(&exchange));
    }
    evidence
}

/// Looks at the page while the public side is busy.
async fn under_load(lab: &Lab, looker: &Looker, declared: &Console) -> Evidence {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (http, request) = (lab.http(), lab.harmless());
        clients.spawn(async move {
            loop {
                let _ = http.send(request.clone()).await;
            }
        });
    }
    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        looks.push(looker.look(&declared.page).await);
    }
    clients.abort_all();
    let (is_good, what) = prompt(&looks);
    looks.iter().take(1).fold(clause::WEB.saw(is_good, what), |piece, look| piece.with(look))
}
