//! Default rules for peers without rules of their own.

use std::time::Duration;

use resilience::Rules;
use resilience::policy::TimeoutRules;

/// Returns the default rules for a peer without rules of its own. Calls bring their own deadlines.
pub fn default_rules() -> Rules {
    // The first byte has a bound of its own.
    let timeout = Some(TimeoutRules::default().at_most(Duration::MAX));
    Rules::default().deadline(None).timeout(timeout)
}

/// Returns the rules for calls to all peers without a policy of their own: they share nothing but the bounds.
pub(crate) fn other_rules() -> Rules {
    default_rules().breaker(None).bulkhead(None)
}
