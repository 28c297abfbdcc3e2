//! The declaration of a service.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::request::Parts;
use border::{Identify, Limits};
use clap::Args;
use resilience::TickerRules;
use supervision::{ChildSpec, Stop};
use telemetry::objectives::Objective;
use vitals::Build;

use crate::Context;
use crate::change::Change;
use crate::database::Database;
use crate::declared_routes::Declared;
use crate::periodic;
use crate::security_txt::SecurityTxt;
use crate::settings::NoSettings;

type Routes<S, D> = Box<dyn FnOnce(&Context<S, D>) -> Router + Send>;
#[cfg(feature = "client")]
pub(crate) type Declare<S> = Box<dyn FnOnce(&S) -> crate::Dependency + Send>;
pub(crate) type Run<S, D> = Box<dyn Fn(Context<S, D>, Stop) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
/// Routes of the public listener that share their limits.
pub(crate) struct RouteGroup<S, D> {
    /// Changes to the listener's limits.
    pub(crate) limits: Option<Change<Limits>>,
    pub(crate) routes: Routes<S, D>,
}

/// A service as it is declared; [`Service::main`] runs it as a program, [`Service::start`] inside of another one.
///
/// `S` is the type of its own settings, `D` says whether it has a store: `()` or [`Store`](crate::Store). Declarations can come in any order:
/// [`Service::settings`] and `Service::store` keep what was declared before them.
#[must_use = "a service does nothing until main() or start() is called"]
pub struct Service<S = NoSettings, D: Database = ()> {
    pub(crate) build: Build,
    pub(crate) about: &'static str,
    pub(crate) database: D::Declared,
    #[cfg(feature = "client")]
    pub(crate) dependencies: Vec<(&'static str, Declare<S>)>,
    #[cfg(feature = "client")]
    pub(crate) client_bounds: Vec<Change<client::Bounds>>,
    pub(crate) limits: Vec<Change<Limits>>,
    pub(crate) routes: Vec<RouteGroup<S, D>>,
    pub(crate) admin_routes: Vec<Routes<S, D>>,
    #[cfg(feature = "openapi")]
    pub(crate) openapi: Option<fn() -> utoipa::openapi::OpenApi>,
    pub(crate) background: Vec<(ChildSpec, Run<S, D>)>,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) declared: Declared,
    pub(crate) caller: Option<Identify>,
    pub(crate) robots: &'static str,
    pub(crate) security: Option<SecurityTxt>,
    /// The settings' type, where no dependency holds it.
    pub(crate) own: std::marker::PhantomData<fn() -> S>,
}

impl Service {
    /// Creates a service without routes, store and dependencies; [`crate::build_info!`] gives the build. Nothing happens before
    /// [`Service::main`] or [`Service::start`].
    pub fn new(build: Build) -> Self {
        Self {
            build,
            about: "",
            database: (),
            #[cfg(feature = "client")]
            dependencies: Vec::new(),
            #[cfg(feature = "client")]
            client_bounds: Vec::new(),
            limits: Vec::new(),
            routes: Vec::new(),
            admin_routes: Vec::new(),
            #[cfg(feature = "openapi")]
            openapi: None,
            background: Vec::new(),
            objectives: Vec::new(),
            declared: Declared::default(),
            caller: None,
            robots: "User-agent: *\nDisallow: /\n",
            security: None,
            own: std::marker::PhantomData,
        }
    }
}

