//! Calls that a service makes without a request: waited out where they end, and told apart where they do not.

use std::time::{Duration, Instant};

use keel_drill::double::{Call, Double};

use crate::lab::Lab;
use crate::subject::Dependency;

/// For so long there is no such call, before requests are sent to see theirs.
const QUIET: Duration = Duration::from_secs(1);
/// Until then they are waited out.
const WITHIN: Duration = Duration::from_secs(15);

/// The calls that a service goes on making without a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnCalls {
    /// The declared path of the dependency's readiness, which is looked at again and again.
    ready: Option<String>,
    /// Those that came until they were waited for no longer.
    seen: Vec<Call>,
}

impl OwnCalls {
    /// Waits until no such call comes for a moment, but those that look whether the dependency is ready.
    pub(crate) async fn wait_out(lab: &Lab, double: &Double, declared: &Dependency) -> Self {
        let since = Instant::now();
        let mut own = Self { ready: declared.ready.clone(), seen: Vec::new() };
        loop {
            double.take_calls();
            tokio::time::sleep(lab.pace.of(QUIET)).await;
            let others: Vec<Call> = double.take_calls().into_iter().filter(|call| !own.is_of(call)).collect();
            if others.is_empty() {
                return own;
            }
            if since.elapsed() > lab.pace.of(WITHIN) {
                own.seen = others;
                return own;
            }
        }
    }

    /// Returns true if such a call comes without a request.
    pub(crate) fn is_of(&self, call: &Call) -> bool {
        looks_whether_ready(self.ready.as_deref(), call) || self.seen.iter().any(|other| other.is_like(call))
    }
}

/// Returns true if the call is for the path that the dependency's readiness is declared at.
pub(crate) fn looks_whether_ready(ready: Option<&str>, call: &Call) -> bool {
    let path = call.path.split('?').next().unwrap_or_default();
    call.method.is_safe() && ready.is_some_and(|ready| ready.split('?').next() == Some(path))
}

#[cfg(test)]
mod tests {
    use keel_drill::double::Behaviour;
    use keel_wire::http::{Client, Request};

    use super::*;

    async fn calls() -> Vec<Call> {
        let double = Double::start("http://127.0.0.1:9".parse().expect("a URL")).await.expect("a port");
        double.set(Behaviour::Unavailable(None));
        let url = format!("http://{}", double.address()).parse().expect("a URL");
        let client = Client::new(url, Duration::from_secs(20));
        let requests = [
            Request::get("/livez?verbose"),
            Request::new(http::Method::POST, "/livez"),
            Request::get("/price/7a1"),
            Request::get("/price/8b2"),
            Request::get("/other"),
        ];
        for request in requests {
            client.send(request).await;
        }
        double.take_calls()
    }

    #[tokio::test]
    async fn a_look_at_the_declared_readiness_and_calls_like_those_seen_are_its_own() {
        let calls = calls().await;
        let own = OwnCalls { ready: Some("/livez".to_owned()), seen: vec![calls[2].clone()] };
        let is_of: Vec<bool> = calls.iter().map(|call| own.is_of(call)).collect();
        assert_eq!(is_of, [true, false, true, true, false]);
        assert!(calls.iter().all(|call| !OwnCalls::default().is_of(call)), "nothing is declared and nothing was seen");
    }
}
