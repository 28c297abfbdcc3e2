//! Series of each declared route and of each declared dependency.

use keel_wire::http::{Client, Request};

use super::exposition::{ROUTE, Sample, Scrape};
use crate::clause::see::metrics as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::recipe::Recipe;
use crate::recipe::series::{Kind, Series};
use crate::subject::{Dependencies, RequestSpec};

/// The most routes that are asked for one by one.
const MAX_ROUTES: usize = 12;

/// Observes the series of routes and of calls.
pub(super) async fn examine(lab: &Lab, admin: &Client, path: &str) -> Vec<Evidence> {
    let mut evidence = routes(lab, admin, path).await;
    evidence.extend(calls(lab, &read(admin, path).await));
    evidence
}

async fn read(admin: &Client, path: &str) -> Scrape {
    let exchange = admin.send(Request::get(path)).await;
    Scrape::read(&exchange.answer().map(keel_wire::http::Answer::text).unwrap_or_default()).0
}

/// Each declared read must raise a series that tells routes apart.
async fn routes(lab: &Lab, admin: &Client, path: &str) -> Vec<Evidence> {
    let reads: Vec<RequestSpec> = lab.mix().into_iter().filter(RequestSpec::only_reads).collect();
    if reads.is_empty() {
        return vec![clause::EVERY_PART.gap("no GET is declared, so no route was looked for: declare [[requests]]")];
    }
    let client = lab.http();
    let mut evidence = Vec::new();
    let mut before = read(admin, path).await;
    for spec in reads.iter().take(MAX_ROUTES) {
        client.send(lab.fill(spec)).await;
        let after = read(admin, path).await;
        let by_route = |sample: &&Sample| ROUTE.iter().any(|label| sample.labels.contains_key(*label));
        let risen = after.samples.iter().filter(by_route).find(|sample| sample.value > before.value(sample));
        evidence.push(match risen {
            Some(sample) => clause::EVERY_PART.holds(format!("{} raises {}", spec.name, sample.shown())),
            None => {
                let what = format!("{} raises no series by route", spec.name);
                clause::EVERY_PART.contradicts(what).reproduced_by(Recipe::Series(Series {
                    path: path.to_owned(),
                    request: lab.fill(spec),
                    times: 1,
                    lost: 0,
                    kind: Kind::Any,
                    series: format!("[{{,]({})=", ROUTE.join("|")),
                    by: None,
                }))
            }
        });
        before = after;
    }
    if reads.len() > MAX_ROUTES {
        evidence.push(
            clause::EVERY_PART.gap(format!("only {MAX_ROUTES} of {} declared GETs were looked for", reads.len())),
        );
    }
    evidence
}

/// Each declared dependency must be named by a series.
fn calls(lab: &Lab, scrape: &Scrape) -> Vec<Evidence> {
    let Dependencies::Declared(dependencies) = &lab.subject.dependencies else {
        let what =
            "its dependencies are not declared, so no series of calls was looked for: declare [dependencies.NAME]";
        return vec![clause::EVERY_PART.gap(what)];
    };
    let told = |name: &String| {
        let address = lab.proxy(name).map(|proxy| proxy.address().to_string());
        let word = name.to_lowercase();
        let names =
            |text: &str| text.to_lowercase().contains(&word) || address.as_ref().is_some_and(|at| text.contains(at));
        let sample = scrape
            .samples
            .iter()
            .find(|sample| names(&sample.name) || sample.labels.values().any(|value| names(value)));
        match sample {
            Some(sample) => clause::EVERY_PART.holds(format!("calls to {name} are shown by {}", sample.shown())),
            None => {
                clause::EVERY_PART.gap(format!("no series names {name}: whether calls to it are shown was not seen"))
            }
        }
    };
    dependencies.iter().map(|dependency| told(&dependency.name)).collect()
}
