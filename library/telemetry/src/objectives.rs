//! Service level objectives: exact counts of good and bad answers, burn rates over several windows, and the alerts that follow.
//!
//! An [`Objective`] is declared for a route, a dependency or a kind of job. Each answer, call or attempt is counted once, at its end: no percentile is read from buckets. The burn rate of a
//! window is the share of bad answers in it, divided by the share that the objective allows; an alert needs a long and a short window above the
//! same factor ([`PAIRS`]), so that it comes early and goes soon after the repair.
//!
//! Source: Google, The Site Reliability Workbook, chapter 5, "Alerting on SLOs".

mod alert;
mod declaration;
mod ladder;
mod live;
mod pairs;
mod subject;

pub use alert::Alert;
pub use declaration::{InvalidObjective, MAX_OBJECTIVES, Objective, Slo, SloKind, slos};
pub use live::{LiveObjective, Objectives};
pub use pairs::{PAIRS, PERIOD, Pair, Severity};
pub use subject::Subject;
