//! One run of a service: it starts the parts of [`ORDER`](crate::order::ORDER), serves, and stops them in
//! [`STOP_ORDER`](crate::order::STOP_ORDER).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use border::{Border, Listener, Observers, Reserved};
use clap::Args;
use supervision::{Children, Lifecycle, Manager};
use telemetry::errors::Errors;
use telemetry::{ProcessVitals, SaturationVitals};
use tokio::sync::watch;
use vitals::{Instance, Live, Registry};

use crate::admin::{self, Admin};
use crate::asked::{Asked, Haste};
use crate::configuration::Configuration;
use crate::context::{Context, Shared};
use crate::database::Database;
#[cfg(feature = "client")]
use crate::dependencies;
#[cfg(feature = "client")]
use crate::export;
use crate::failed::Failed;
use crate::operator::{Guard, TokenFile};
use crate::order::{Part, Record};
use crate::parts::{Parts, Stopped, notify};
#[cfg(feature = "client")]
use crate::sentry;
use crate::service::{Run as Background, Service};
use crate::settings::Standard;
use crate::stop_budget::StopBudget;
use crate::tls::{self, TlsParts};
use crate::{caller, declared_routes, defaults, history, limits, objectives, routes};

/// State of a run.
#[derive(Debug)]
pub(crate) enum State<S, D> {
    /// Parts are being started.
    Starting,
    /// The service serves.
    Ready(Context<S, D>),
    /// The service has ended or begins to end; with the reason when it failed.
    Ended(Option<String>),
}

