//! Servers for `border.limits`.

use crate::clause::border::limits as clause;
use crate::probes::border::specimen::{PLAIN, SOUND, UNLIMITED};
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds_but_for(&[clause::TIME, clause::PROTOCOLS], "answers 431, 414 and 413"),
    UNLIMITED.falls_short("takes whatever size, count and framing"),
    PLAIN.falls_short("has no limits"),
];
