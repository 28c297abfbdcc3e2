//! Tells what happens in an examination while it runs: a line for each finding, with the time so far and the time left.

use std::time::{Duration, Instant};

use keel_checklist::examination::Event;
use keel_checklist::first_try::FirstTry;
use keel_checklist::forecast::Forecast;
use keel_checklist::report::{plain, word};

use crate::progress::Progress;

/// The duration from which on that of a probe is told.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// The voice of an examination that is under way, on standard error.
pub(super) struct Teller {
    /// None when nothing is to be told.
    progress: Option<Progress>,
    since: Instant,
    /// The estimated durations of the probes, in their order.
    estimates: Vec<Duration>,
    running: Option<Running>,
}

/// The probe that runs.
struct Running {
    /// Its number, from 1.
    number: usize,
    id: String,
    since: Instant,
}

impl Teller {
    /// Says what begins.
    pub(super) fn begin(subject: &str, forecasts: &[Forecast], quiet: bool) -> Self {
        let estimates: Vec<Duration> = forecasts.iter().map(|forecast| forecast.takes).collect();
        let teller = Self { progress: (!quiet).then(Progress::new), since: Instant::now(), estimates, running: None };
        if !teller.estimates.is_empty() {
            let (probes, left) = (teller.estimates.len(), about(teller.after(0)));
            teller.line(&format!("keel: examining {} with {probes} probes, {left}", plain(subject)));
        }
        teller
    }

    /// Tells an event.
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Tried(first_try) => told(first_try).iter().for_each(|line| self.line(line)),
            Event::Begins { number, id, .. } => {
                self.running = Some(Running { number: *number, id: (*id).to_owned(), since: Instant::now() });
                self.tick();
            }
            Event::Found { number, count, finding, took } => {
                self.running = None;
                let left =
                    if number == count { "done".to_owned() } else { format!("~{} left", clock(self.after(*number))) };
                let width = count.to_string().len();
                let took =
                    if *took < WORTH_TELLING { String::new() } else { format!("  ({:.0} s)", took.as_secs_f64()) };
                self.line(&format!(
                    "{number:>width$}/{count}  {}  {left:<11}  {:<15} {:<22} {}{took}",
                    clock(self.since.elapsed()),
                    word(finding.verdict()),
                    finding.id(),
                    plain(finding.summary()),
                ));
            }
        }
    }

    /// Writes over the line on a terminal.
    pub(super) fn tick(&self) {
        let (Some(progress), Some(Running { number, id, since })) = (&self.progress, &self.running) else { return };
        let own = self.estimates.get(number.saturating_sub(1)).copied().unwrap_or_default();
        let left = self.after(*number) + own.saturating_sub(since.elapsed());
        let (count, gone) = (self.estimates.len(), clock(self.since.elapsed()));
        progress.show(&format!("{number}/{count}  {gone}  ~{} left  {id}", clock(left)));
    }

    /// Returns true if a progress line is shown.
    pub(super) fn ticks(&self) -> bool {
        self.progress.as_ref().is_some_and(Progress::is_shown)
    }

    /// The estimated duration of the probes after one, by its number; of all after none.
    fn after(&self, number: usize) -> Duration {
        self.estimates.iter().skip(number).sum()
    }

    fn line(&self, text: &str) {
        if let Some(progress) = &self.progress {
            progress.line(text);
        }
    }
}

/// The outcome of the first try, in lines.
fn told(first_try: &FirstTry) -> Vec<String> {
    let FirstTry { declared, sent, left_out, departures } = first_try;
    if *declared == 0 {
        let what = "no request is declared, so only GET / is known to work: declare [[requests]] in keel.toml";
        return vec![format!("keel: {what}")];
    }
    let mut lines: Vec<String> = departures
        .iter()
        .map(|departure| format!("keel: not as declared: {}", plain(&departure.to_string())))
        .collect();
    let wrong: std::collections::BTreeSet<&str> = departures.iter().map(|departure| departure.name.as_str()).collect();
    let mut summary = format!("keel: {} of {sent} requests are answered as declared", sent.saturating_sub(wrong.len()));
    if !left_out.is_empty() {
        let names = plain(&left_out.join(", "));
        summary.push_str(&format!("; not tried, as they are declared slow or to crash: {names}"));
    }
    if !wrong.is_empty() {
        summary.push_str("; probes that need the others will find out little");
    }
    lines.push(summary);
    lines
}

/// Minutes and seconds, such as 4:05.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// A duration in words, rounded up.
pub(super) fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 60 => format!("about {} s", seconds.max(1)),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use keel_checklist::first_try::Departure;

    use super::*;

    #[test]
    fn durations_are_printed_in_seconds_and_minutes() {
        assert_eq!((clock(Duration::from_secs(245)), clock(Duration::ZERO)), ("4:05".to_owned(), "0:00".to_owned()));
        let seconds = |seconds| about(Duration::from_secs(seconds));
        assert_eq!([seconds(0), seconds(59), seconds(61)], ["about 1 s", "about 59 s", "about 2 min"]);
    }

    #[test]
    fn first_try_report_lists_each_departure_before_its_summary() {
        let departure = Departure {
            name: "look".to_owned(),
            request: "GET /x".to_owned(),
            expected: "200".to_owned(),
            answer: "404".to_owned(),
            advice: "correct it".to_owned(),
        };
        let first_try =
            FirstTry { declared: 3, sent: 2, left_out: vec!["boom".to_owned()], departures: vec![departure] };
        let lines = told(&first_try);
        assert_eq!(lines[0], "keel: not as declared: look (GET /x): expected 200, was answered 404; correct it");
        assert!(
            lines[1].contains("1 of 2 requests are answered as declared") && lines[1].contains("boom"),
            "{lines:?}"
        );
        assert!(told(&FirstTry::default())[0].contains("no request is declared"));
    }
}
