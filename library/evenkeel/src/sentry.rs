//! Export of reports of failures to a Sentry: the exporter by its settings, and the child that runs it.

use std::sync::Arc;
use std::time::Duration;

use supervision::{ChildSpec, Children, Stop};
use telemetry::errors::Errors;
use telemetry::otlp::FLUSH;
use telemetry::sentry::SentryExporter;
use url::Url;
use vitals::Registry;

use crate::collector::Collector;
use crate::failed::Failed;
use crate::settings::SentrySettings;

/// Time for the exporter to end, beyond that of its last reports.
const SLACK: Duration = Duration::from_millis(500);

/// Exporter that is set up and not started.
pub(crate) struct Sentry {
    exporter: SentryExporter,
    collector: Collector,
}

/// Makes the exporter; none without a DSN.
///
/// # Errors
/// When the DSN is no place that can be called.
pub(crate) fn open(
    settings: &SentrySettings,
    errors: Option<&Errors>,
    registry: &Registry,
) -> Result<Option<Sentry>, Failed> {
    let place = settings.dsn.0.as_ref().and_then(|dsn| Some((dsn, Url::parse(&dsn.url()).ok()?)));
    let (Some((dsn, url)), Some(errors)) = (place, errors) else { return Ok(None) };
    tracing::info!(endpoint = %url, "reports of failures are sent");
    let headers = vec![("X-Sentry-Auth".to_owned(), dsn.authorization())];
    let collector = Collector::new("sentry", url, headers, registry)?.of_type("application/x-sentry-envelope");
    let exporter = SentryExporter::of(errors, &settings.environment, registry);
    Ok(Some(Sentry { exporter, collector }))
}

impl Sentry {
    /// Starts the export, supervised.
    pub(crate) fn start(self, children: &mut Children) {
        let sentry = Arc::new(self);
        children.start(ChildSpec::new("sentry export").stop_within(FLUSH + SLACK), move |stop: Stop| {
            let sentry = sentry.clone();
            async move {
                sentry.exporter.run(&sentry.collector, stop.requested()).await;
                stop.requested().await;
            }
        });
    }
}
