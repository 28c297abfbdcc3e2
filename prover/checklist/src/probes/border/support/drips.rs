//! Heads and bodies that come a byte at a time: how long the service waits for them.

use std::time::{Duration, Instant};

use http::Method;
use keel_wire::http::Request;
use keel_wire::raw::{Ended, RawConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::harmless::Harmless;
use super::writes::bodied;
use crate::control::Control;
use crate::lab::Lab;
use crate::lab::drip::{Drip, Fate, Part};
use crate::probes::support::listener::{self, Listener};

/// The most writes whose body is dripped.
pub(crate) const WRITES: usize = 4;
/// Declared length of a slow body: small enough for every limit, and longer than any patience at this pace.
const DRIPPED_BODY: usize = 1_000;
/// The most that is read of what comes back, in bytes.
const HEARD: usize = 64 << 10;
/// Time limit for sending the beginning.
const BEGIN: Duration = Duration::from_secs(5);
/// Answers to a body that had not come whole which say that its time is over: RFC 9110 names 408, some servers say 400 or a 5xx.
const TOO_LATE: [u16; 5] = [400, 408, 500, 503, 504];

/// Time limits of the waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until when a slow connection must have been cut.
    pub cut: Duration,
    /// Between two bytes of a slow connection.
    pub drip: Duration,
    /// Between two harmless requests.
    pub ask: Duration,
}

/// The end of the waits: the patience, or a later moment, where other probes run meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Until {
    patience: Patience,
    /// False until the connections need not be held any longer; none when nothing but the patience counts.
    released: Option<watch::Receiver<bool>>,
}

/// Connections that wait for a release are held no longer.
const MOST_HELD: Duration = Duration::from_secs(360);

impl Until {
    /// The patience is over.
    pub(crate) fn patience(patience: Patience) -> Self {
        Self { patience, released: None }
    }

    /// The patience is over, and the sender has said true or is gone.
    pub(crate) fn released(patience: Patience, released: watch::Receiver<bool>) -> Self {
        Self { patience, released: Some(released) }
    }

    /// Returns the time that is left for a connection that was begun then; none when it is over.
    pub(crate) fn left(&self, began: Instant) -> Option<Duration> {
        let held = began.elapsed();
        let waits =
            self.released.as_ref().is_some_and(|released| !*released.borrow() && released.has_changed().is_ok());
        match self.patience.cut.checked_sub(held).filter(|left| !left.is_zero()) {
            None if waits && held < MOST_HELD => Some(self.patience.drip),
            left => left,
        }
    }
}

/// Servers that look at their connections every 30 s cut after 60 s what they cut late.
const USUAL: Duration = Duration::from_secs(60);
/// On top of it the deadline that is declared, at most so much.
const MOST_DEADLINE: Duration = Duration::from_secs(40);

impl Patience {
    /// The one for this subject.
    pub(crate) fn of(lab: &Lab) -> Self {
        let pace = lab.pace;
        Self {
            cut: pace.of(USUAL + lab.subject.deadline.min(MOST_DEADLINE)),
            drip: pace.of(Duration::from_secs(3)),
            ask: pace.of(Duration::from_secs(2)),
        }
    }
}

/// Starts to drip a head, and the body of each declared write that is answered as declared at its usual pace; where none is
/// declared, that of `POST /`, of which nothing is known.
pub(crate) async fn start(lab: &Lab, listener: &Listener, harmless: &Harmless, until: &Until) -> JoinSet<Drip> {
    let mut drips = JoinSet::new();
    let at = listener.clone();
    let mut head = listener.head(&harmless.request, "X-Drip: ");
    head.truncate(head.len() - 2); // the empty line that would end the head
    let (control, held) = (harmless.control.clone(), until.clone());
    drips.spawn(async move {
        let sent = Some((head.clone(), b'a'));
        let fate = drip(&at, Part::Head, head, b"", &held).await;
        Drip { part: Part::Head, name: "a head that comes a byte at a time".into(), fate, control: Some(control), sent }
    });
    let specs = bodied(lab);
    for spec in specs.iter().take(WRITES) {
        let name = format!("a body of {} that comes a byte at a time", spec.name);
        match lab.control(spec).await {
            Ok(control) => {
                drop(drips.spawn(body(listener.clone(), lab.fill(spec), name, Some(control), until.clone())))
            }
            Err(failed) => {
                drips.spawn(async move {
                    Drip { part: Part::Body, name, fate: Fate::NotJudged(failed.what), control: None, sent: None }
                });
            }
        }
    }
    for spec in specs.iter().skip(WRITES) {
        let name = format!("a body of {} that comes a byte at a time", spec.name);
        let fate = Fate::NotJudged(format!("the first {WRITES} requests with a body were tried"));
        drips.spawn(async move { Drip { part: Part::Body, name, fate, control: None, sent: None } });
    }
    if specs.is_empty() {
        let request = Request::new(Method::POST, "/").header("Content-Type", "application/json");
        let name = "a body of POST / that comes a byte at a time".to_owned();
        drips.spawn(body(listener.clone(), request, name, None, until.clone()));
    }
    drips
}

