//! The forecast of an examination, made before anything is started: the probes that will run, the declarations that each lacks, and
//! its duration.

mod durations;
mod needs;

use std::time::Duration;

pub use self::needs::Need;
use crate::subject::Subject;

/// The forecast of one probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The attribute's id.
    pub id: &'static str,
    /// The reach of the probe.
    pub reach: Reach,
    /// The missing declarations.
    pub lacks: Vec<Need>,
    /// The estimated duration.
    pub takes: Duration,
}

/// The part of an attribute that a probe can examine by the declaration alone. What it finds may say less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing that it needs is missing.
    Whole,
    /// Some clauses will be unknown.
    Part,
    /// The attribute will be unknown.
    Unknown,
    /// The declaration says that the attribute does not apply.
    NotApplicable,
}

impl Reach {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Part => "in part",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// The forecast of the probe of an attribute on a subject.
pub fn of(id: &'static str, subject: &Subject) -> Forecast {
    let needs = needs::of(id);
    let missing = |needs: &[Need]| needs.iter().copied().filter(|need| !need.is_met(subject)).collect::<Vec<_>>();
    let (whole, part) = (missing(needs.whole), missing(needs.part));
    let reach = if needs.excluded_by.iter().any(|exclusion| exclusion.is_declared(subject)) {
        Reach::NotApplicable
    } else if !whole.is_empty() {
        Reach::Unknown
    } else if !part.is_empty() {
        Reach::Part
    } else {
        Reach::Whole
    };
    let lacks = if reach == Reach::NotApplicable { Vec::new() } else { whole.into_iter().chain(part).collect() };
    let runs = matches!(reach, Reach::Whole | Reach::Part);
    let takes = if runs { durations::of(id) } else { Duration::ZERO };
    Forecast { id, reach, lacks, takes }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::probe::PROBE_BOUND;
    use crate::probes;

    fn subject(text: &str) -> Subject {
        let service = "[service]\nrun = \"x\"\nurl = \"http://127.0.0.1:1\"\n";
        Subject::from_text("keel.toml", &text.replace("[service]\n", service), Path::new("/")).unwrap()
    }

    const BARE: &str = "[service]\n";
    const FULL: &str = r#"
        [service]
        state = "durable"
        data = ["data"]
        [dependencies.rail]
        env = "RAIL"
        url = "http://127.0.0.1:2"
        [[requests]]
        name = "open"
        method = "POST"
        path = "/a"
        json = { a = 1 }
        save = { a = "/id" }
        read = "/a/{a}"
        idempotent = "Key"
        [[requests]]
        name = "pay"
        path = "/p"
        uses = ["rail"]
    "#;

    #[test]
    fn a_bare_declaration_lacks_what_call_timeout_needs() {
        let forecast = of("call.timeout", &subject(BARE));
        assert_eq!((forecast.reach, forecast.takes), (Reach::Unknown, Duration::ZERO));
        assert!(forecast.lacks[0].declare().contains("[dependencies.NAME]"), "{forecast:?}");
    }

    #[test]
    fn a_declaration_that_is_there_is_not_lacking() {
        let subject = subject(FULL);
        for id in ["call.timeout", "life.kill", "border.unenumerable", "border.limits"] {
            assert_eq!(of(id, &subject).reach, Reach::Whole, "{:?}", of(id, &subject));
        }
        assert_eq!(of("call.cpu-bulkhead", &subject).reach, Reach::Unknown);
    }

    #[test]
    fn a_declaration_that_excludes_an_attribute_is_respected() {
        let none = subject("dependencies = \"none\"\n[service]\nstate = \"none\"\n");
        for id in ["call.timeout", "call.jitter", "web.csrf", "border.idempotency", "border.deadline"] {
            assert_eq!(of(id, &none).reach, Reach::NotApplicable, "{id}");
        }
        let slow = "[[requests]]\nname = \"long\"\npath = \"/\"\nslow = true\n";
        let slow = subject(&format!("dependencies = \"none\"\n[service]\nstate = \"none\"\n{slow}"));
        assert_eq!(of("border.deadline", &slow).reach, Reach::Whole);
    }

    #[test]
    fn no_forecast_is_longer_than_a_probe_may_be() {
        let subject = subject(FULL);
        for probe in probes::all() {
            assert!(of(probe.id, &subject).takes <= PROBE_BOUND, "{}", probe.id);
        }
    }

    #[test]
    fn needs_and_durations_are_of_probes_that_exist() {
        let known: Vec<&str> = probes::all().iter().map(|probe| probe.id).collect();
        for id in needs::ids().chain(durations::ids()) {
            assert!(known.contains(&id), "{id} has no probe");
        }
    }
}
