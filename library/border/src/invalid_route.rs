//! Mistakes in the declaration of a route or of a bulkhead.

use resilience::InvalidRules;

/// Error of a declaration that cannot be kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRouteRules {
    /// The route is not a method and a path.
    #[error(
        "the route {route:?} is not a method and a path; write it as \"POST /orders/{{id}}\", with a method of GET, POST, PUT, PATCH, DELETE, OPTIONS"
    )]
    #[non_exhaustive]
    Route {
        /// The text.
        route: String,
    },
    /// The route was declared before.
    #[error("the rules of {route} are declared twice; declare them once")]
    #[non_exhaustive]
    Twice {
        /// The route.
        route: String,
    },
    /// No router has the route.
    #[error(
        "the rules of {route} are declared, and no router has this route; correct its method or its path, or remove the rules"
    )]
    #[non_exhaustive]
    Unrouted {
        /// The route.
        route: String,
    },
    /// A rule is looser than that of the listener, and there is no reason.
    #[error("the rules of {route} loosen {what}; say why with loosened(\"...\")")]
    #[non_exhaustive]
    NoReason {
        /// The route.
        route: String,
        /// The names of the loosened rules.
        what: String,
    },
    /// There is a reason, and nothing is looser than at the listener.
    #[error("the rules of {route} have a reason for loosening ({reason:?}) and loosen nothing; remove the reason")]
    #[non_exhaustive]
    NothingLoosened {
        /// The route.
        route: String,
        /// The reason.
        reason: String,
    },
    /// The caller of a request cannot be identified.
    #[error(
        "{route} is closed or limits the rate of each caller, and nothing identifies callers; declare how with Service::caller"
    )]
    #[non_exhaustive]
    NoCaller {
        /// The route.
        route: String,
    },
    /// The bulkhead is not declared.
    #[error("{route} is in the bulkhead {bulkhead:?}, which is not declared; declare its capacity")]
    #[non_exhaustive]
    UnknownBulkhead {
        /// The route.
        route: String,
        /// The bulkhead.
        bulkhead: String,
    },
    /// The bulkhead is declared twice, has no place, or has no route.
    #[error("the bulkhead {bulkhead:?} {wrong}")]
    #[non_exhaustive]
    Bulkhead {
        /// The bulkhead.
        bulkhead: String,
        /// The mistake, and what to do.
        wrong: &'static str,
    },
    /// A rate limit has invalid numbers.
    #[error("the rate limit of {route}: {error}")]
    #[non_exhaustive]
    Rate {
        /// The route.
        route: String,
        /// The mistake.
        error: InvalidRules,
    },
    /// A bound is outside of its range.
    #[error("the {what} of {route} must be {range}")]
    #[non_exhaustive]
    Range {
        /// The route.
        route: String,
        /// The name of the rule.
        what: &'static str,
        /// The range.
        range: &'static str,
    },
    /// A text is no media type.
    #[error("{route} declares the media type {media_type:?}; write it as \"application/json\", without parameters")]
    #[non_exhaustive]
    MediaType {
        /// The route.
        route: String,
        /// The text.
        media_type: String,
    },
    /// A text is no date.
    #[error("{route} declares the date {date:?}; write it as \"2027-01-31\"")]
    #[non_exhaustive]
    Date {
        /// The route.
        route: String,
        /// The text.
        date: String,
    },
    /// The route ends before it is deprecated.
    #[error("the sunset of {route} is before its deprecation; set it to the same date or a later one")]
    #[non_exhaustive]
    SunsetFirst {
        /// The route.
        route: String,
    },
    /// An origin is not one, or lets in too many.
    #[error("{route} declares the origin {origin:?}: {wrong}")]
    #[non_exhaustive]
    Origin {
        /// The route.
        route: String,
        /// The origin.
        origin: String,
        /// The mistake, and what to do.
        wrong: &'static str,
    },
    /// A text cannot be the value of a header.
    #[error("{route} declares {value:?} for the header {header}, which cannot have this value")]
    #[non_exhaustive]
    Header {
        /// The route.
        route: String,
        /// The header.
        header: &'static str,
        /// The text.
        value: String,
    },
}