async fn body(listener: Listener, request: Request, name: String, control: Option<Control>, until: Until) -> Drip {
    // White space may stand before JSON for ever; anything else begins as it was declared.
    let json = request
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().contains("json"));
    let beginning = if json { vec![b' '; DRIPPED_BODY] } else { request.body.to_vec() };
    let head = listener.head(&request, &format!("Content-Length: {DRIPPED_BODY}\r\n"));
    let sent = Some((head.clone(), if json { b' ' } else { b'a' }));
    let fate = match drip(&listener, Part::Body, head, &beginning, &until).await {
        Fate::Cut(_, how) if control.is_none() && how.starts_with("answered") => {
            Fate::NotJudged("no request with a body is known: declare one in [[requests]]".into())
        }
        fate => fate,
    };
    Drip { part: Part::Body, name, fate, control, sent }
}

/// Sends `start`, then a byte at a time, until the service ends it.
async fn drip(listener: &Listener, part: Part, start: Vec<u8>, beginning: &[u8], until: &Until) -> Fate {
    let mut connection = match begin(listener, &start).await {
        Ok(connection) => connection,
        Err(fate) => return fate,
    };
    let began = Instant::now();
    let mut heard = Vec::new();
    let mut bytes = beginning.iter().copied().chain(std::iter::repeat(b'a'));
    let pause = until.patience.drip;
    while let Some(left) = until.left(began) {
        let glance = connection.listen(HEARD, pause.min(left)).await;
        heard.extend_from_slice(&glance.bytes);
        heard.truncate(HEARD);
        if let Some((how, status)) = cut(&heard, &glance.ended) {
            return match status {
                Some(status) if part == Part::Body && !TOO_LATE.contains(&status) => {
                    Fate::NotJudged(format!("it was {how} before its body had come"))
                }
                _ => Fate::Cut(began.elapsed(), how),
            };
        }
        if connection.write(&[bytes.next().unwrap_or(b'a')], pause).await.is_err() {
            return Fate::Cut(began.elapsed(), "closed".into());
        }
    }
    Fate::Held(began.elapsed())
}

/// Sends `start` and then nothing, until the service ends it.
pub(crate) async fn idle(listener: &Listener, start: Vec<u8>, until: &Until) -> Fate {
    let mut connection = match begin(listener, &start).await {
        Ok(connection) => connection,
        Err(fate) => return fate,
    };
    let began = Instant::now();
    let mut heard = Vec::new();
    while let Some(left) = until.left(began) {
        // An answer may be larger than what is read at a time: it is read to its end, this client is idle and not slow.
        let glance = connection.listen(HEARD, left).await;
        heard.extend_from_slice(&glance.bytes);
        heard.truncate(HEARD);
        if let Some((how, _)) = cut(&heard, &glance.ended) {
            return Fate::Cut(began.elapsed(), how);
        }
    }
    Fate::Held(began.elapsed())
}

async fn begin(listener: &Listener, start: &[u8]) -> Result<RawConnection, Fate> {
    let mut connection = listener.open().await.map_err(|error| Fate::NotJudged(format!("no connection: {error}")))?;
    let written = connection.write(start, BEGIN).await;
    written.map_err(|error| Fate::NotJudged(format!("not even its beginning could be sent: {error}")))?;
    Ok(connection)
}

/// Returns the way in which the service ended the connection, by a close or a 408, and the status if it gave one.
fn cut(heard: &[u8], ended: &Ended) -> Option<(String, Option<u16>)> {
    let status = listener::answers(heard).last().map(|answer| answer.status);
    let how = match (status, ended) {
        (Some(408), _) => "answered 408".into(),
        (None, Ended::StillOpen) | (Some(_), Ended::StillOpen) => return None,
        (Some(status), _) => format!("answered {status} and closed"),
        (None, Ended::Closed) => "closed".into(),
        (None, Ended::Reset) => "reset".into(),
    };
    Some((how, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_is_held_beyond_the_patience_until_it_is_released() {
        let patience = Patience { cut: Duration::ZERO, drip: SECOND, ask: SECOND };
        let (release, released) = watch::channel(false);
        let until = Until::released(patience, released.clone());
        assert_eq!(until.left(Instant::now()), Some(SECOND));
        release.send_replace(true);
        assert_eq!(until.left(Instant::now()), None);
        assert_eq!(Until::patience(patience).left(Instant::now()), None);
        let patient = Until::released(Patience { cut: 60 * SECOND, ..patience }, released);
        assert!(patient.left(Instant::now()).is_some(), "a release does not shorten the patience");
    }

    #[test]
    fn nobody_holds_a_connection_whose_probe_is_gone() {
        let patience = Patience { cut: Duration::ZERO, drip: SECOND, ask: SECOND };
        let (release, released) = watch::channel(false);
        drop(release);
        assert_eq!(Until::released(patience, released).left(Instant::now()), None);
    }
}
