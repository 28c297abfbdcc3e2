//! Landing place of a form: a refused form is often answered with its page again, or with a redirect
//! to a login.

use keel_wire::http::Exchange;

/// Returns true if the foreign form was answered as the own one: with the same status, and a redirect to the same place.
pub(super) fn is_same(own: &Exchange, foreign: &Exchange) -> bool {
    let place = |exchange: &Exchange| {
        let answer = exchange.answer()?;
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok()).map(place);
        Some((answer.status, location))
    };
    place(own) == place(foreign)
}

/// The path of a Location, up to the first part with a digit in it: what was made has an id of its own.
fn place(location: &str) -> String {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = path.split('/').take_while(|part| !part.contains(|letter: char| letter.is_ascii_digit()));
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn created_objects_lead_to_the_same_place_and_a_login_does_not() {
        assert_eq!(place("/transfers/17?done"), place("http://127.0.0.1:80/transfers/0a3f-9"));
        assert_ne!(place("/transfers/17"), place("/login?next=/transfers"));
    }
}
