//! `web.csrf`: a foreign page cannot make a browser change anything.
//!
//! - **Hypothesis**: each write of the mix that a browser sends with a session, sent as a foreign page can make it send it, is
//!   refused; the same form, sent by a page of the service itself, is taken.
//! - **Sent**: at most five writes of the mix, each with a fresh `{key}`: as declared; then a POST as a form (without each header
//!   that makes a browser ask first, such as a custom header or a JSON content type) in pairs that differ in one header: an own
//!   and a foreign `Origin`, then `Sec-Fetch-Site: same-origin` and `cross-site`. Of the foreign one, fields of the form that
//!   hold a token by their name are left out. A write that cannot be sent as a form is paired as declared, and its preflight sent.
//! - **Decides**: a foreign `Origin` that is taken as the own one is taken, or a preflight that lets a foreign page send the write
//!   with a session: falls short. 403 is a refusal, and so is 400, 401, 415, 419 or 422 where the form of the own page is taken,
//!   and a preflight that is not allowed; 409, 429, 5xx, and a page or a redirect that the own one does not get, say nothing.
//!   That only `Sec-Fetch-Site` is not looked at is told: browsers send `Origin` as well. A write without a session (no Cookie,
//!   no HTTP authentication, and no cookie without SameSite that the service sets) is not accused; where none has one and no
//!   cookie is set, it does not apply. Tokens of other sessions and effects behind the answer are not examined.
//! - **Blast radius**: what the writes do, five times at most.
//! - **Bound in time**: `MAX` times six exchanges and one, each bounded by `EACH`.

use std::time::Duration;

use keel_wire::http::{Client, Exchange, Request};

use self::form::{as_form, may_be_form};
use self::session::{Session, sets_cookies};
use crate::clause::web::csrf as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::Shows;
use crate::subject::{RequestSpec, State};

mod form;
#[cfg(test)]
mod judge_tests;
mod landing;
mod preflight;
mod session;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "web.csrf";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most writes that are tried.
const MAX: usize = 5;
/// The bound of one exchange.
const EACH: Duration = Duration::from_secs(3);
/// Origin of the foreign page; the name can never exist (RFC 2606).
const FOREIGN: &str = "https://foreign.invalid";
/// Status codes that refuse a form, if the same form is accepted from the service's own page.
const REFUSALS: [u16; 6] = [400, 401, 403, 415, 419, 422];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    if lab.subject.state == State::None {
        return Finding::not_applicable(ID, "state = \"none\" is declared: no request changes anything", Vec::new());
    }
    let client = lab.http().with_timeout(EACH);
    let page = client.send(Request::get("/")).await;
    let writes: Vec<RequestSpec> = lab.mix().into_iter().filter(changes).collect();
    let mut seen = Seen::default();
    for spec in writes.iter().take(MAX) {
        let own = client.send(lab.fill(spec)).await;
        if !taken(spec, &own) {
            let what = format!("{} is not taken as declared, so its foreign form says nothing", spec.name);
            seen.evidence.push(undecided(what, &own));
            continue;
        }
        let answers = [&page, &own];
        match Session::of(&lab.fill(spec), &answers) {
            None => {
                let what = format!(
                    "{} carries nothing that a browser attaches by itself: no user's session can be misused",
                    spec.name
                );
                seen.evidence.push(clause::CROSS_SITE.figure(what).with(&own));
                seen.cookieless += usize::from(!sets_cookies(&answers));
            }
            Some(session) => {
                seen.evidence.extend(Write { lab, client: &client, spec, session: &session }.examine().await);
            }
        }
    }
    seen.finding(&writes)
}

/// Evidence from the writes so far.
#[derive(Default)]
struct Seen {
    evidence: Vec<Evidence>,
    /// Writes without anything that a browser attaches, where no cookie is set either.
    cookieless: usize,
}

