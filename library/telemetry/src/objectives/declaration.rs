//! Declarations of objectives, and their checks.

use std::time::Duration;

use crate::objectives::pairs::{PAIRS, PERIOD, Pair, Severity};
use crate::objectives::subject::Subject;

/// The most objectives of a service: availability and latency of a route are two.
pub const MAX_OBJECTIVES: usize = 64;
/// The shortest and the longest period.
const PERIODS: std::ops::RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(90 * 24 * 3600);
/// The share of answers from which on the time of a latency objective is one that no answer should pass.
const NEARLY_ALL: f64 = 0.99;
/// Bad answers in the long window below which there is no page.
const MIN_BAD_PAGE: u32 = 5;
/// Bad answers in the long window below which there is no ticket.
const MIN_BAD_TICKET: u32 = 2;

/// The objectives of a route, a dependency or a kind of job.
///
/// ```
/// use std::time::Duration;
/// use evenkeel_telemetry::objectives::Objective;
///
/// Objective::route("POST /transfers").availability(99.95).p99(Duration::from_millis(200));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "declare it by Service::objective"]
pub struct Objective {
    subject: Subject,
    name: Option<String>,
    availability: Option<f64>,
    latency: Option<(f64, Duration)>,
    period: Duration,
    min_bad: (u32, u32),
    alerts: bool,
}

/// Condition of a good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SloKind {
    /// It is no failure: the status of an answer is below 500, an attempt of a job succeeds.
    Availability,
    /// It is there within this time. Failures do not count.
    Latency(Duration),
}

/// One service level objective: of all answers, calls or attempts, a share is good.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// Its name, unique in the service: letters, digits and dashes.
    pub name: String,
    /// The events that it counts.
    pub subject: Subject,
    /// Condition of a good answer.
    pub kind: SloKind,
    /// The share of good answers, between 0 and 1.
    pub target: f64,
    /// The period over which the share is meant.
    pub period: Duration,
    /// False: it is shown, and makes no alerts.
    pub has_alerts: bool,
    min_bad: (u32, u32),
}

/// An objective that cannot be held or cannot alert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the objective of {place:?}: {reason}")]
pub struct InvalidObjective {
    place: String,
    reason: String,
}

impl InvalidObjective {
    /// The rules of the route say another latency objective.
    pub fn of_two(slo: &Slo, rules: &str) -> Self {
        let reason = format!(
            "{}, and its rules say {rules}: admission needs one time; declare the same one in both, or leave it out of the rules",
            slo.sentence()
        );
        Self { place: slo.place(), reason }
    }

    /// The objective is of a route or a dependency that the service does not have.
    pub fn of_unknown(slo: &Slo) -> Self {
        let reason = match &slo.subject {
            Subject::Route { pattern, .. } => {
                format!("the service has no route {pattern:?}: write the pattern as the router has it")
            }
            Subject::Dependency(name) => {
                format!("the service has no dependency {name:?}: declare it by Service::dependency")
            }
            Subject::Job(kind) => format!("no handler takes {kind:?} jobs: write Job::KIND"),
        };
        Self { place: slo.place(), reason }
    }
}

impl Objective {
    /// Begins the objectives of a route: its method and its pattern as the router has it, as in `POST /transfers`. Without a method they hold for all
    /// methods of the route together.
    pub fn route(route: impl AsRef<str>) -> Self {
        Self::of(Subject::route(route.as_ref()))
    }

    /// Begins the objectives of the calls to a dependency, by its name. Each call counts once, and not each attempt. A call without a whole
    /// answer is a failure, also when a guard refuses it.
    pub fn dependency(name: impl Into<String>) -> Self {
        Self::of(Subject::Dependency(name.into()))
    }

    /// Begins the objectives of the jobs of a kind, `Job::KIND`. An attempt that fails, panics or runs out of time is a failure; one that is put off,
    /// cancelled or interrupted does not count. Times are those of attempts that succeed, from the moment at which they were due.
    pub fn job(kind: impl Into<String>) -> Self {
        Self::of(Subject::Job(kind.into()))
    }

    fn of(subject: Subject) -> Self {
        Self {
            subject,
            name: None,
            availability: None,
            latency: None,
            period: PERIOD,
            min_bad: (MIN_BAD_PAGE, MIN_BAD_TICKET),
            alerts: true,
        }
    }

    /// Sets the name, from which those of rules and alerts are made. Default: the method and the route.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Asks for a share of answers below 500, in percent, as in 99.95. A request that the service refuses with 503 is bad; one whose client left, or
    /// sends too much (429), does not count.
    pub fn availability(self, percent: f64) -> Self {
        Self { availability: Some(percent), ..self }
    }

    /// Asks for a share of answers within a time, in percent. Failures do not count: they are the availability's. From 99 % on the time is also that
    /// of admission: requests that cannot be answered within it are refused under overload.
    pub fn latency(self, percent: f64, within: Duration) -> Self {
        Self { latency: Some((percent, within)), ..self }
    }

