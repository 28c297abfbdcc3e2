//! Servers for `ship.make`, which reads the declared repository: any server will do.

use crate::probes::ship::specimen::GOOD;
use crate::specimen::Specimen;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[GOOD.is_unknown("no repository is declared")];
