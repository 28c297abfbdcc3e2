//! The rules that guard a peer of which nothing was said.

use std::time::Duration;

use resilience::Rules;
use resilience::policy::TimeoutRules;

/// What guards calls to a peer of which nothing was said. Calls bring their own deadlines.
pub fn default_rules() -> Rules {
    // The first byte has a bound of its own.
    let timeout = Some(TimeoutRules::default().at_most(Duration::MAX));
    Rules::default().deadline(None).timeout(timeout)
}

/// What guards calls to all those for whom there is no policy of their own: they have nothing in common but the bounds.
pub(crate) fn other_rules() -> Rules {
    default_rules().breaker(None).bulkhead(None)
}
