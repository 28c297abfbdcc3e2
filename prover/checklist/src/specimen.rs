//! Specimens: small servers that hold an attribute or deliberately do not. They show that a probe tells the two apart.
//!
//! Each probe lists its own in [`Probe::specimens`](crate::probe::Probe::specimens); `specimen NAME PORT`, an example of
//! this crate, runs one in the foreground.

use crate::clause::Clause;
use crate::finding::Verdict;

pub(crate) mod server;

/// A server with a name, which runs until it is killed.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Its name: the chapter or the attribute, then its one flaw.
    pub name: &'static str,
    /// Listens on a port of 127.0.0.1.
    pub run: fn(u16) -> !,
}

/// A server on which the verdict of a probe is known.
#[derive(Clone, Copy, Debug)]
pub struct Specimen {
    /// The server.
    pub server: Server,
    /// The verdict that the probe must come to; none for a server that other specimens call.
    pub verdict: Option<Verdict>,
    /// The clauses that the probe cannot see whole on it although it is sound; then the verdict is unknown.
    pub unseen: &'static [Clause],
    /// The reason for that verdict: its one flaw, or the property that makes it sound. A phrase.
    pub reason: &'static str,
    /// True if it looks right, so that a less thorough probe would say that it holds.
    pub is_liar: bool,
}

impl Specimen {
    /// The same, which looks right and is not.
    #[must_use]
    pub const fn liar(mut self) -> Self {
        self.is_liar = true;
        self
    }
}

impl Server {
    /// Names a server.
    pub const fn new(name: &'static str, run: fn(u16) -> !) -> Self {
        Self { name, run }
    }

    /// A specimen that holds the attribute, by this property.
    pub const fn holds(self, property: &'static str) -> Specimen {
        Specimen { server: self, verdict: Some(Verdict::Holds), unseen: &[], reason: property, is_liar: false }
    }

    /// A specimen that is sound by this property, of which the probe cannot see these clauses whole: unknown.
    pub const fn holds_but_for(self, unseen: &'static [Clause], property: &'static str) -> Specimen {
        Specimen { server: self, verdict: Some(Verdict::Unknown), unseen, reason: property, is_liar: false }
    }

    /// A specimen that falls short of the attribute, by this flaw.
    pub const fn falls_short(self, flaw: &'static str) -> Specimen {
        Specimen { server: self, verdict: Some(Verdict::FallsShort), unseen: &[], reason: flaw, is_liar: false }
    }

    /// A specimen of which nothing can be known.
    pub const fn is_unknown(self, reason: &'static str) -> Specimen {
        Specimen { server: self, verdict: Some(Verdict::Unknown), unseen: &[], reason, is_liar: false }
    }

    /// A specimen to which the attribute does not apply.
    pub const fn does_not_apply(self, reason: &'static str) -> Specimen {
        Specimen { server: self, verdict: Some(Verdict::NotApplicable), unseen: &[], reason, is_liar: false }
    }

    /// A dependency that specimens call; it is not examined.
    pub const fn is_called(self) -> Specimen {
        Specimen { server: self, verdict: None, unseen: &[], reason: "a dependency of specimens", is_liar: false }
    }
}
