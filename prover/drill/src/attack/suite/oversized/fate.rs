//! The fate of a request that is too large, and requests in growing sizes until one is refused.

use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::evidence::{Evidence, Mark};
use keel_wire::raw::{Ended, Heard};

/// The fate of a request that no service should take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A 4xx about the shape of the request, or 501 or 505.
    Refused(u16),
    /// Closed or reset without an answer.
    Closed,
    /// Answered like any other request.
    Served(u16),
    /// A 5xx: it broke something.
    Failed(u16),
    /// Neither answered nor closed in time.
    Silent,
}

/// Tells a refusal from an answer that any request would have got.
pub(super) fn fate(heard: &Heard, baseline: u16) -> Fate {
    match heard.status() {
        // 503 is what overload looks like, and it is a refusal in order.
        Some(status @ (501 | 503 | 505)) => Fate::Refused(status),
        Some(status) if status >= 500 => Fate::Failed(status),
        Some(status) if is_refusal(status) && status != baseline => Fate::Refused(status),
        Some(status) => Fate::Served(status),
        None if heard.ended == Ended::StillOpen => Fate::Silent,
        None => Fate::Closed,
    }
}

/// A 4xx that speaks about the shape of the request, not about who asks for what.
fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && ![401, 403, 404, 405].contains(&status)
}

impl Fate {
    /// The evidence of it; that it was served says nothing yet when a larger one follows.
    pub(super) fn evidence(self, subject: &str, context: &Context<'_>, last: bool) -> Option<Evidence> {
        let (mark, what) = match self {
            Self::Refused(status) => (Mark::Right, format!("{subject}: refused with {status}")),
            Self::Closed => (Mark::Right, format!("{subject}: refused by a closed connection, without a 4xx")),
            Self::Served(_) if !last => return None,
            Self::Served(status) => (Mark::Wrong, format!("{subject}: taken and answered {status}: there is no limit")),
            Self::Failed(status) => (Mark::Wrong, format!("{subject}: answered {status}: it is not refused, it fails")),
            Self::Silent => {
                let answer = context.bounds.answer;
                (Mark::Wrong, format!("{subject}: neither answered nor closed within {answer:?}"))
            }
        };
        Some(Evidence::new(mark, what))
    }
}

/// Sends the same thing in growing sizes, until one is refused.
pub(super) async fn grow(
    context: &Context<'_>,
    what: &str,
    sizes: &[usize],
    make: impl Fn(&Context<'_>, usize) -> Vec<u8>,
) -> Vec<Evidence> {
    for (place, size) in sizes.iter().enumerate() {
        let bytes = make(context, *size);
        let subject = what.replace("{}", &size.to_string());
        let heard = match context.exchange(&bytes, context.bounds.answer).await {
            Ok(heard) => heard,
            Err(excuse) => return vec![excuse.evidence(&subject)],
        };
        let last = place + 1 == sizes.len();
        if let Some(evidence) = fate(&heard, context.baseline).evidence(&subject, context, last) {
            return vec![evidence.exchange(answers::shown(&bytes), answers::told(&heard))];
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_is_not_what_any_request_gets() {
        let heard = |bytes: &[u8], ended| Heard { bytes: bytes.to_vec(), ended, took: Duration::ZERO };
        let answered = |status: u16| heard(format!("HTTP/1.1 {status} X\r\n\r\n").as_bytes(), Ended::StillOpen);
        assert_eq!(fate(&answered(431), 200), Fate::Refused(431));
        assert_eq!(fate(&answered(404), 200), Fate::Served(404));
        assert_eq!(fate(&answered(400), 400), Fate::Served(400));
        assert_eq!(fate(&answered(500), 200), Fate::Failed(500));
        assert_eq!(fate(&heard(b"", Ended::Reset), 200), Fate::Closed);
        assert_eq!(fate(&heard(b"", Ended::StillOpen), 200), Fate::Silent);
    }
}
