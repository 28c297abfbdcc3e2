//! Manifests for automatic scaling, beside a server that publishes how full it is.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::clause::life::autoscale as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::call::specimen as call;
use crate::selftest::stage::Stage;
use crate::specimen::server::{Request, Response, serve};
use crate::specimen::{Server, Specimen};
use crate::subject::{Ops, Subject};

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Counts requests that wait for the dependency as well.
    CountsWaiting,
    /// Always tells the same.
    Flat,
    /// Tells the most since its start.
    Most,
}

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("scale-good", |port| publish(Flaw::None, port))
        .holds("publishes its working requests, and scales on them with bounds and a cooldown"),
    Server::new("scale-keda", |port| publish(Flaw::None, port)).holds("scales by KEDA on a query of the same signal"),
    Server::new("scale-counts-waiting", |port| publish(Flaw::CountsWaiting, port))
        .falls_short("counts requests that wait for its dependency as its own work")
        .liar(),
    Server::new("scale-flat", |port| publish(Flaw::Flat, port))
        .falls_short("publishes a signal that never moves")
        .liar(),
    Server::new("scale-most", |port| publish(Flaw::Most, port))
        .falls_short("publishes the most since its start, so that it never scales down")
        .liar(),
    Server::new("scale-no-maximum", |port| publish(Flaw::None, port)).falls_short("has no maximum"),
    Server::new("scale-flaps", |port| publish(Flaw::None, port)).falls_short("takes instances away at once"),
    Server::new("scale-renamed", |port| publish(Flaw::None, port))
        .falls_short("scales on a metric that it does not publish"),
    Server::new("scale-cpu", |port| publish(Flaw::None, port)).falls_short("scales on the processor alone"),
    Server::new("scale-rate", |port| publish(Flaw::None, port)).holds_but_for(
        &[clause::SIGNALS, clause::DEPENDENCY],
        "scales on the rate of a counter, which is not followed",
    ),
    PLAIN.is_unknown("has no manifests that are declared"),
];

/// The requests that it can work on at a time.
const PLACES: f64 = 64.0;
/// The time that a request takes.
const WORK: Duration = Duration::from_millis(30);

#[derive(Debug, Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
    all: AtomicUsize,
}

impl Gauge {
    fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.all.fetch_add(1, SeqCst);
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        let outcome = work();
        self.now.fetch_sub(1, SeqCst);
        outcome
    }
}

fn publish(flaw: Flaw, port: u16) -> ! {
    let working = Gauge::default();
    serve(port, move |request: &Request| {
        let text = |text: String| Response::new(200, "text/plain", text);
        match request.path.as_str() {
            "/metrics" => {
                let count = match flaw {
                    Flaw::Flat => 5,
                    Flaw::Most => working.most.load(SeqCst),
                    _ => working.now.load(SeqCst),
                };
                let (ratio, all) = (count as f64 / PLACES, working.all.load(SeqCst));
                text(format!(
                    "# TYPE full gauge\nfull{{resource=\"requests\"}} {ratio}\n# TYPE worked_total counter\nworked_total {all}\n"
                ))
            }
            "/price" => {
                let price =
                    || call::price().map_or_else(|why| Response::new(503, "text/plain", why), |_| text("9".into()));
                if flaw == Flaw::CountsWaiting { working.during(price) } else { price() }
            }
            _ => working.during(|| {
                std::thread::sleep(WORK);
                text("done".to_owned())
            }),
        }
    })
}

/// Writes the manifest of a specimen, and declares it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn declare(name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    let metric = |name: &str| {
        format!(
            "  - type: Pods\n    pods:\n      metric: {{ name: {name}, selector: {{ matchLabels: {{ resource: requests }} }} }}\n      \
             target: {{ type: AverageValue, averageValue: 600m }}\n"
        )
    };
    let (mut bounds, mut cooldown, mut metrics) = ("  minReplicas: 2\n  maxReplicas: 10\n", 300, metric("full"));
    match name {
        "scale-no-maximum" => bounds = "  minReplicas: 2\n",
        "scale-flaps" => cooldown = 0,
        "scale-renamed" => metrics = metric("fullness"),
        "scale-cpu" => metrics = "  - type: Resource\n    resource: { name: cpu }\n".to_owned(),
        _ => {}
    }
    let mut text = format!(
        "kind: HorizontalPodAutoscaler\nmetadata: {{ name: shop }}\nspec:\n{bounds}  metrics:\n{metrics}  behavior:\n    scaleDown:\n      \
         stabilizationWindowSeconds: {cooldown}\n"
    );
    let query = match name {
        "scale-keda" => Some("sum(full{job='shop', resource='requests'})"),
        "scale-rate" => Some("sum(rate(worked_total[1m]))"),
        _ => None,
    };
    if let Some(query) = query {
        text = format!(
            "kind: ScaledObject\nmetadata: {{ name: shop }}\nspec:\n  minReplicaCount: 2\n  maxReplicaCount: 10\n  triggers:\n  - type: \
             prometheus\n    metadata:\n      query: \"{query}\"\n      threshold: \"0.6\"\n"
        );
    }
    std::fs::write(stage.folder.join("autoscale.yml"), text)?;
    subject.metrics = Some("/metrics".to_owned());
    subject.ops = Some(Ops { folder: stage.folder.clone(), autoscale: vec!["autoscale.yml".into()], ..Ops::default() });
    Ok(())
}