/// Service with bound addresses; no part of it is started.
pub(crate) struct Bound<S, D: Database> {
    service: Service<S, D>,
    configuration: Configuration<S, D>,
    registry: Registry,
    lifecycle: Lifecycle,
    instance: Instance,
    public: Reserved,
    public_border: Border,
    tls: Option<TlsParts>,
    admin: Listener,
    admin_border: Border,
    parts: Parts<D>,
    observers: Observers,
    #[cfg(feature = "client")]
    export: Option<export::Export>,
    #[cfg(feature = "client")]
    sentry: Option<sentry::Sentry>,
}

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Bound<S, D> {
    /// Binds both addresses. The public one refuses connections until everything behind it works.
    pub(crate) fn new(
        mut service: Service<S, D>,
        configuration: Configuration<S, D>,
        registry: Registry,
        manager: Manager,
        record: Record,
    ) -> Result<Self, Failed> {
        let standard = &configuration.standard;
        let lifecycle = Lifecycle::new(&registry);
        let (public_limits, admin_limits) = limits::of_listeners(standard, |limits| {
            service.limits.drain(..).for_each(|change| change(limits));
        });
        let tls = tls::open(standard, &public_limits, StopBudget::of(standard).drain, &registry)?;
        let instance = Instance::new(service.build);
        let objectives = objectives::open(&service.objectives, &instance, &registry)?;
        objectives::check_rules(&objectives, &service.declared.rules)?;
        #[cfg(feature = "client")]
        let (tracer, export) = export::open(&standard.traces, &standard.export, &instance, &registry)?;
        #[cfg(not(feature = "client"))]
        let tracer = None;
        let errors = Some(Errors::new(&instance, &registry));
        #[cfg(feature = "client")]
        let sentry = sentry::open(&standard.sentry, errors.as_ref(), &registry)?;
        let observers = Observers { tracer, objectives, errors };
        let public_border =
            Border::draining_with("public", public_limits, &registry, lifecycle.clone()).observed_by(observers.clone());
        let public_border = match &service.caller {
            Some(callers) => public_border.identified_by(callers.clone()),
            None => public_border,
        };
        let public_border = service.declared.at(&public_border, &registry)?;
        let address = SocketAddr::new(standard.host, standard.port);
        let refused = |error| not_listening("public", address, error);
        let public = Listener::reserve(address, public_border.clone()).map_err(refused)?;
        let admin_border = Border::new("admin", admin_limits, &registry);
        let admin = Listener::reserve(standard.admin, admin_border.clone()).and_then(Reserved::listen);
        let admin = admin.map_err(|error| not_listening("admin", standard.admin, error))?;
        let parts = Parts::new(&registry, lifecycle.clone(), manager, StopBudget::of(standard), record);
        Ok(Self {
            service,
            configuration,
            registry,
            lifecycle,
            instance,
            public,
            public_border,
            tls,
            admin,
            admin_border,
            parts,
            observers,
            #[cfg(feature = "client")]
            export,
            #[cfg(feature = "client")]
            sentry,
        })
    }

    pub(crate) fn public_address(&self) -> SocketAddr {
        self.public.address()
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    pub(crate) fn budget(&self) -> StopBudget {
        self.parts.budget
    }

    /// Starts, serves until the stop is requested, and stops. The request cancels a start at any point.
    pub(crate) async fn run(self, mut asked: Asked, state: watch::Sender<State<S, D>>) -> Result<Stopped, Failed> {
        let Self {
            service,
            configuration,
            registry,
            lifecycle,
            instance,
            public,
            public_border,
            tls,
            admin,
            admin_border,
            mut parts,
            observers,
            #[cfg(feature = "client")]
            export,
            #[cfg(feature = "client")]
            sentry,
        } = self;
        let admin_address = admin.address();
        let notifications = tokio::spawn(notify(parts.manager.clone(), lifecycle.clone()));
        let history = tokio::spawn(history::record(registry.clone()));
        let _process = ProcessVitals::register(&registry, &instance);
        let _saturation = SaturationVitals::register(&registry);
        let admin_answers = Admin {
            lifecycle,
            registry: registry.clone(),
            instance: instance.clone(),
            guard: operators(&configuration.standard, &registry),
            errors: observers.errors.clone(),
            #[cfg(feature = "query")]
            query: console::query::Query::new(&registry),
            #[cfg(feature = "query")]
            about: console::pages::About {
                name: instance.build().name,
                version: instance.build().version,
                commit: instance.build().commit,
                host: instance.host().to_owned(),
                settings: configuration.shown.clone().into(),
                has_tokens: configuration.standard.admin_token_file.is_some(),
            },
        };
        let admin_routes = Arc::new(Live::new(admin_border.around(admin_answers.clone().with(&[], Router::new()))));
        parts.start_admin(admin, routes::switched(admin_routes.clone()));
        let start = Start {
            service,
            configuration,
            registry,
            instance,
            public,
            public_border,
            tls,
            admin_answers,
            admin_address,
            admin_border,
            admin_routes,
            observers,
            #[cfg(feature = "client")]
            export,
            #[cfg(feature = "client")]
            sentry,
        };
        let escalation = parts.escalation();
        let outcome = tokio::select! {
            biased;
            haste = asked.requested() => Ok(haste),
            started = start.all(&mut parts) => match started {
                Ok(context) => {
                    state.send_replace(State::Ready(context));
                    tokio::select! {
                        haste = asked.requested() => Ok(haste),
                        escalation = escalation => Err(Failed::Escalated(escalation)),
                    }
                }
                Err(failed) => Err(failed),
            },
        };
        if let Err(failed) = &outcome {
            tracing::error!(error = %failed, "the service fails");
        }
        state.send_replace(State::Ended(outcome.as_ref().err().map(ToString::to_string)));
        let stopped = parts.stop(*outcome.as_ref().unwrap_or(&Haste::AtOnce)).await;
        notifications.abort();
        history.abort();
        outcome.map(|_haste| stopped)
    }
}

/// Inputs of a start.
struct Start<S, D: Database> {
    service: Service<S, D>,
    configuration: Configuration<S, D>,
    registry: Registry,
    instance: Instance,
    public: Reserved,
    public_border: Border,
    tls: Option<TlsParts>,
    admin_answers: Admin,
    admin_address: SocketAddr,
    admin_border: Border,
    admin_routes: Arc<Live<Router>>,
    observers: Observers,
    #[cfg(feature = "client")]
    export: Option<export::Export>,
    #[cfg(feature = "client")]
    sentry: Option<sentry::Sentry>,
}

impl<S: Args + Clone + Send + Sync + 'static, D: Database> Start<S, D> {
    /// Starts the parts behind the admin listener, in order.
    async fn all(self, parts: &mut Parts<D>) -> Result<Context<S, D>, Failed> {
        let Self { service, configuration, registry, instance, public, public_border, tls, .. } = self;
        let standard = &configuration.standard;
        #[cfg(feature = "without-guards")]
        let _shown = standard.without.show(&registry);

        let opening = if D::DECLARED {
            parts.record.start(Part::Store, || D::open(service.database, &configuration.store, &registry)).await
        } else {
            D::open(service.database, &configuration.store, &registry).await
        };
        let database = opening?;
        parts.database = D::DECLARED.then(|| database.clone());

        #[cfg(feature = "client")]
        let (client, checks) = dependencies::declare(
            service.client_bounds,
            service.dependencies,
            standard,
            &configuration.own,
            &registry,
            &self.observers.objectives,
        )?;
        let cpu = crate::cpu::open(standard, &registry)?;
        let shared = Shared {
            #[cfg(feature = "client")]
            client: client.clone(),
            cpu,
            #[cfg(feature = "without-guards")]
            refuses_clearly: standard.without.refuses_clearly(),
            registry: registry.clone(),
            instance: instance.clone(),
            stop: parts.drains.listen(),
            #[cfg(feature = "store")]
            observers: self.observers.clone(),
        };
        let context = Context::new(Arc::new(configuration.own.clone()), database.clone(), Arc::new(shared));

        let mut own_admin = Router::new();
        for add in service.admin_routes {
            own_admin = routes::assembled("admin", || own_admin.merge(add(&context)))?;
        }
        let mut taken = Vec::new();
        for path in admin::OPEN {
            if routes::has_route(&own_admin, path).await {
                taken.push(path);
            }
        }
        let admin_routes = routes::assembled("admin", || {
            #[cfg(feature = "client")]
            let own_admin = own_admin.merge(dependencies::orders(client, standard));
            self.admin_border.around(self.admin_answers.with(&taken, own_admin))
        })?;
        self.admin_routes.replace(admin_routes);

        #[cfg(feature = "client")]
        let (export, sentry) = (self.export, self.sentry);
        parts.record.start(Part::BackgroundParts, || -> Result<(), Failed> {
            let children = &mut parts.background;
            #[cfg(feature = "client")]
            if let Some(export) = export {
                export.start(&registry, public_border.clone(), children);
            }
            #[cfg(feature = "client")]
            if let Some(sentry) = sentry {
                sentry.start(children);
            }
            objectives::start(self.observers.objectives, &registry, children);
            #[cfg(feature = "client")]
            dependencies::start_checks(context.client(), checks, children);
            database.start_children(children);
            start_children(&context, service.background, children);
            Ok(())
        })?;

        let mut own = Router::new();
        let mut all = Router::new();
        for group in service.routes {
            let routes = routes::assembled("public", || (group.routes)(&context))?;
            own = routes::assembled("public", || own.merge(routes.clone()))?;
            #[cfg(feature = "without-guards")]
            let routes = standard.without.routes(routes);
            let routes = caller::layered(routes, service.caller.clone());
            let border = match group.limits {
                Some(change) => {
                    let mut limits = public_border.limits().clone();
                    change(&mut limits);
                    public_border.with_limits(limits)
                }
                None => public_border.clone(),
            };
            all = routes::assembled("public", || all.merge(border.around(routes)))?;
        }
        objectives::check_routes(&service.objectives, &own).await?;
        let mut own_defaults = Router::new();
        if !routes::has_route(&own, defaults::ROBOTS).await {
            own_defaults = own_defaults.merge(defaults::robots(service.robots));
        }
        if let Some(security) = service.security {
            own_defaults = own_defaults.merge(security.routes()?);
        }
        #[cfg(feature = "openapi")]
        if let Some(document) = service.openapi
            && !routes::has_route(&own, defaults::OPENAPI).await
        {
            let document = crate::openapi::complete_with(document(), &service.declared.rules)
                .to_json()
                .map_err(|error| Failed::Openapi(error.into()))?;
            own_defaults = own_defaults.merge(defaults::openapi(document));
        }
        let all = routes::assembled("public", || all.merge(public_border.around(own_defaults)))?;
        declared_routes::check(&public_border)?;
        let (public_address, admin_address) = (public.address(), self.admin_address);
        let listener = public.listen().map_err(|error| not_listening("public", public_address, error))?;
        let listener = match &tls {
            Some(tls) => tls.secure(listener),
            None => listener,
        };
        parts.start_public(listener, all);
        if let Some(tls) = tls {
            tls.start(public_address, &mut parts.background)?;
        }
        parts.become_ready();
        tracing::info!(public = %public_address, admin = %admin_address, version = service.build.version, "ready");
        Ok(context)
    }
}

