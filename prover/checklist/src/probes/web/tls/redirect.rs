//! The plain port: it only redirects to https.

use http::Method;
use keel_wire::http::{Client, Exchange, Request};
use url::Url;

use crate::clause::web::tls as clause;
use crate::control::{Control, Uncontrolled};
use crate::evidence::Evidence;
use crate::lab::Lab;

/// The bound of one exchange.
const EACH: std::time::Duration = std::time::Duration::from_secs(5);

/// Asks the plain port for a page, and sends it a form.
pub(super) async fn examine(lab: &Lab) -> Evidence {
    let Some(plain) = &lab.subject.plain else {
        return clause::REDIRECT.gap("no plain port is declared: say `plain = \"http://…\"` in [service]");
    };
    let over_tls = lab.http().with_timeout(EACH).send(Request::get("/")).await;
    let control = Control::answered(&over_tls, 200..=399);
    let client = Client::new(plain.clone(), EACH);
    let page = client.send(Request::get("/")).await;
    let form = client.send(Request::new(Method::POST, "/")).await;
    judge(plain, control, &page, &form)
}

/// Judges the answers of the plain port to GET and POST.
pub(super) fn judge(plain: &Url, control: Result<Control, Uncontrolled>, page: &Exchange, form: &Exchange) -> Evidence {
    let control = match control {
        Ok(control) => control,
        Err(failed) => return clause::REDIRECT.uncontrolled(&failed),
    };
    for exchange in [page, form] {
        let asked = format!("{} {plain}", exchange.request.method);
        let Some(answer) = exchange.answer() else {
            return clause::REDIRECT.gap(format!("{asked} was not answered")).with(exchange);
        };
        let status = answer.status.as_u16();
        let location = answer.header("location");
        let leads_to_https = matches!(status, 301 | 302 | 303 | 307 | 308) && location.starts_with("https://");
        let is_refused = exchange.request.method == Method::POST && (400..500).contains(&status);
        if !leads_to_https && !is_refused {
            let told = if location.is_empty() { String::new() } else { format!(" to {location}") };
            let what = format!("{asked} is answered {status}{told}, and not with a redirect to https");
            return clause::REDIRECT.contradicts(what).with(exchange);
        }
    }
    clause::REDIRECT.holds("the plain port redirects GET to https, and takes no POST").by(&control).with(page)
}
