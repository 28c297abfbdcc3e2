//! Three doubles in the place of a dependency: instances that share a port, at addresses of their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_drill::double::{Behaviour, Double};

use super::proxied_dependency;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::{Dependencies, Dependency, RequestSpec};

/// Addresses of the instances.
pub(crate) const ADDRESSES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 3, 1), Ipv4Addr::new(127, 0, 3, 2), Ipv4Addr::new(127, 0, 3, 3)];
/// Ports that are tried until one is free at all three addresses.
const PORTS: usize = 20;
/// Time that calls are waited for once the service runs.
const FIRST_CALL: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Time that calls may follow the answer.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// The instances, and the request that is sent to see calls to them.
pub(crate) struct Three {
    pub(crate) declared: Dependency,
    pub(crate) doubles: [Double; 3],
    pub(crate) spec: RequestSpec,
    /// Other dependencies with what was asked for, and requests that were not sent.
    pub(crate) left_out: Vec<Evidence>,
}

/// Outcome of a load.
pub(crate) struct Load {
    pub(crate) requests: usize,
    /// Those that were not answered as declared.
    pub(crate) failed: usize,
    /// Calls that came to each instance.
    pub(crate) calls: [usize; 3],
}

impl Three {
    /// Starts them for the first dependency that has what `of` asks for, with a read that uses it.
    ///
    /// # Errors
    /// The finding, where there is none, or no port.
    pub(crate) async fn start(
        id: &str,
        lab: &Lab,
        field: &str,
        of: impl Fn(&Dependency) -> Option<&String>,
    ) -> Result<Self, Finding> {
        let unknown = |reason: String| Finding::unknown(id, reason, Vec::new());
        let declared = match &lab.subject.dependencies {
            Dependencies::Unsaid => {
                return Err(unknown("its dependencies are not declared: declare [dependencies.NAME]".to_owned()));
            }
            Dependencies::Declared(declared) if declared.is_empty() => {
                let reason = "dependencies = \"none\" is declared: it calls nothing over a network";
                return Err(Finding::not_applicable(id, reason, Vec::new()));
            }
            Dependencies::Declared(declared) => declared,
        };
        let all = declared;
        let fits = |one: &&Dependency| one.url.scheme() == "http" && of(one).is_some();
        let Some(declared) = declared.iter().find(fits) else {
            let reason = format!(
                "no dependency that speaks plain HTTP has `{field}` in [dependencies.NAME], so it is not declared whether it can have more than one instance"
            );
            return Err(unknown(reason));
        };
        let mut left_out: Vec<Evidence> = all
            .iter()
            .filter(|one| one.name != declared.name && of(one).is_some())
            .map(|one| Evidence::gap(format!("{} was not examined, only {}", one.name, declared.name)))
            .collect();
        left_out.extend(all.iter().filter(|one| of(one).is_none()).map(|one| {
            let name = &one.name;
            Evidence::note(format!("{name} has no `{field}` in [dependencies.{name}], so it was not examined"))
        }));
        let Some(spec) = proxied_dependency::users(lab, &declared.name).find(RequestSpec::only_reads) else {
            return Err(unknown(format!(
                "no GET in [[requests]] uses {}: its calls are not told apart",
                declared.name
            )));
        };
        let doubles = alike(declared)
            .await
            .map_err(|error| unknown(format!("no loopback port for three doubles of {}: {error}", declared.name)))?;
        Ok(Self { declared: declared.clone(), doubles, spec, left_out })
    }

    /// Starts the subject with this in the dependency's variable, and waits until a request is answered and caused a call.
    ///
    /// # Errors
    /// The finding, when it does not start, or no call comes.
    pub(crate) async fn serve(&self, id: &str, lab: &mut Lab, value: String) -> Result<(), Finding> {
        lab.stop().await;
        let started = lab.start_with(|launch| drop(launch.env.insert(self.declared.env.clone(), value.clone()))).await;
        let unknown = |reason: String| Finding::unknown(id, reason, Vec::new());
        started
            .map_err(|failure| unknown(format!("it does not start with {} = {value}: {failure}", self.declared.env)))?;
        lab.send_mix().await;
        let since = Instant::now();
        while since.elapsed() < FIRST_CALL {
            self.take();
            if self.is_answered(lab).await && self.take().iter().sum::<usize>() > 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(unknown(format!(
            "with {} = {value} {} was not answered as declared, with a call to one of them, within {FIRST_CALL:?}",
            self.declared.env, self.spec.name
        )))
    }

    pub(crate) async fn is_answered(&self, lab: &Lab) -> bool {
        let exchange = lab.http().send(lab.fill(&self.spec)).await;
        exchange.status().is_some_and(|status| self.spec.expects(status.as_u16()))
    }

    /// Sends so many requests at a fixed rate, whether earlier ones are answered or not.
    pub(crate) async fn load(&self, lab: &Lab, every: Duration, requests: u32) -> Load {
        self.take();
        let (client, begun) = (lab.http(), Instant::now());
        let one = |number| {
            let client = &client;
            async move {
                tokio::time::sleep_until((begun + every * number).into()).await;
                let exchange = client.send(lab.fill(&self.spec)).await;
                exchange.status().is_some_and(|status| self.spec.expects(status.as_u16()))
            }
        };
        let answered = join_all((0..requests).map(one)).await;
        tokio::time::sleep(AFTERWARDS).await;
        let failed = answered.iter().filter(|answered| !**answered).count();
        Load { requests: answered.len(), failed, calls: self.take() }
    }

    /// The calls to each since the last look. Those of the request's own kind are not told from others: all are calls.
    pub(crate) fn take(&self) -> [usize; 3] {
        [0, 1, 2].map(|place| self.doubles[place].take_calls().len())
    }

    pub(crate) fn set(&self, place: usize, behaviour: Behaviour) {
        self.doubles[place].set(behaviour);
    }

    pub(crate) fn port(&self) -> u16 {
        self.doubles[0].address().port()
    }
}

impl Load {
    /// Both loads, one right after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        let calls = [0, 1, 2].map(|place| self.calls[place] + other.calls[place]);
        Self { requests: self.requests + other.requests, failed: self.failed + other.failed, calls }
    }

    /// As evidence tells it.
    pub(crate) fn told(&self) -> String {
        let [one, two, three] = self.calls;
        format!(
            "{} of {} requests were answered as declared, with {one}, {two} and {three} calls",
            self.requests - self.failed,
            self.requests
        )
    }

    /// The share of an instance in all calls.
    pub(crate) fn share(&self, place: usize) -> f64 {
        self.calls[place] as f64 / self.calls.iter().sum::<usize>().max(1) as f64
    }
}

/// Three doubles that share a port.
async fn alike(declared: &Dependency) -> std::io::Result<[Double; 3]> {
    let mut last = None;
    for _ in 0..PORTS {
        let at = |address: Ipv4Addr, port| SocketAddr::new(IpAddr::V4(address), port);
        let first = Double::start_at(at(ADDRESSES[0], 0), declared.url.clone()).await?;
        let port = first.address().port();
        let second = Double::start_at(at(ADDRESSES[1], port), declared.url.clone()).await;
        let third = Double::start_at(at(ADDRESSES[2], port), declared.url.clone()).await;
        match (second, third) {
            (Ok(second), Ok(third)) => return Ok([first, second, third]),
            (Err(error), _) | (_, Err(error)) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::Error::other("no port was tried")))
}
