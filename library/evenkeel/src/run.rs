//! The program: it starts the parts of [`ORDER`], serves, and stops them in [`STOP_ORDER`].

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use border::{Border, Limits, Listener};
use clap::Args;
use client::{Bounds, Check, Client};
use store::{Options, Store};
use supervision::{Children, Ended, Lifecycle, Manager, Phase, Stop, StopSource, end_requested};
use telemetry::logs;
use vitals::{Instance, Registry};

use crate::admin::Admin;
use crate::configuration::Configuration;
use crate::context::Inner;
pub use crate::order::{ORDER, Part, STOP_ORDER};
use crate::service::{Run, Service};
use crate::settings::{Migrate, Standard, StoreSettings};
use crate::{Context, defaults, purge};

/// How long a background part may take to end.
const PART_STOP: Duration = Duration::from_secs(5);
/// How long the admin listener's last answers may take.
const ADMIN_STOP: Duration = Duration::from_secs(1);
/// Connections open at once on the admin listener.
const ADMIN_CONNECTIONS: usize = 256;

/// Why the service could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// A listener's address cannot be had.
    #[error("cannot listen on {address} ({listener} listener): {cause}; {advice}")]
    Listen {
        /// Which listener.
        listener: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
        /// What to do.
        advice: String,
    },
    /// The store cannot be opened or migrated.
    #[error("{0}")]
    Store(#[from] store::StoreError),
    /// The schema is behind, and `MIGRATE=never`.
    #[error("the store's schema lacks {pending} migrations; run the subcommand `migrate` first, or set MIGRATE=auto")]
    SchemaBehind {
        /// How many.
        pending: usize,
    },
    /// A dependency cannot be declared.
    #[error("{0}")]
    Dependency(#[from] client::DeclareError),
    /// The pool for work that computes cannot be opened.
    #[error("cannot open the pool for work that computes: {0}; set CPU_THREADS to fewer")]
    Cpu(String),
    /// The runtime cannot be built or signals cannot be handled.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// A part failed too often.
    #[error("giving up: {0}; the process manager should start it anew")]
    Escalated(String),
    /// The OpenAPI document cannot be written.
    #[error("cannot write the OpenAPI document: {0}")]
    Openapi(String),
}

/// Serves until asked to end.
pub(crate) fn serve<S: Args + Clone + Send + Sync + 'static>(
    service: Service<S>,
    configuration: Configuration<S>,
) -> Result<(), Failed> {
    let registry = Registry::new();
    // The filter was checked with the other settings.
    let logs = Part::Logs.start(|| logs::install(&configuration.standard.log, &registry).ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(start_and_serve(service, configuration, registry));
    runtime.shutdown_timeout(PART_STOP);
    Part::Logs.stop(|| drop(logs));
    done
}

/// Brings the schema up to date.
pub(crate) fn migrate<S>(service: Service<S>, configuration: Configuration<S>) -> Result<(), Failed> {
    let (Some(migrations), Some(settings)) = (service.migrations, configuration.store) else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(&settings.database, Options::default()).await?;
        let pending = store.pending(&migrations).await?.len();
        store.migrate(&migrations).await?;
        println!("{}: {pending} migrations applied, the schema is up to date", service.build.name);
        store.close().await;
        Ok(())
    })
}

