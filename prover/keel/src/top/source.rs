//! The service, asked over HTTP: its metrics, its questions, its changes.

use std::io::Read;
use std::time::{Duration, SystemTime};

use flate2::read::GzDecoder;
use http::Method;
use keel_wire::http::{Answer, Client, Failure, MAX_BODY_KEPT, Request};
use url::Url;

use super::exposition::Exposition;
use super::inside::{Panel, Table};
use super::reading::Reading;

/// The time for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of metrics after decompression.
const MAX_METRICS: u64 = 32 << 20;
/// The most bytes of an error's detail that are shown.
const MAX_DETAIL: usize = 200;

/// The service.
#[derive(Clone)]
pub(super) struct Source {
    client: Client,
    /// Path and query of the metrics.
    metrics: String,
    token: Option<String>,
}

impl Source {
    /// Creates the source at the address; without a path the metrics are at `/metrics`.
    pub(super) fn new(url: &Url, token: Option<String>) -> Self {
        let mut base = url.clone();
        base.set_path("");
        base.set_query(None);
        let path = if matches!(url.path(), "" | "/") { "/metrics" } else { url.path() };
        let metrics = url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        Self { client: Client::new(base, PATIENCE), metrics, token }
    }

    /// The operator's token.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Reads the metrics; `at` is the time since the start of `keel top`.
    pub(super) async fn reading(&self, at: Duration) -> Result<Reading, String> {
        let request = Request::get(self.metrics.clone())
            .header("accept", "text/plain;version=0.0.4")
            .header("accept-encoding", "gzip");
        let answer = self.ask(request).await.map_err(|problem| format!("no metrics at {}: {problem}", self.metrics))?;
        let text = text(&answer)?;
        let exposition = Exposition::parse(&text);
        if exposition.samples.is_empty() {
            let path = &self.metrics;
            return Err(format!(
                "{path} has no metrics in Prometheus' text format: name the address of the service's metrics"
            ));
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Reading::of(&exposition, at, now.as_secs_f64()))
    }

    /// Asks the question of a panel. A service without questions answers none of them.
    pub(super) async fn table(&self, question: &str) -> Result<Table, String> {
        let request = Request::new(Method::POST, "/debug/query")
            .header("accept", "application/json")
            .header("content-type", "text/plain; charset=utf-8")
            .body(question.to_owned());
        let answer = self.ask(request).await?;
        answer.json().as_ref().and_then(Table::read).ok_or_else(|| "the answer is no table".to_owned())
    }

    /// Asks for a change, and says what came of it.
    pub(super) async fn change(&self, request: Request) -> String {
        match self.ask(request).await {
            Ok(answer) => format!("done (status {})", answer.status.as_u16()),
            Err(problem) => format!("nothing was changed, or it is not known: {problem}"),
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, String> {
        match self.client.send(request).await.outcome {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(refusal(&answer)),
            Err(Failure::Connect(reason)) => Err(format!("no connection: {reason}")),
            Err(failure) => Err(failure.to_string()),
        }
    }
}

/// True where a panel's question was refused because the service has none of our tables.
pub(super) fn has_panel(panel: Panel, answer: &Result<Table, String>) -> bool {
    panel.question().is_none() || !answer.as_ref().is_err_and(|problem| problem.contains("(status 404)"))
}

fn text(answer: &Answer) -> Result<String, String> {
    if answer.body_length > MAX_BODY_KEPT as u64 {
        return Err(format!("the metrics have {} bytes, and {MAX_BODY_KEPT} are read at most", answer.body_length));
    }
    if !answer.header("content-encoding").eq_ignore_ascii_case("gzip") {
        return Ok(answer.text());
    }
    let mut text = Vec::new();
    let read = GzDecoder::new(&answer.body[..]).take(MAX_METRICS + 1).read_to_end(&mut text);
    read.map_err(|error| format!("the metrics cannot be decompressed: {error}"))?;
    if text.len() as u64 > MAX_METRICS {
        return Err(format!("the metrics have more than {MAX_METRICS} bytes"));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The reason in a problem document, and the status.
fn refusal(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let json = answer.json();
    let detail = json.as_ref().and_then(|json| json["detail"].as_str()).unwrap_or("the service refused");
    let detail: String = super::inside::plain(detail).chars().take(MAX_DETAIL).collect();
    format!("{detail} (status {status})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_address_is_that_of_its_metrics() {
        let metrics = |url: &str| Source::new(&url.parse().unwrap(), None).metrics;
        assert_eq!(metrics("http://127.0.0.1:8081"), "/metrics");
        assert_eq!(metrics("http://h:1/actuator/prometheus?a=b"), "/actuator/prometheus?a=b");
    }

    #[test]
    fn a_small_answer_that_decompresses_to_much_is_refused() {
        use std::io::Write;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![b'0'; 1 << 20];
        (0..40).for_each(|_| bomb.write_all(&zeros).unwrap());
        let mut headers = http::HeaderMap::new();
        headers.insert("content-encoding", http::HeaderValue::from_static("gzip"));
        let body = bomb.finish().unwrap();
        let (body_length, status) = (body.len() as u64, http::StatusCode::OK);
        let answer = Answer { status, headers, body: body.into(), body_length, first_byte: Duration::ZERO };
        assert_eq!(text(&answer).unwrap_err(), "the metrics have more than 33554432 bytes");
    }
}
