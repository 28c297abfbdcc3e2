//! The order of start and stop. [`ORDER`] names the parts; `start_and_serve` below is the program.

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
use crate::cli::Configuration;
use crate::context::Inner;
use crate::service::Service;
use crate::settings::{Migrate, Standard, StoreSettings};
use crate::{Context, defaults};

/// What is started, in this order, and stopped in the reverse one.
pub const ORDER: [&str; 6] = [
    "logs",             // first, so that everything after it can be told; last to end
    "admin listener",   // so that a slow start can be watched, and a slow end too
    "store",            // what everything works with
    "background parts", // they need the store; stopped before it
    "public listener",  // only when everything behind it works
    "readiness",        // falls first
];

/// How long a background part may take to end.
const PART_STOP: Duration = Duration::from_secs(5);
/// How long the admin listener's last answers may take.
const ADMIN_STOP: Duration = Duration::from_secs(1);
/// Descriptors kept for files, the store and calls.
const DESCRIPTORS_KEPT: u64 = 256;

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
    /// A dependency is declared with rules that make no sense.
    #[error("the dependency {name} cannot be guarded: {why}")]
    Dependency {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
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
    let logs = logs::install(&configuration.standard.log, &registry).ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(start_and_serve(service, configuration, registry));
    runtime.shutdown_timeout(PART_STOP);
    drop(logs);
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

/// Start and stop, in the order of [`ORDER`].
async fn start_and_serve<S: Args + Clone + Send + Sync + 'static>(
    service: Service<S>,
    configuration: Configuration<S>,
    registry: Registry,
) -> Result<(), Failed> {
    let standard = &configuration.standard;
    let (instance, manager) = (Instance::new(service.build), Manager::from_env());
    let lifecycle = Lifecycle::new(&registry);
    let limits = limits_of(standard);
    // From here on a signal no longer kills: it is handled when the service runs.
    let mut end = std::pin::pin!(end_requested());
    let _ = futures_util::poll!(end.as_mut());

    // Both addresses are taken before anything else is begun: a port in use is found out first.
    let public_border = Border::draining_with("public", limits.clone(), &registry, lifecycle.clone());
    let public = listen("public", SocketAddr::new(standard.host, standard.port), public_border.clone()).await?;
    let admin_border = Border::new("admin", Limits { deadline: Duration::from_secs(10), ..limits }, &registry);
    let admin = listen("admin", standard.admin, admin_border.clone()).await?;
    let (public_address, admin_address) = (public.address(), admin.address());

    let store = match (&service.migrations, &configuration.store) {
        (Some(migrations), Some(settings)) => Some(open_store(settings, migrations, &registry).await?),
        _ => None,
    };
    let _shown = standard.without.show(&registry);
    let client = Client::new(standard.without.bounds(Bounds::default()));
    client.register(&registry);
    let cpu = crate::cpu::open(standard, &registry).map_err(Failed::Cpu)?;
    let mut checks = Vec::new();
    for (name, declare) in service.dependencies {
        let declared = declare(&configuration.own).declare(name, &client, &standard.without);
        let check = declared.map_err(|why| Failed::Dependency { name, why })?;
        checks.extend(check.map(|check| (name, standard.without.check(check))));
    }
    let context = Context {
        inner: std::sync::Arc::new(Inner {
            settings: configuration.own.clone(),
            store: store.clone(),
            client: client.clone(),
            cpu,
            refuses_clearly: standard.without.refuses_clearly(),
            registry: registry.clone(),
            instance: instance.clone(),
        }),
    };

    let takes_orders = standard.without.takes_orders();
    let admin_answers =
        Admin { lifecycle: lifecycle.clone(), registry: registry.clone(), instance, client, takes_orders };
    let own_admin_routes = service.admin_routes.map_or_else(Router::new, |routes| routes(&context));
    let admin_stop = StopSource::new();
    let admin_routes = admin_border.around(admin_answers.routes().merge(own_admin_routes));
    let admin_done = tokio::spawn(admin.serve(admin_routes, admin_stop.listen(), ADMIN_STOP));

    let mut children = Children::new(&registry);
    for (name, check) in checks {
        let client = context.client().clone();
        children
            .start(format!("check of {name}"), move |stop| health_checks(client.clone(), name, check.clone(), stop));
    }
    for (name, run) in service.background {
        let context = context.clone();
        children.start(name, move |stop| run(context.clone(), stop));
    }

    let own_routes = service.routes.map_or_else(Router::new, |routes| routes(&context));
    let own_routes = standard.without.routes(own_routes);
    let routes = public_border.around(defaults::routes(service.robots, service.openapi).merge(own_routes));
    let public_stop = StopSource::new();
    let public_done = tokio::spawn(public.serve(routes, public_stop.listen(), standard.drain_timeout));

    lifecycle.enter(Phase::Ready);
    manager.ready();
    tracing::info!(public = %public_address, admin = %admin_address, version = service.build.version, "ready");

    let outcome = tokio::select! {
        ended = &mut end => ended.map(Some).map_err(Failed::Runtime),
        reason = children.escalation() => Err(Failed::Escalated(reason)),
        () = manager.keep_alive() => Ok(None),
    };

    lifecycle.enter(Phase::Draining);
    manager.stopping();
    tracing::info!("draining: not ready any more");
    if let Ok(Some(Ended::Terminate)) = outcome {
        tokio::time::sleep(standard.drain_delay).await;
    }
    lifecycle.enter(Phase::Stopping);
    public_stop.request();
    let cut = public_done.await.unwrap_or_default();
    let aborted = children.stop_all(PART_STOP).await;
    if let Some(store) = store {
        drop(context);
        store.close().await;
    }
    admin_stop.request();
    let _ = admin_done.await;
    tracing::info!(connections_cut = cut, parts_aborted = ?aborted, "stopped");
    outcome.map(drop)
}

/// Asks a dependency how it is until asked to end.
async fn health_checks(client: Client, name: &'static str, check: Check, stop: Stop) {
    tokio::select! {
        () = stop.requested() => {}
        Err(why) = client.check(name, &check) => {
            tracing::error!(dependency = name, why, "it is not asked how it is");
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

fn limits_of(standard: &Standard) -> Limits {
    standard.without.limits(Limits {
        connections: standard.max_connections.min(descriptors_for_connections()),
        connections_per_address: standard.max_connections_per_address,
        in_flight: standard.max_in_flight,
        // A quarter is for whoever else there is; of a few, all but one.
        in_flight_per_address: standard.max_in_flight
            - standard.max_in_flight.div_ceil(4).min(standard.max_in_flight - 1),
        body_bytes: standard.max_body_bytes,
        deadline: standard.deadline,
        ..Limits::default()
    })
}

/// What the process may open, less what it needs for itself.
fn descriptors_for_connections() -> usize {
    let limit = std::fs::read_to_string("/proc/self/limits").ok().and_then(|limits| {
        let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
        line.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    let kept = limit.unwrap_or(1024).saturating_sub(DESCRIPTORS_KEPT).max(16);
    usize::try_from(kept).unwrap_or(usize::MAX)
}
