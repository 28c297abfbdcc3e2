//! A piece of evidence: a thing that was done or read, what came of it, and its bearing on a clause.

use std::sync::Arc;

use keel_wire::http::Exchange;
use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::recipe::Recipe;

/// The bearing of a piece of evidence on its clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearing {
    /// The clause was seen to hold.
    For,
    /// The clause was seen not to hold.
    Against,
    /// A part of the clause was not examined.
    Gap,
    /// A figure or circumstance that decides nothing.
    Figure,
}

/// Something that two findings of one report may both speak of; see [`Evidence::fact`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fact {
    /// The fact as a sentence, the same in every probe that speaks of it.
    pub key: String,
    /// True if the piece says that it is so.
    pub is_so: bool,
}

/// One thing that was done or read, and what came of it.
///
/// Made by the constants of [`crate::clause`]; about one clause, except what is about the whole attribute
/// ([`Evidence::note`], a decision, a probe that was broken off).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Evidence {
    #[serde(skip)]
    attribute: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<String>,
    bearing: Bearing,
    /// The observation, as a sentence.
    pub what: String,
    /// The request or the bytes that were sent, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The answer or the bytes that came back, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came_back: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fact: Option<Fact>,
    /// True if its clause speaks of nothing here; see [`Clause::is_void`](crate::clause::Clause::is_void).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    void: bool,
    #[serde(skip)]
    recipe: Option<Arc<Recipe>>,
}

/// Two pieces that say the same are equal, however it is reproduced.
impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        (&self.clause, self.bearing, &self.what) == (&other.clause, other.bearing, &other.what)
            && (&self.sent, &self.came_back, &self.control, &self.fact)
                == (&other.sent, &other.came_back, &other.control, &other.fact)
    }
}

impl Evidence {
    /// A piece about a clause; probes use the constants of [`crate::clause`].
    pub(crate) fn about(attribute: &'static str, clause: &str, bearing: Bearing, what: String) -> Self {
        Self { attribute: Some(attribute), clause: Some(clause.to_owned()), ..Self::of_all(bearing, what) }
    }

    /// A piece about a clause of the attribute that is judged.
    pub(crate) fn about_own(clause: &str, bearing: Bearing, what: impl Into<String>) -> Self {
        Self { clause: Some(clause.to_owned()), ..Self::of_all(bearing, what) }
    }

    /// A piece about every clause of its attribute.
    pub(crate) fn of_all(bearing: Bearing, what: impl Into<String>) -> Self {
        Self {
            attribute: None,
            clause: None,
            bearing,
            what: what.into(),
            sent: None,
            came_back: None,
            control: None,
            fact: None,
            void: false,
            recipe: None,
        }
    }

    /// A circumstance of the whole examination that decides nothing, such as how often something was sent.
    pub fn note(what: impl Into<String>) -> Self {
        Self::of_all(Bearing::Figure, what)
    }

    /// A part of every clause was not examined: says why, and what to declare or change so that it can be.
    pub fn gap(what: impl Into<String>) -> Self {
        Self::of_all(Bearing::Gap, what)
    }

    /// Adds what was sent and what came back.
    #[must_use]
    pub fn with(self, exchange: &Exchange) -> Self {
        self.exchanged(exchange.sent(), exchange.came_back())
    }

    /// Adds what was sent and what came back where there is no exchange, such as on a bare connection.
    #[must_use]
    pub fn exchanged(mut self, sent: impl Into<String>, came_back: impl Into<String>) -> Self {
        self.sent = Some(sent.into());
        self.came_back = Some(came_back.into());
        self
    }

    /// Adds what came back where nothing was sent, such as a line of output.
    #[must_use]
    pub fn showing(mut self, came_back: impl Into<String>) -> Self {
        self.came_back = Some(came_back.into());
        self
    }

    /// Names the control of an experiment: what was shown beforehand, so that the experiment could have failed.
    #[must_use]
    pub fn by(mut self, control: &Control) -> Self {
        self.control = Some(control.what().to_owned());
        self
    }

    /// Says that this piece is about a fact that another finding may speak of as well, and whether it says that it is so. The
    /// report compares them when the run ends: findings that contradict each other do not hold.
    #[must_use]
    pub fn fact(mut self, key: impl Into<String>, is_so: bool) -> Self {
        self.fact = Some(Fact { key: key.into(), is_so });
        self
    }

    /// Says how the fault is shown without keel. Counts only where the piece is against its clause.
    #[must_use]
    pub fn reproduced_by(mut self, recipe: Recipe) -> Self {
        self.recipe = Some(Arc::new(recipe));
        self
    }

    /// Returns the recipe of a short script that reproduces the fault, if there is one.
    pub fn recipe(&self) -> Option<&Recipe> {
        self.recipe.as_deref()
    }

    /// The attribute whose clause it is about.
    pub(crate) fn attribute(&self) -> Option<&'static str> {
        self.attribute
    }

    /// The clause that it is about; none for the whole attribute.
    pub fn clause(&self) -> Option<&str> {
        self.clause.as_deref()
    }

    /// Its bearing.
    pub fn bearing(&self) -> Bearing {
        self.bearing
    }

    /// Returns true if it is for or against its clause.
    pub fn decides(&self) -> bool {
        matches!(self.bearing, Bearing::For | Bearing::Against)
    }

    /// Returns true if it is for its clause.
    pub fn is_for(&self) -> bool {
        self.bearing == Bearing::For
    }

    /// Returns true if it is against its clause.
    pub fn is_against(&self) -> bool {
        self.bearing == Bearing::Against
    }

    /// Returns true if it is a circumstance of the whole that decides nothing.
    pub(crate) fn is_note(&self) -> bool {
        self.bearing == Bearing::Figure
    }

    /// The control of the experiment, when it names one.
    pub fn control(&self) -> Option<&str> {
        self.control.as_deref()
    }

    /// The fact that it speaks of, when it names one.
    pub fn stated(&self) -> Option<&Fact> {
        self.fact.as_ref()
    }

    /// Says that there is nothing that it could be about, as was declared.
    pub(crate) fn void(mut self) -> Self {
        self.void = true;
        self
    }

    /// Returns true if it only repeats a declaration that there is nothing to see: no experiment was made.
    pub fn is_void(&self) -> bool {
        self.void
    }

    /// Turns a piece for a clause into a gap, with the reason.
    pub(crate) fn refuse(&mut self, reason: &str) {
        self.bearing = Bearing::Gap;
        self.what = format!("{reason}: {}", self.what);
    }
}