impl<D: Database> Service<NoSettings, D> {
    /// Adds settings of its own: every field has a flag, an environment variable and a line of help. All mistakes in them are reported together,
    /// before the start, with exit code 2.
    pub fn settings<S: Args + Clone + Send + Sync + 'static>(self) -> Service<S, D> {
        #[cfg(feature = "client")]
        let dependencies = self
            .dependencies
            .into_iter()
            .map(|(name, declare)| (name, Box::new(|_: &S| declare(&NoSettings {})) as Declare<S>))
            .collect();
        Service {
            build: self.build,
            about: self.about,
            database: self.database,
            #[cfg(feature = "client")]
            dependencies,
            #[cfg(feature = "client")]
            client_bounds: self.client_bounds,
            limits: self.limits,
            routes: self.routes.into_iter().map(|group| group_for(group, plain)).collect(),
            admin_routes: self.admin_routes.into_iter().map(|routes| routes_for(routes, plain)).collect(),
            #[cfg(feature = "openapi")]
            openapi: self.openapi,
            background: self.background.into_iter().map(|(spec, run)| (spec, run_for(run, plain))).collect(),
            objectives: self.objectives,
            declared: self.declared,
            caller: self.caller,
            robots: self.robots,
            security: self.security,
            own: std::marker::PhantomData,
        }
    }
}

#[cfg(feature = "store")]
impl<S: Send + Sync + 'static> Service<S> {
    /// Adds a store (`DATABASE_URL`, by default `sqlite:data/NAME.db`) with these migrations; the database records the service's name and refuses
    /// others. The migrations are applied at the start, before the service is ready (`MIGRATE`). Its routes and background parts have a
    /// `Context<S, Store>` from here on.
    pub fn store(self, migrations: impl Into<store::Migrations>) -> Service<S, store::Store> {
        Service {
            build: self.build,
            about: self.about,
            database: crate::database::Declared {
                migrations: migrations.into().owned_by(self.build.name),
                options: Vec::new(),
                has_jobs: false,
            },
            #[cfg(feature = "client")]
            dependencies: self.dependencies,
            #[cfg(feature = "client")]
            client_bounds: self.client_bounds,
            limits: self.limits,
            routes: self.routes.into_iter().map(|group| group_for(group, storeless)).collect(),
            admin_routes: self.admin_routes.into_iter().map(|routes| routes_for(routes, storeless)).collect(),
            #[cfg(feature = "openapi")]
            openapi: self.openapi,
            background: self.background.into_iter().map(|(spec, run)| (spec, run_for(run, storeless))).collect(),
            objectives: self.objectives,
            declared: self.declared,
            caller: self.caller,
            robots: self.robots,
            security: self.security,
            own: std::marker::PhantomData,
        }
    }
}