/// The guard before changes on the admin listener. A warning says when none can be made from elsewhere.
fn operators(standard: &Standard, registry: &Registry) -> Guard {
    let tokens = standard.admin_token_file.clone().map(TokenFile::new);
    let is_of_this_host = standard.admin.ip().is_loopback();
    if tokens.is_none() && !is_of_this_host {
        tracing::warn!(
            admin = %standard.admin,
            "changes on the admin listener are refused except from this host: set ADMIN_TOKEN_FILE for those of others"
        );
    }
    Guard { tokens, registry: registry.clone() }
}

/// Starts the service's own background parts, supervised.
fn start_children<S: Clone + Send + Sync + 'static, D: Database>(
    context: &Context<S, D>,
    background: Vec<(supervision::ChildSpec, Background<S, D>)>,
    children: &mut Children,
) {
    for (spec, run) in background {
        let context = context.clone();
        children.start(spec, move |stop| run(context.clone(), stop));
    }
}

fn not_listening(listener: &'static str, address: SocketAddr, source: std::io::Error) -> Failed {
    let variable = if listener == "public" { "PORT or HOST" } else { "ADMIN_ADDR" };
    let advice = match source.kind() {
        std::io::ErrorKind::AddrInUse => format!("stop the process that has it, or set {variable}"),
        std::io::ErrorKind::PermissionDenied => format!("set {variable} to a port above 1023"),
        _ => format!("set {variable} to an address of this host"),
    };
    Failed::Listen { listener, address, source, advice }
}
