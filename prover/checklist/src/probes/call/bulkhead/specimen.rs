//! Servers for `call.bulkhead`.

use crate::clause::call::bulkhead as clause;
use crate::probes::call::specimen::protected::{RATIONED, Way, ask};
use crate::probes::call::specimen::{DEPENDENCY, GOOD};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("calls-partitioned", |port| ask(Way::Partitioned, port))
        .holds_but_for(&[clause::PER_GROUP], "makes eight calls at a time, and refuses others at once"),
    Server::new("calls-shared", |port| ask(Way::Shared, port))
        .falls_short("serves eight requests at a time, without a bound for each dependency"),
    GOOD.is_unknown("its calls only time out, which is no bound"),
    Server::new("calls-trickling", |port| ask(Way::Trickling, port))
        .is_unknown("its calls begin one after the other, which is no bound"),
    Server::new("calls-labouring", |port| ask(Way::Labouring, port))
        .is_unknown("computes for 40 ms a request, one after the other, so that any load starves others"),
    RATIONED.is_unknown("a rate limit spares calls, which is no bound").liar(),
    DEPENDENCY.is_called(),
];