impl Seen {
    /// For so many writes, of which the first were examined.
    fn finding(mut self, writes: &[RequestSpec]) -> Finding {
        if !writes.is_empty() && self.cookieless == writes.len() {
            let reason = "no declared write carries anything that a browser attaches by itself, and no cookie is set";
            return Finding::not_applicable(ID, reason, self.evidence);
        }
        for spec in writes.iter().skip(MAX) {
            self.evidence.push(clause::CROSS_SITE.gap(format!("{} was not tried: {MAX} writes were", spec.name)));
        }
        if !self.evidence.iter().any(Evidence::decides) {
            let reason = "no write with a session was seen that a foreign page could send: declare the writes of forms in \
                          [[requests]], with the Cookie of a session in `headers`";
            return Finding::unknown(ID, reason, self.evidence);
        }
        Finding::judge(ID, self.evidence)
    }
}

fn changes(spec: &RequestSpec) -> bool {
    !["", "GET", "HEAD", "OPTIONS"].contains(&spec.method.to_ascii_uppercase().as_str())
}

fn taken(spec: &RequestSpec, exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| spec.expects(status.as_u16()))
}

fn undecided(what: String, exchange: &Exchange) -> Evidence {
    clause::CROSS_SITE.gap(what).with(exchange)
}

/// The header in which the two requests of a pair differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Origin,
    FetchSite,
}

/// Form in which a write may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A form of any page, without a preflight.
    Form,
    /// Everything, with headers that only a script of the own page can add.
    Declared,
}

/// Result of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Refused(u16),
    Taken(u16),
    /// It is refused for another reason, late or not at all.
    Unclear,
}

/// One write with a session, and what sends it.
struct Write<'a> {
    lab: &'a Lab,
    client: &'a Client,
    spec: &'a RequestSpec,
    session: &'a Session,
}

impl Write<'_> {
    async fn examine(&self) -> Vec<Evidence> {
        if !may_be_form(&self.spec.method) {
            return vec![self.as_declared().await];
        }
        let own = self.client.send(self.own(Shape::Form, Told::Origin)).await;
        let Ok(control) = form_taken(&own) else { return vec![self.as_declared().await] };
        let mut evidence = vec![self.pair(Told::Origin, &own, &control).await];
        let own = self.client.send(self.own(Shape::Form, Told::FetchSite)).await;
        if let Ok(control) = form_taken(&own) {
            evidence.push(self.pair(Told::FetchSite, &own, &control).await);
        }
        evidence
    }

    /// The foreign one of a pair whose own one is taken.
    async fn pair(&self, told: Told, own: &Exchange, control: &Control) -> Evidence {
        let foreign = self.client.send(self.foreign(Shape::Form, told)).await;
        judge(&self.spec.name, told, (own, &foreign), control)
    }

    /// For a write that no form can send: whether its origin is looked at besides, else whether a foreign script may send it.
    async fn as_declared(&self) -> Evidence {
        let name = &self.spec.name;
        let own = self.client.send(self.own(Shape::Declared, Told::Origin)).await;
        let control = Control::seen(
            taken(self.spec, &own),
            format!("{name} with the service's own Origin is answered as declared"),
            format!("{name} is not taken with the service's own Origin"),
        );
        let control = match control {
            Ok(control) => control,
            Err(failed) => return undecided(failed.what, &own),
        };
        let exchange = self.client.send(self.foreign(Shape::Declared, Told::Origin)).await;
        if let Fate::Refused(status) = fate(&exchange, &[403]) {
            let what =
                format!("{name} with {} is refused with {status}; with its own it is taken", Told::Origin.foreign());
            return clause::CROSS_SITE.holds(what).with(&exchange).by(&control);
        }
        let write = self.shaped(Shape::Declared);
        let asked = self.client.send(preflight::of(&write, FOREIGN)).await;
        let allowed = asked.answer().map(|answer| preflight::allows(answer.status, &answer.headers, &write, FOREIGN));
        match allowed {
            Some(true) => {
                let what =
                    format!("a script of a foreign page may send {name} with a session: its preflight is allowed");
                clause::CROSS_SITE.contradicts(what).with(&asked).reproduced_by(Recipe::again(
                    &asked,
                    Shows::Found(format!("(?im)^access-control-allow-origin: ({FOREIGN}|[*])")),
                ))
            }
            Some(false) => {
                let what = format!("no form can send {name}, and the preflight of a foreign script is not allowed");
                clause::CROSS_SITE.holds(what).with(&asked).by(&control)
            }
            None => undecided(format!("the preflight of {name} for a foreign page is not answered"), &asked),
        }
    }

    fn own(&self, shape: Shape, told: Told) -> Request {
        let request = self.session.attach(self.shaped(shape));
        match told {
            Told::Origin => request.header("Origin", self.lab.subject.url.origin().ascii_serialization()),
            Told::FetchSite => request.header("Sec-Fetch-Site", "same-origin"),
        }
    }

    fn foreign(&self, shape: Shape, told: Told) -> Request {
        let request = self.session.attach(self.shaped(shape));
        // A token that a foreign page does not know; a declared header cannot come from one, so nothing else is left out.
        let request = if shape == Shape::Form { form::without_token(request) } else { request };
        match told {
            Told::Origin => request.header("Origin", FOREIGN),
            Told::FetchSite => request.header("Sec-Fetch-Site", "cross-site"),
        }
    }

    fn shaped(&self, shape: Shape) -> Request {
        let mut request = self.lab.fill(self.spec);
        let told = ["origin", "sec-fetch-site"];
        request.headers.retain(|(name, _)| !told.contains(&name.to_ascii_lowercase().as_str()));
        if shape == Shape::Form { as_form(request) } else { request }
    }
}