/// Starts in the order of [`ORDER`], serves, and stops in that of [`STOP_ORDER`].
async fn start_and_serve<S: Args + Clone + Send + Sync + 'static>(
    service: Service<S>,
    configuration: Configuration<S>,
    registry: Registry,
) -> Result<(), Failed> {
    let standard = &configuration.standard;
    let (instance, manager) = (Instance::new(service.build), Manager::from_env());
    let lifecycle = Lifecycle::new(&registry);
    let (public_limits, admin_limits) = limits_of(standard);
    // From here on a signal no longer kills: it is handled when the service runs.
    let mut end = std::pin::pin!(end_requested());
    let _ = futures_util::poll!(end.as_mut());

    // Both addresses are taken before anything else is begun: a port in use is found out first.
    let public_border = Border::draining_with("public", public_limits, &registry, lifecycle.clone());
    let public = listen("public", SocketAddr::new(standard.host, standard.port), public_border.clone()).await?;
    let admin_border = Border::new("admin", admin_limits, &registry);
    let admin = listen("admin", standard.admin, admin_border.clone()).await?;
    let (public_address, admin_address) = (public.address(), admin.address());

    let store = Part::Store.start(async || match (&service.migrations, &configuration.store) {
        (Some(migrations), Some(settings)) => open_store(settings, migrations, &registry).await.map(Some),
        _ => Ok(None),
    });
    let store = store.await?;
    #[cfg(feature = "without-guards")]
    let _shown = standard.without.show(&registry);
    let bounds = Bounds::default();
    #[cfg(feature = "without-guards")]
    let bounds = standard.without.bounds(bounds);
    let client = Client::new(bounds);
    client.register(&registry);
    let cpu = crate::cpu::open(standard, &registry).map_err(Failed::Cpu)?;
    let mut checks = Vec::new();
    for (name, declare) in service.dependencies {
        let dependency = declare(&configuration.own);
        dependency.log_turned_off(name);
        #[cfg(feature = "without-guards")]
        let dependency = standard.without.dependency(dependency);
        let check = dependency.declare(name, &client)?;
        checks.extend(check.map(|check| (name, check)));
    }
    let context = Context {
        inner: std::sync::Arc::new(Inner {
            settings: configuration.own.clone(),
            store: store.clone(),
            client: client.clone(),
            cpu,
            #[cfg(feature = "without-guards")]
            refuses_clearly: standard.without.refuses_clearly(),
            registry: registry.clone(),
            instance: instance.clone(),
        }),
    };

    let admin_answers = Admin {
        lifecycle: lifecycle.clone(),
        registry: registry.clone(),
        instance,
        client,
        #[cfg(feature = "without-guards")]
        takes_orders: standard.without.takes_orders(),
    };
    let own_admin_routes = service.admin_routes.map_or_else(Router::new, |routes| routes(&context));
    let admin_stop = StopSource::new();
    let admin_routes = admin_border.around(admin_answers.routes().merge(own_admin_routes));
    let admin_serves = admin.serve(admin_routes, admin_stop.listen(), ADMIN_STOP);
    let admin_done = Part::AdminListener.start(|| tokio::spawn(admin_serves));

    let children = Part::BackgroundParts.start(|| start_children(&context, checks, service.background, &registry));

    let own_routes = service.routes.map_or_else(Router::new, |routes| routes(&context));
    #[cfg(feature = "without-guards")]
    let own_routes = standard.without.routes(own_routes);
    let routes = public_border.around(defaults::routes(service.robots, service.openapi).merge(own_routes));
    let public_stop = StopSource::new();
    let public_serves = public.serve(routes, public_stop.listen(), standard.drain_timeout);
    let public_done = Part::PublicListener.start(|| tokio::spawn(public_serves));

    Part::Readiness.start(|| {
        lifecycle.enter(Phase::Ready);
        manager.ready();
    });
    tracing::info!(public = %public_address, admin = %admin_address, version = service.build.version, "ready");

    let outcome = tokio::select! {
        ended = &mut end => ended.map(Some).map_err(Failed::Runtime),
        reason = children.escalation() => Err(Failed::Escalated(reason)),
        () = manager.keep_alive() => Ok(None),
    };

    Part::Readiness.stop(|| {
        lifecycle.enter(Phase::Draining);
        manager.stopping();
    });
    tracing::info!("draining: not ready any more");
    if let Ok(Some(Ended::Terminate)) = outcome {
        tokio::time::sleep(standard.drain_delay).await;
    }
    lifecycle.enter(Phase::Stopping);
    Part::PublicListener.stop(|| public_stop.request());
    let cut = public_done.await.unwrap_or_default();
    let aborted = Part::BackgroundParts.stop(|| children.stop_all(PART_STOP)).await;
    let store_closes = Part::Store.stop(async || {
        if let Some(store) = store {
            drop(context);
            store.close().await;
        }
    });
    store_closes.await;
    Part::AdminListener.stop(|| admin_stop.request());
    let _ = admin_done.await;
    tracing::info!(connections_cut = cut, parts_aborted = ?aborted, "stopped");
    outcome.map(drop)
}

