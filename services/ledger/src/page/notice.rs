//! The notice about the last form: one of these sentences, so that an address cannot choose its words.

use evenkeel::prelude::*;
use evenkeel::store;

use crate::error::LedgerError;

/// Outcome of a submitted form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The money moved.
    Moved,
    /// No money moved: the overdraft limit.
    Insufficient,
    /// No money moved: two currencies.
    OtherCurrency,
    /// No money moved: the input is invalid.
    NotMoved,
    /// An account was opened.
    Opened,
    /// No account was opened: the input is invalid.
    NotOpened,
    /// No session was started: the name is empty or too long.
    NoName,
    /// The session was ended.
    SignedOut,
    /// Nothing was done: there is no session.
    SignInFirst,
}

impl Notice {
    const ALL: [Self; 9] = [
        Self::Moved,
        Self::Insufficient,
        Self::OtherCurrency,
        Self::NotMoved,
        Self::Opened,
        Self::NotOpened,
        Self::NoName,
        Self::SignedOut,
        Self::SignInFirst,
    ];

    /// The name in the page's address.
    fn name(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Insufficient => "insufficient",
            Self::OtherCurrency => "other-currency",
            Self::NotMoved => "not-moved",
            Self::Opened => "opened",
            Self::NotOpened => "not-opened",
            Self::NoName => "no-name",
            Self::SignedOut => "signed-out",
            Self::SignInFirst => "sign-in-first",
        }
    }

    /// The notice of this name; none for another.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.name() == name)
    }

    /// Returns true for a success.
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Moved | Self::Opened | Self::SignedOut)
    }

    /// The sentence.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Moved => "Done: the money has moved.",
            Self::Insufficient => "Nothing was moved: the paying account would pass its overdraft.",
            Self::OtherCurrency => "Nothing was moved: the two accounts have different currencies.",
            Self::NotMoved => "Nothing was moved: choose two different accounts and an amount above zero, as in 12.50.",
            Self::Opened => "Done: the account is open.",
            Self::NotOpened => {
                "No account was opened: a currency has three capitals, as in EUR, and an overdraft is an amount, as in \
                 100.00."
            }
            Self::NoName => "You are not signed in: write a name of at most 60 letters.",
            Self::SignedOut => "Done: you are signed out.",
            Self::SignInFirst => "Nothing was done: sign in first.",
        }
    }

    /// Returns the notice for a submitted transfer.
    pub(super) fn of_transfer(recorded: &store::Recorded) -> Self {
        let answer = &recorded.answer;
        if answer.status < 300 {
            return Self::Moved;
        }
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match problem["type"].as_str() {
            Some("/problems/insufficient-funds") => Self::Insufficient,
            Some("/problems/currency") => Self::OtherCurrency,
            _ => Self::NotMoved,
        }
    }

    /// Redirects back to the page, with the notice.
    pub(super) fn shown(self) -> Response {
        let to = format!("/?said={}", self.name());
        (StatusCode::SEE_OTHER, [(evenkeel::axum::http::header::LOCATION, to)]).into_response()
    }

    /// Returns the notice in place of an error of invalid input; any other error stays one.
    pub(super) fn instead_of(self, error: LedgerError) -> Result<Response, LedgerError> {
        match error {
            LedgerError::Refused(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => Ok(self.shown()),
            error => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_is_found_by_its_name_and_nothing_else_is() {
        for notice in Notice::ALL {
            assert_eq!(Notice::named(notice.name()), Some(notice));
        }
        assert_eq!(Notice::named("<script>"), None);
    }
}