#[cfg(feature = "store")]
impl<S> Service<S, store::Store> {
    /// Changes the options of the store, after the settings have set theirs (`DATABASE_POOL_SIZE` and the like).
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// # use std::time::Duration;
    /// Service::new(build_info!())
    ///     .store(Vec::new())
    ///     .store_options(|options| options.idempotency_retention = Duration::from_secs(86_400));
    /// ```
    pub fn store_options(mut self, change: impl FnOnce(&mut store::Options) + Send + 'static) -> Self {
        self.database.options.push(Box::new(change));
        self
    }
}

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Service<S, D> {
    /// Sets the description in the help.
    pub fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// Declares a dependency, by a name of its own. Calls are made by that name, `context.client().dependency("bank").get("/v1/rate")`, and guarded by
    /// its policy, as are calls to URLs at or below its URL. A URL that belongs to no dependency has a policy of the defaults. Two dependencies of one
    /// name, or at one URL, are an error at start.
    #[cfg(feature = "client")]
    pub fn dependency(
        mut self,
        name: &'static str,
        declare: impl FnOnce(&S) -> crate::Dependency + Send + 'static,
    ) -> Self {
        self.dependencies.push((name, Box::new(declare)));
        self
    }

    /// Changes the bounds of the client's calls, whose defaults are those of [`client::Bounds`]. Each call can set bounds of its own.
    #[cfg(feature = "client")]
    pub fn client_bounds(mut self, change: impl FnOnce(&mut client::Bounds) + Send + 'static) -> Self {
        self.client_bounds.push(Box::new(change));
        self
    }

    /// Adds routes of the public listener: an axum router with its state applied.
    ///
    /// The paths `/robots.txt` and `/openapi.json` are the service's alone when it routes them itself. Any other path with two handlers is an error
    /// of the start, which names the path. Called again, it adds further routes.
    pub fn routes(mut self, routes: impl FnOnce(&Context<S, D>) -> Router + Send + 'static) -> Self {
        self.routes.push(RouteGroup { limits: None, routes: Box::new(routes) });
        self
    }

    /// Adds routes with limits of their own: an upload with a larger body, an answer that takes longer than others.
    ///
    /// `change` gets the limits of the other routes. Those of connections, of admission and of the protocol are the listener's; a change of
    /// them has no effect here.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// # use std::time::Duration;
    /// Service::new(build_info!()).routes_with(
    ///     |limits| {
    ///         limits.body_bytes = 100 << 20;
    ///         limits.deadline = Duration::from_secs(600);
    ///     },
    ///     |_context| Router::new().route("/upload", post(async |body: String| body.len().to_string())),
    /// );
    /// ```
    pub fn routes_with(
        mut self,
        change: impl FnOnce(&mut Limits) + Send + 'static,
        routes: impl FnOnce(&Context<S, D>) -> Router + Send + 'static,
    ) -> Self {
        self.routes.push(RouteGroup { limits: Some(Box::new(change)), routes: Box::new(routes) });
        self
    }

    /// Changes the limits of the public listener, after the settings have set theirs (`MAX_BODY_BYTES` and the like). [`Limits`] lists the defaults.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits) + Send + 'static) -> Self {
        self.limits.push(Box::new(change));
        self
    }

    /// Declares the share of good answers of a route, of good calls to a dependency, or of good attempts of a kind of job: below 500 or without a failure, and in time. Each is counted exactly; burn rates and the state of the
    /// alert are in the table `objective`, and the subcommand `observe` writes rules, dashboards and playbooks from it. A request that is slower
    /// than the objective is always traced.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// # use std::time::Duration;
    /// Service::new(build_info!())
    ///     .routes(|_context| Router::new().route("/hello", get(async || "hello")))
    ///     .objective(Objective::route("GET /hello").availability(99.9).p99(Duration::from_millis(200)));
    /// ```
    pub fn objective(mut self, objective: Objective) -> Self {
        self.objectives.push(objective);
        self
    }

    /// Adds routes of the admin listener. `/metrics` and `/health` are the service's alone when it routes them itself.
    pub fn admin_routes(mut self, routes: impl FnOnce(&Context<S, D>) -> Router + Send + 'static) -> Self {
        self.admin_routes.push(Box::new(routes));
        self
    }

    /// Sets the description of its API, served at `/openapi.json` and printed by the subcommand `openapi`. Problem documents and the
    /// answers of the border are added to it, see [`crate::openapi::complete`].
    #[cfg(feature = "openapi")]
    pub fn openapi(mut self, document: fn() -> utoipa::openapi::OpenApi) -> Self {
        self.openapi = Some(document);
        self
    }

    /// Adds a long-running part, supervised: restarted when it panics or returns, stopped before the store is. A name is enough; a [`ChildSpec`]
    /// sets how it restarts and stops. By default it has 5 s to end after its [`Stop`], and then it is cut off at an await. A part that fails for
    /// 5 min ends the process with exit code 1.
    pub fn background<F, R>(mut self, spec: impl Into<ChildSpec>, run: F) -> Self
    where
        F: Fn(Context<S, D>, Stop) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.background.push((spec.into(), Box::new(move |context, stop| Box::pin(run(context, stop)))));
        self
    }

    /// Adds periodic work: one round each `period`, a tenth of it early or late, the first one at a random moment within a period so that
    /// instances that start together do not work in step. Rounds of one process never overlap, and missed ones are skipped. A failed round is
    /// logged, and the next one tries again. The stop cancels a round at its next await.
    ///
    /// Each instance of the service has rounds of its own: work that only one of them may do needs a lock in the database.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// # use std::time::Duration;
    /// Service::new(build_info!()).store(Vec::new()).every("expiry", Duration::from_secs(600), async |context| {
    ///     let delete = "DELETE FROM links WHERE expires < 1700000000";
    ///     context.store().write(|tx| Box::pin(tx.execute(delete, args![]))).await.map(drop)
    /// });
    /// ```
    ///
    /// # Panics
    /// When the period is zero or longer than [`MAX_PERIOD`](resilience::ticker::MAX_PERIOD).
    #[track_caller]
    pub fn every<F, R, E>(self, name: &'static str, period: Duration, round: F) -> Self
    where
        F: Fn(Context<S, D>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send,
    {
        let rules = TickerRules::every(period);
        if let Err(wrong) = rules.check() {
            panic!("the periodic work {name:?}: {wrong}");
        }
        self.background(name, move |context, stop| {
            let round = round.clone();
            async move { periodic::run(name, rules, stop, || round(context.clone())).await }
        })
    }

    /// Distinguishes callers by a request's head, from the result of authentication. Each caller has idempotency keys of its own
    /// ([`Idempotent`](crate::Idempotent)); callers without an identity share one scope.
    ///
    /// [`RouteRules::closed`](crate::RouteRules::closed) and [`RouteRules::caller_rate_limit`](crate::RouteRules::caller_rate_limit) need it: on such routes it
    /// runs before admission, so that it must be cheap and must not block.
    ///
    /// A middleware of the service can insert a [`Caller`](crate::Caller) into the request's extensions instead.
    ///
    /// ```
    /// # use evenkeel::prelude::*;
    /// // Behind a proxy that authenticates callers and sets this header.
    /// Service::new(build_info!())
    ///     .caller(|head| head.headers.get("x-client-id")?.to_str().ok().map(str::to_owned));
    /// ```
    pub fn caller(mut self, identify: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.caller = Some(Identify::by(identify));
        self
    }

    /// Sets the text of `/robots.txt`. Default: robots are to stay away.
    pub fn robots(mut self, text: &'static str) -> Self {
        self.robots = text;
        self
    }
}

/// Routes that were declared for one kind of context, for another.
fn routes_for<S, D, S2, D2>(routes: Routes<S, D>, narrow: fn(&Context<S2, D2>) -> Context<S, D>) -> Routes<S2, D2>
where
    S: 'static,
    D: 'static,
    S2: 'static,
    D2: 'static,
{
    Box::new(move |context| routes(&narrow(context)))
}

fn group_for<S, D, S2, D2>(group: RouteGroup<S, D>, narrow: fn(&Context<S2, D2>) -> Context<S, D>) -> RouteGroup<S2, D2>
where
    S: 'static,
    D: 'static,
    S2: 'static,
    D2: 'static,
{
    RouteGroup { limits: group.limits, routes: routes_for(group.routes, narrow) }
}

/// A background part that was declared for one kind of context, for another.
fn run_for<S, D, S2, D2>(run: Run<S, D>, narrow: fn(&Context<S2, D2>) -> Context<S, D>) -> Run<S2, D2>
where
    S: 'static,
    D: 'static,
    S2: 'static,
    D2: 'static,
{
    Box::new(move |context, stop| run(narrow(&context), stop))
}

/// A context for code that was declared before the settings.
fn plain<S, D: Clone>(context: &Context<S, D>) -> Context<NoSettings, D> {
    context.with(Arc::new(NoSettings {}), context.database().clone())
}

/// A context for code that was declared before the store.
#[cfg(feature = "store")]
fn storeless<S, D>(context: &Context<S, D>) -> Context<S> {
    context.with(context.shared_settings(), ())
}

impl<S, D: Database> std::fmt::Debug for Service<S, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("build", &self.build).finish_non_exhaustive()
    }
}
