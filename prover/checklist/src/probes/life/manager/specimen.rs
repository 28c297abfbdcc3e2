//! Servers for `life.manager`.

use crate::probes::life::specimen::{Flaw, GOOD, live};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    GOOD.holds("stays in the foreground and tells its manager"),
    Server::new("life-needs-home", |port| live(Flaw::NeedsHome, port)).falls_short("does not start without HOME"),
    Server::new("life-pid-file", |port| live(Flaw::PidFile, port)).falls_short("writes a PID file"),
    Server::new("life-silent", |port| live(Flaw::Silent, port)).falls_short("says nothing to its manager"),
    Server::new("life-no-watchdog", |port| live(Flaw::NoWatchdog, port))
        .falls_short("says nothing to the watchdog of its manager"),
    Server::new("life-watchdog-once", |port| live(Flaw::WatchdogOnce, port))
        .falls_short("says once that it is well, and never again")
        .liar(),
    Server::new("life-too-soon", |port| live(Flaw::TooSoon, port)).falls_short("says READY=1 before it listens"),
    Server::new("life-stray", |port| live(Flaw::Stray, port)).falls_short("starts a process that leaves its group"),
    Server::new("life-daemon", |port| live(Flaw::Daemon, port)).falls_short("goes into the background, out of reach"),
];
