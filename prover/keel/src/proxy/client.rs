//! Talks to a running server.

use std::time::Duration;

use http::Method;
use keel_wire::http::{Client, Failure, Request};
use serde_json::Value;
use url::Url;

/// The default server of toxiproxy-cli.
const SERVER: &str = "http://localhost:8474";
/// As long as toxiproxy-cli waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server's interface.
pub(super) struct Driver(Client);

impl Driver {
    /// At this URL, or `TOXIPROXY_URL`, or the usual place.
    pub(super) fn new(host: Option<String>) -> Result<Self, String> {
        let host = host.or_else(|| std::env::var("TOXIPROXY_URL").ok()).unwrap_or_else(|| SERVER.to_owned());
        let url = if host.contains("://") { host.clone() } else { format!("http://{host}") };
        let url = Url::parse(&url).map_err(|error| format!("--host {host}: {error}; say http://HOST:PORT"))?;
        if url.scheme() != "http" || !url.has_host() {
            return Err(format!("--host {host}: say http://HOST:PORT"));
        }
        Ok(Self(Client::new(url, PATIENCE)))
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, String> {
        self.ask(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> Result<Value, String> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, String> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), String> {
        self.ask(Method::DELETE, path, None).await.map(drop)
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, String> {
        let mut url = self.0.base().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        let request = Request::new(method, url.path()).header("user-agent", "keel-proxy");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let exchange = self.0.send(request).await;
        let answer = match exchange.outcome {
            Ok(answer) => answer,
            Err(Failure::Connect(reason)) => {
                return Err(format!(
                    "no server at {}: {reason}; start one with `keel proxy`, or name another with --host",
                    self.0.base()
                ));
            }
            Err(failure) => return Err(format!("the server at {}: {failure}", self.0.base())),
        };
        let json = answer.json();
        if answer.status.is_success() {
            return Ok(json.unwrap_or_default());
        }
        let reason = json.as_ref().and_then(|json| json["error"].as_str()).unwrap_or("it does not say why").to_owned();
        Err(format!("HTTP {}: {reason}", answer.status.as_u16()))
    }
}