    /// Asks for 99 % of answers within a time.
    pub fn p99(self, within: Duration) -> Self {
        self.latency(99.0, within)
    }

    /// Sets the period, from an hour to 90 days; the windows of the alerts scale with it. Default 30 days.
    pub fn period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// Sets the number of bad answers in the long window below which there is no page, and no ticket: one failure in a quiet night is a large share of
    /// few answers. Default 5 and 2.
    pub fn min_bad(self, page: u32, ticket: u32) -> Self {
        Self { min_bad: (page, ticket), ..self }
    }

    /// Shows the objectives without alerts.
    pub fn without_alerts(self) -> Self {
        Self { alerts: false, ..self }
    }

    /// The objectives of this declaration, checked.
    fn slos(&self) -> Result<Vec<Slo>, InvalidObjective> {
        let invalid = |reason: String| InvalidObjective { place: self.subject.place(), reason };
        self.subject.check().map_err(invalid)?;
        if !PERIODS.contains(&self.period) {
            return Err(invalid(format!("its period of {:?} is not between 1 h and 90 d", self.period)));
        }
        let name = self.name.clone().unwrap_or_else(|| slug(&self.subject.place()));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 48 || !name.chars().all(is_name) {
            let reason = format!(
                "its name {name:?} is not made of 1 to 48 lower-case letters, digits and dashes; set it by Objective::named"
            );
            return Err(invalid(reason));
        }
        let availability = self.availability.map(|percent| (SloKind::Availability, percent));
        let latency = self.latency.map(|(percent, within)| (SloKind::Latency(within), percent));
        let declared: Vec<_> = availability.into_iter().chain(latency).collect();
        if declared.is_empty() {
            return Err(invalid("it asks for nothing: add .availability(99.9) or .p99(duration)".to_owned()));
        }
        declared
            .into_iter()
            .map(|(kind, percent)| {
                let slo = Slo {
                    name: format!("{name}-{}", kind.name()),
                    subject: self.subject.clone(),
                    kind,
                    target: percent / 100.0,
                    period: self.period,
                    has_alerts: self.alerts,
                    min_bad: self.min_bad,
                };
                slo.check(percent).map_err(invalid)?;
                Ok(slo)
            })
            .collect()
    }
}

impl SloKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency(_) => "latency",
        }
    }
}

impl Slo {
    fn check(&self, percent: f64) -> Result<(), String> {
        if !(percent > 0.0 && percent < 100.0) {
            return Err(format!("{percent} % is not between 0 and 100: an objective of 100 % has no budget"));
        }
        if matches!(self.kind, SloKind::Latency(Duration::ZERO)) {
            return Err("its time is zero".to_owned());
        }
        if self.has_alerts && !self.pairs().any(|pair| pair.severity == Severity::Page) {
            return Err(format!(
                "with {percent} % no outage can page: its budget is larger than a burn rate of 6 can use up; ask for more than 83.34 %, or add \
                 .without_alerts()"
            ));
        }
        Ok(())
    }

    /// Returns the same objective over another period, which scales the windows.
    pub(crate) fn over(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// The share of bad answers that it allows.
    pub fn budget(&self) -> f64 {
        1.0 - self.target
    }

    /// The pairs of windows that can alert, scaled to its period.
    pub fn pairs(&self) -> impl Iterator<Item = Pair> {
        let (budget, scale) = (self.budget(), self.period.as_secs_f64() / PERIOD.as_secs_f64());
        let scaled =
            move |pair: Pair| Pair { long: pair.long.mul_f64(scale), short: pair.short.mul_f64(scale), ..pair };
        PAIRS.into_iter().filter(move |pair| pair.is_possible(budget)).map(scaled)
    }

    /// The factors that no outage can reach.
    pub fn impossible(&self) -> impl Iterator<Item = f64> {
        let budget = self.budget();
        PAIRS.into_iter().filter(move |pair| !pair.is_possible(budget)).map(|pair| pair.factor)
    }

    /// Bad answers in the long window below which there is no alert.
    pub fn min_bad(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Page => self.min_bad.0,
            Severity::Ticket => self.min_bad.1,
        }
    }

    /// Returns true for answers that it counts.
    pub fn covers(&self, method: &str, route: &str) -> bool {
        match &self.subject {
            Subject::Route { method: known, pattern } => {
                pattern == route && known.as_deref().is_none_or(|known| known == method)
            }
            Subject::Dependency(_) | Subject::Job(_) => false,
        }
    }

    /// Returns the time within which a method of a route is to answer at least 99 % of its requests; none of another objective.
    pub fn promise(&self, method: &str, route: &str) -> Option<Duration> {
        match self.kind {
            SloKind::Latency(within) if self.target >= NEARLY_ALL && self.covers(method, route) => Some(within),
            _ => None,
        }
    }

