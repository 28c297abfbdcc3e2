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
    /// One of each kind that came while nothing was sent.
    seen: Vec<Call>,
}

impl OwnCalls {
    /// Waits until no such call comes for a moment. Looks whether the dependency is ready do not end, and are not waited out.
    pub(crate) async fn wait_out(lab: &Lab, double: &Double, declared: &Dependency) -> Self {
        let since = Instant::now();
        loop {
            double.take_calls();
            tokio::time::sleep(lab.pace.of(QUIET)).await;
            let seen = double.take_calls();
            let only_looks = seen.iter().all(|call| looks_whether_ready(declared, call));
            if only_looks || since.elapsed() > lab.pace.of(WITHIN) {
                return Self { seen };
            }
        }
    }

    /// Returns true if such a call comes without a request.
    pub(crate) fn is_of(&self, call: &Call) -> bool {
        self.seen.iter().any(|other| other.is_like(call))
    }
}

/// Returns true if the call is a read of the path at which the dependency is declared to be ready. `/` is no path for this alone.
fn looks_whether_ready(declared: &Dependency, call: &Call) -> bool {
    let path = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
    let ready = declared.ready.as_deref().map(path).filter(|ready| ready != "/");
    call.method.is_safe() && ready == Some(path(&call.path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
            Request::get("/"),
        ];
        for request in requests {
            client.send(request).await;
        }
        double.take_calls()
    }

    #[tokio::test]
    async fn only_reads_of_the_declared_path_look_whether_a_dependency_is_ready() {
        let dependency = |ready: Option<&str>| Dependency {
            name: "prices".to_owned(),
            env: "DEPENDENCY_URL".to_owned(),
            value: None,
            sets: BTreeMap::new(),
            listen: None,
            url: "http://127.0.0.1:9".parse().expect("a URL"),
            run: None,
            ready: ready.map(str::to_owned),
            env_of_run: BTreeMap::new(),
            many: None,
            named: None,
            trip: None,
            release: None,
        };
        let calls = calls().await;
        let look = |ready| calls.iter().map(|call| looks_whether_ready(&dependency(ready), call)).collect::<Vec<_>>();
        assert_eq!(look(Some("/livez")), [true, false, false, false, false]);
        assert_eq!(look(None), [false; 5]);
        assert_eq!(look(Some("/")), [false; 5], "work may call it as well");
    }

    #[tokio::test]
    async fn calls_like_those_that_came_while_nothing_was_sent_are_its_own() {
        let calls = calls().await;
        let own = OwnCalls { seen: vec![calls[0].clone(), calls[2].clone()] };
        let is_of: Vec<bool> = calls.iter().map(|call| own.is_of(call)).collect();
        assert_eq!(is_of, [true, false, true, true, false]);
    }
}
