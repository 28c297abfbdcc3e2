//! The declaration of a service.

use std::future::Future;
use std::pin::Pin;

use axum::Router;
use clap::Args;
use store::Migrations;
use supervision::Stop;
use vitals::Build;

use crate::settings::NoSettings;
use crate::{Context, Dependency};

type Routes<S> = Box<dyn FnOnce(&Context<S>) -> Router>;
type Declare<S> = Box<dyn FnOnce(&S) -> Dependency>;
pub(crate) type Run<S> = Box<dyn Fn(Context<S>, Stop) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A service as it is declared; [`Service::main`] runs it.
#[must_use = "a service does nothing until main() is called"]
pub struct Service<S = NoSettings> {
    pub(crate) build: Build,
    pub(crate) about: &'static str,
    pub(crate) migrations: Option<Migrations>,
    pub(crate) dependencies: Vec<(&'static str, Declare<S>)>,
    pub(crate) routes: Option<Routes<S>>,
    pub(crate) admin_routes: Option<Routes<S>>,
    pub(crate) openapi: Option<fn() -> utoipa::openapi::OpenApi>,
    pub(crate) background: Vec<(&'static str, Run<S>)>,
    pub(crate) robots: &'static str,
}

impl Service<NoSettings> {
    /// A service without routes; [`crate::build_info!`] says what was built.
    pub fn new(build: Build) -> Self {
        Self::empty(build, "")
    }

    /// With settings of its own: every field has a flag, an environment variable and a line of help.
    pub fn settings<S: Args + Clone + Send + Sync + 'static>(self) -> Service<S> {
        Service::empty(self.build, self.about)
    }
}

impl<S: Args + Clone + Send + Sync + 'static> Service<S> {
    fn empty(build: Build, about: &'static str) -> Self {
        Self {
            build,
            about,
            migrations: None,
            dependencies: Vec::new(),
            routes: None,
            admin_routes: None,
            openapi: None,
            background: Vec::new(),
            robots: "User-agent: *\nDisallow: /\n",
        }
    }

    /// What it does, for its help.
    pub fn about(mut self, text: &'static str) -> Self {
        self.about = text;
        self
    }

    /// With a store (`DATABASE_URL`) whose schema these migrations make. The database records the service's name and is refused by others.
    pub fn store(mut self, migrations: impl Into<Migrations>) -> Self {
        self.migrations = Some(migrations.into().owned_by(self.build.name));
        self
    }

    /// A dependency, by a name of its own. Calls are made by that name, `context.client().dependency("bank").get("/v1/rate")`, and guarded by its
    /// policy, as are calls to URLs at or below its URL. A URL that belongs to no dependency has a policy of the defaults. Two dependencies of one
    /// name, or at one URL, are an error at start.
    pub fn dependency(mut self, name: &'static str, declare: impl FnOnce(&S) -> Dependency + 'static) -> Self {
        self.dependencies.push((name, Box::new(declare)));
        self
    }

    /// The public listener's routes: an axum router with its state applied.
    pub fn routes(mut self, routes: impl FnOnce(&Context<S>) -> Router + 'static) -> Self {
        self.routes = Some(Box::new(routes));
        self
    }

    /// More routes for the admin listener.
    pub fn admin_routes(mut self, routes: impl FnOnce(&Context<S>) -> Router + 'static) -> Self {
        self.admin_routes = Some(Box::new(routes));
        self
    }

    /// The description of its API: served at `/openapi.json` and printed by the subcommand `openapi`.
    pub fn openapi(mut self, document: fn() -> utoipa::openapi::OpenApi) -> Self {
        self.openapi = Some(document);
        self
    }

    /// A long-running part, supervised: started anew when it panics or ends by itself, stopped before the store is.
    pub fn background<F, R>(mut self, name: &'static str, run: F) -> Self
    where
        F: Fn(Context<S>, Stop) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.background.push((name, Box::new(move |context, stop| Box::pin(run(context, stop)))));
        self
    }

    /// What `/robots.txt` says. Default: robots are to stay away.
    pub fn robots(mut self, text: &'static str) -> Self {
        self.robots = text;
        self
    }
}

impl<S> std::fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("build", &self.build).finish_non_exhaustive()
    }
}