    /// The route's pattern; none of another subject.
    pub fn pattern(&self) -> Option<&str> {
        match &self.subject {
            Subject::Route { pattern, .. } => Some(pattern),
            Subject::Dependency(_) | Subject::Job(_) => None,
        }
    }

    /// The subject, for people.
    pub fn place(&self) -> String {
        self.subject.place()
    }

    /// The objective in one sentence, without its period.
    pub fn sentence(&self) -> String {
        let percent = percent_of(self.target);
        match self.kind {
            SloKind::Availability => self.subject.succeeds(&percent),
            SloKind::Latency(within) => self.subject.ends_within(&percent, within),
        }
    }
}

/// The objectives of all declarations.
///
/// # Errors
/// The first that cannot be held, that cannot alert, or whose name is taken.
pub fn slos(declarations: &[Objective]) -> Result<Vec<Slo>, InvalidObjective> {
    let mut all: Vec<Slo> = Vec::new();
    for declaration in declarations {
        for slo in declaration.slos()? {
            let reason = if all.iter().any(|known| known.name == slo.name) {
                Some(format!("the name {} is taken: set another one by Objective::named", slo.name))
            } else {
                (all.len() == MAX_OBJECTIVES).then(|| format!("there are more than {MAX_OBJECTIVES} objectives"))
            };
            if let Some(reason) = reason {
                return Err(InvalidObjective { place: declaration.subject.place(), reason });
            }
            all.push(slo);
        }
    }
    Ok(all)
}

/// A share in percent, without zeros at its end.
pub(crate) fn percent_of(share: f64) -> String {
    let digits = format!("{:.4}", share * 100.0);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Lower-case letters and digits, with single dashes between.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn error_of(objective: Objective) -> String {
        slos(&[objective]).unwrap_err().to_string()
    }

    #[test]
    fn a_declaration_makes_an_objective_of_each_kind_with_a_name_of_its_route() {
        let all = slos(&[Objective::route("GET /accounts/{id}").availability(99.9).p99(SECOND)]).unwrap();
        let names: Vec<&str> = all.iter().map(|slo| &*slo.name).collect();
        assert_eq!(names, ["get-accounts-id-availability", "get-accounts-id-latency"]);
        assert!(all[0].covers("GET", "/accounts/{id}") && !all[0].covers("PUT", "/accounts/{id}"));
        assert_eq!(all[1].sentence(), "99 % of GET /accounts/{id} are answered within 1s");
    }

    #[test]
    fn dependencies_and_jobs_have_objectives_of_their_own() {
        let declared = [Objective::dependency("bank").availability(99.0), Objective::job("payout").p99(SECOND)];
        let all = slos(&declared).unwrap();
        let shown: Vec<_> = all.iter().map(|slo| (&*slo.name, slo.sentence())).collect();
        let expected = [
            ("dependency-bank-availability", "99 % of calls to bank are answered below 500".to_owned()),
            ("job-payout-latency", "99 % of payout jobs are done within 1s after they were due".to_owned()),
        ];
        assert_eq!(shown, expected);
        assert!(!all[0].covers("GET", "bank"));
        assert!(error_of(Objective::job("").availability(99.0)).contains("name is empty"));
    }

    #[test]
    fn objectives_that_cannot_be_held_or_cannot_alert_are_refused() {
        let post = || Objective::route("POST /a");
        assert!(error_of(post().availability(100.0)).contains("no budget"));
        assert!(error_of(post().availability(f64::NAN)).contains("not between"));
        assert!(error_of(post().availability(80.0)).contains("83.34"));
        assert!(slos(&[post().availability(80.0).without_alerts()]).is_ok());
        assert!(error_of(post()).contains("asks for nothing"));
        assert!(error_of(post().p99(Duration::ZERO)).contains("zero"));
        assert!(error_of(post().availability(99.0).period(SECOND)).contains("90 d"));
        assert!(error_of(Objective::route("a").availability(99.0)).contains("POST /transfers"));
        assert!(error_of(post().named("A b").availability(99.0)).contains("Objective::named"));
        let twice = [post().availability(99.0), Objective::route("POST /A").availability(99.0)];
        assert!(slos(&twice).unwrap_err().to_string().contains("is taken"));
    }

    #[test]
    fn an_impossible_factor_is_left_out() {
        let all = slos(&[Objective::route("/a").availability(93.0)]).unwrap();
        assert_eq!(all[0].impossible().collect::<Vec<_>>(), [14.4]);
        assert_eq!(all[0].pairs().count(), 3);
    }

    #[test]
    fn windows_scale_with_the_period() {
        let all = slos(&[Objective::route("/a").availability(99.0).period(PERIOD / 720)]).unwrap();
        assert_eq!(all[0].pairs().next().unwrap().long, Duration::from_secs(5));
    }
}
