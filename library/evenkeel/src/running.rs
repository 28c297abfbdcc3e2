//! Embedded services: one that runs inside a test, or in a program with a runtime of its own.

use std::ffi::OsString;
use std::net::SocketAddr;

use clap::Args;
use supervision::{Lifecycle, Manager};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitals::Registry;

use crate::asked::{self, Asker, Haste};
use crate::configuration::{Configuration, configure};
use crate::context::Context;
use crate::database::Database;
use crate::failed::Failed;
use crate::order::Record;
use crate::parts::Stopped;
use crate::run::{Bound, State};
use crate::service::Service;
use crate::settings::NoSettings;
use crate::stop_budget::StopBudget;

/// A service that was started by [`Service::start`].
///
/// Dropping it asks the service to stop and does not wait for it.
#[derive(Debug)]
#[must_use = "dropping it stops the service"]
pub struct Running<S = NoSettings, D: Database = ()> {
    public: SocketAddr,
    admin: SocketAddr,
    lifecycle: Lifecycle,
    budget: StopBudget,
    state: watch::Receiver<State<S, D>>,
    asker: Asker,
    task: JoinHandle<Result<Stopped, Failed>>,
}

/// The service ended before it was ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service ended before it was ready: {}", .reason.as_deref().unwrap_or("the stop was requested"))]
#[non_exhaustive]
pub struct NotReady {
    /// Reason for the end; none when it was requested. [`Running::stop`] returns the whole error.
    pub reason: Option<String>,
}

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Service<S, D> {
    /// Starts the service on the runtime of the caller, with these arguments as after the program's name. Settings that they
    /// do not name come from the environment, as for [`Service::main`].
    ///
    /// Returns as soon as both addresses are bound; [`Running::ready`] waits until it serves. It installs no signal handlers and no logger, and
    /// does not speak to the process manager, so that many services can run in one process. Cancel-safe: it does not wait, and dropping its result
    /// stops the service.
    ///
    /// ```
    /// use evenkeel::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let hello = Service::new(build_info!()).routes(|_context| Router::new().route("/hello", get(async || "hello")));
    /// let running = hello.start(["--host=127.0.0.1", "--port=0", "--admin-addr=127.0.0.1:0"]).await?;
    /// running.ready().await?;
    /// let answer = running.client().get(&running.url("/hello")).send().await?;
    /// assert_eq!(&answer.body[..], b"hello");
    /// let stopped = running.stop().await?;
    /// assert_eq!(stopped.connections_cut, 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Failed::Settings`] with every mistake, or [`Failed::Listen`]. Later errors are the error of [`Running::stop`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn start<A: Into<OsString>>(
        self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Running<S, D>, Failed> {
        let arguments = std::iter::once(self.build.name.into()).chain(arguments.into_iter().map(Into::into));
        let (configuration, _subcommand) = configure(&self, arguments)?;
        Running::launch(self, configuration, Registry::new(), Manager::none(), Record::default())
    }
}

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Running<S, D> {
    /// Binds the addresses and starts the parts in a task.
    pub(crate) fn launch(
        service: Service<S, D>,
        configuration: Configuration<S, D>,
        registry: Registry,
        manager: Manager,
        record: Record,
    ) -> Result<Self, Failed> {
        let bound = Bound::new(service, configuration, registry, manager, record)?;
        let (public, admin) = (bound.public_address(), bound.admin_address());
        let (lifecycle, budget) = (bound.lifecycle().clone(), bound.budget());
        let (asker, asked) = asked::channel();
        let (states, state) = watch::channel(State::Starting);
        let task = tokio::spawn(bound.run(asked, states));
        Ok(Self { public, admin, lifecycle, budget, state, asker, task })
    }

    /// Returns the address of the public listener. Connections to it are refused until the service is ready.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Returns the address of the admin listener, which answers from the start on.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Returns when the service is ready, with the context of its routes. Cancel-safe.
    ///
    /// # Errors
    /// [`NotReady`] when it ended before.
    pub async fn ready(&self) -> Result<Context<S, D>, NotReady> {
        let mut state = self.state.clone();
        match state.wait_for(|state| !matches!(state, State::Starting)).await.as_deref() {
            Ok(State::Ready(context)) => Ok(context.clone()),
            Ok(State::Ended(reason)) => Err(NotReady { reason: reason.clone() }),
            Ok(State::Starting) | Err(_) => Err(NotReady { reason: None }),
        }
    }

    /// Requests the stop, as SIGINT does: requests in flight finish, there is no drain delay. Returns when the service has stopped, within
    /// `STOP_TIMEOUT`. Cancel-safe: when the future is dropped, the service still stops.
    ///
    /// # Errors
    /// The error that ended the start or the run.
    pub async fn stop(self) -> Result<Stopped, Failed> {
        self.asker.ask(Haste::AtOnce);
        self.wait().await
    }

    /// Returns when the service has stopped, without requesting it. When the future is dropped (it is not cancel-safe), the service stops.
    ///
    /// # Errors
    /// The error that ended the start or the run.
    pub async fn wait(self) -> Result<Stopped, Failed> {
        let Self { asker, task, .. } = self;
        let outcome = task.await;
        drop(asker);
        outcome?
    }

    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    pub(crate) fn budget(&self) -> StopBudget {
        self.budget
    }

    pub(crate) fn lifecycle(&self) -> Lifecycle {
        self.lifecycle.clone()
    }
}

#[cfg(feature = "client")]
impl<S: Args + Clone + Send + Sync + 'static, D: Database> Running<S, D> {
    /// Returns a client for calls to the service. It has the default bounds and no guards: a test sees each failure as it is.
    pub fn client(&self) -> client::Client {
        let client = client::Client::new(client::Bounds::default());
        for (name, url) in [("public", self.url("/")), ("admin", self.admin_url("/"))] {
            let declared = client.declare(client::Declaration::new(name, &url).rules(resilience::Rules::NONE));
            debug_assert!(declared.is_ok(), "two names and two addresses are no mistake");
        }
        client
    }

    /// Returns the URL of a path of the public listener. The path begins with `/`.
    ///
    /// # Panics
    /// When the path is none.
    pub fn url(&self, path: &str) -> url::Url {
        url_of(self.public, path)
    }

    /// Returns the URL of a path of the admin listener. The path begins with `/`.
    ///
    /// # Panics
    /// When the path is none.
    pub fn admin_url(&self, path: &str) -> url::Url {
        url_of(self.admin, path)
    }
}

#[cfg(feature = "client")]
fn url_of(address: SocketAddr, path: &str) -> url::Url {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{reachable}{path}").parse().expect("a path that begins with / makes a URL")
}