/// Starts the health checks and the service's own background parts, supervised.
fn start_children<S: Clone + Send + Sync + 'static>(
    context: &Context<S>,
    checks: Vec<(&'static str, Check)>,
    background: Vec<(&'static str, Run<S>)>,
    registry: &Registry,
) -> Children {
    let mut children = Children::new(registry);
    for (name, check) in checks {
        let client = context.client().clone();
        children
            .start(format!("check of {name}"), move |stop| health_checks(client.clone(), name, check.clone(), stop));
    }
    if let Some(store) = context.inner.store.clone() {
        children.start(purge::NAME, move |stop| purge::run(store.clone(), stop));
    }
    for (name, run) in background {
        let context = context.clone();
        children.start(name, move |stop| run(context.clone(), stop));
    }
    children
}

/// Checks the health of a dependency until asked to stop.
async fn health_checks(client: Client, name: &'static str, check: Check, stop: Stop) {
    tokio::select! {
        () = stop.requested() => {}
        Err(why) = client.check(name, &check) => {
            tracing::error!(dependency = name, %why, "it is not asked how it is");
            stop.requested().await;
        }
    }
}

async fn listen(listener: &'static str, address: SocketAddr, border: Border) -> Result<Listener, Failed> {
    Listener::bind(address, border).await.map_err(|cause| {
        let variable = if listener == "public" { "PORT or HOST" } else { "ADMIN_ADDR" };
        let advice = match cause.kind() {
            std::io::ErrorKind::AddrInUse => format!("stop the process that has it, or set {variable}"),
            std::io::ErrorKind::PermissionDenied => format!("set {variable} to a port above 1023"),
            _ => format!("set {variable} to an address of this host"),
        };
        Failed::Listen { listener, address, cause, advice }
    })
}

async fn open_store(
    settings: &StoreSettings,
    migrations: &store::Migrations,
    registry: &Registry,
) -> Result<Store, Failed> {
    let store = Store::open(&settings.database, Options::default()).await?;
    store.register(registry);
    match settings.migrate {
        Migrate::Auto => {
            store.migrate(migrations).await?;
        }
        Migrate::Never => {
            let pending = store.pending(migrations).await?.len();
            if pending > 0 {
                return Err(Failed::SchemaBehind { pending });
            }
        }
    }
    Ok(store)
}

/// The limits of the public listener and of the admin listener.
fn limits_of(standard: &Standard) -> (Limits, Limits) {
    let limits = Limits {
        connections: standard.max_connections,
        connections_per_address: standard.max_connections_per_address,
        in_flight: standard.max_in_flight,
        // A quarter is for whoever else there is; of a few, all but one.
        in_flight_per_address: standard.max_in_flight
            - standard.max_in_flight.div_ceil(4).min(standard.max_in_flight - 1),
        body_bytes: standard.max_body_bytes,
        deadline: standard.deadline,
        ..Limits::default()
    };
    #[cfg(feature = "without-guards")]
    let limits = standard.without.limits(limits);
    let (mut public, deadline) = (limits.clone(), Duration::from_secs(10));
    let mut admin = Limits { connections: ADMIN_CONNECTIONS, deadline, ..limits };
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Limits::share_descriptors(descriptors.unwrap_or(u64::MAX), [&mut public, &mut admin]);
    (public, admin)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::process::ExitCode;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::order::trace;

    #[test]
    fn a_service_starts_and_stops_its_parts_in_the_order_of_the_lists() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = format!("--database-url=sqlite:{}", directory.path().join("order.db").display());
        let arguments = ["order", "--port=0", "--host=127.0.0.1", "--admin-addr=127.0.0.1:0", &database];
        let service = Service::new(crate::build_info!()).store(Vec::new()).background("end", async |_context, stop| {
            kill_process(getpid(), Signal::INT).expect("this process takes signals");
            stop.requested().await;
        });
        let ended = service.main_with(arguments.map(OsString::from));
        // The hook that the service installed writes to its log, which has ended.
        drop(std::panic::take_hook());
        assert_eq!(format!("{ended:?}"), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(trace::STARTED.take(), ORDER);
        assert_eq!(trace::STOPPED.take(), STOP_ORDER);
    }
}