impl Told {
    fn foreign(self) -> &'static str {
        match self {
            Self::Origin => "a foreign Origin",
            Self::FetchSite => "Sec-Fetch-Site: cross-site",
        }
    }
}

/// The control of a pair: the form of the own page is taken. A form may be answered with a page or a redirect where a script gets the declared status.
fn form_taken(exchange: &Exchange) -> Result<Control, Uncontrolled> {
    Control::answered(exchange, 200..=399)
}

/// Judges a form of a foreign page beside that of the service's own page, which is taken.
fn judge(name: &str, told: Told, (own, foreign): (&Exchange, &Exchange), control: &Control) -> Evidence {
    let header = told.foreign();
    match (fate(foreign, &REFUSALS), told) {
        (Fate::Refused(status), _) => {
            let what = format!("the form {name} with {header} is refused with {status}; that of its own page is taken");
            clause::CROSS_SITE.holds(what).with(foreign).by(control)
        }
        (Fate::Taken(status), _) if !landing::is_same(own, foreign) => {
            let what = format!("the form {name} with {header} is answered {status}, not as that of its own page");
            undecided(what, foreign)
        }
        (Fate::Taken(status), Told::Origin) => {
            let what = format!("the form {name} with {header} and a session is taken: {status}");
            clause::CROSS_SITE
                .contradicts(what)
                .with(foreign)
                .reproduced_by(Recipe::again(foreign, Shows::Found("^[23]".to_owned())))
        }
        (Fate::Taken(status), Told::FetchSite) => {
            let what = format!("the form {name} with {header} and no Origin is taken: {status}; browsers send both");
            clause::CROSS_SITE.figure(what).with(foreign)
        }
        (Fate::Unclear, _) => {
            undecided(format!("the answer to the form {name} with {header} does not say why"), foreign)
        }
    }
}

fn fate(exchange: &Exchange, refusals: &[u16]) -> Fate {
    match exchange.status().map(|status| status.as_u16()) {
        Some(status) if status < 400 => Fate::Taken(status),
        Some(status) if refusals.contains(&status) => Fate::Refused(status),
        _ => Fate::Unclear,
    }
}
