//! Type state of the store: `()` for none, or [`Store`](crate::Store).

use std::fmt::Debug;
use std::future::Future;

use clap::Args;
use supervision::Children;
use vitals::Registry;

#[cfg(feature = "store")]
use crate::change::Change;
use crate::failed::Failed;
#[cfg(feature = "store")]
pub(crate) use crate::jobs::command::JobsOptions;
use crate::settings::NoStore;

/// The store of a service, or none: implemented by `()` and by [`Store`](crate::Store).
pub trait Database: Part {}

impl<D: Part> Database for D {}

/// Operations of the program on its database. Sealed: the module is private.
pub trait Part: Clone + Debug + Send + Sync + 'static {
    /// Declaration by the service.
    type Declared: Send + 'static;
    /// The settings that come with it.
    type Settings: Args + Clone + Debug + Send + Sync + 'static;
    /// True when the service has a store.
    const DECLARED: bool;

    /// Opens it and brings its schema up to date.
    fn open(
        declared: Self::Declared,
        settings: &Self::Settings,
        registry: &Registry,
    ) -> impl Future<Output = Result<Self, Failed>> + Send;

    /// Brings its schema up to date and closes it again; returns how many migrations were applied.
    fn migrate(
        declared: Self::Declared,
        settings: &Self::Settings,
    ) -> impl Future<Output = Result<usize, Failed>> + Send;

    /// Returns true when the service has jobs.
    fn has_jobs(declared: &Self::Declared) -> bool;

    /// Runs the subcommand `jobs`.
    #[cfg(feature = "store")]
    fn jobs(
        declared: Self::Declared,
        settings: &Self::Settings,
        options: JobsOptions,
    ) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Starts the background parts that it needs.
    fn start_children(&self, children: &mut Children);

    /// Closes it, after the connections in use have come back.
    fn close(self) -> impl Future<Output = ()> + Send;
}

impl Part for () {
    type Declared = ();
    type Settings = NoStore;
    const DECLARED: bool = false;

    async fn open(_declared: (), _settings: &NoStore, _registry: &Registry) -> Result<Self, Failed> {
        Ok(())
    }

    async fn migrate(_declared: (), _settings: &NoStore) -> Result<usize, Failed> {
        Ok(0)
    }

    fn has_jobs(_declared: &()) -> bool {
        false
    }

    #[cfg(feature = "store")]
    async fn jobs(_declared: (), _settings: &NoStore, _options: JobsOptions) -> Result<(), Failed> {
        Ok(())
    }

    fn start_children(&self, _children: &mut Children) {}

    async fn close(self) {}
}

#[cfg(feature = "store")]
pub(crate) use with_store::Declared;

#[cfg(feature = "store")]
mod with_store {
    use store::{Migrations, Options, Store};

    use super::{Change, Children, Failed, JobsOptions, Part, Registry};
    use crate::jobs::command;
    use crate::purge;
    use crate::settings::{Migrate, StoreSettings};

    /// A store as a service declares it.
    pub struct Declared {
        pub(crate) migrations: Migrations,
        /// Changes of the options, after the settings.
        pub(crate) options: Vec<Change<Options>>,
        /// True when the service has jobs.
        pub(crate) has_jobs: bool,
    }

    impl Declared {
        async fn open(self, settings: &StoreSettings) -> Result<(Store, Migrations), Failed> {
            let mut options = settings.options();
            for change in self.options {
                change(&mut options);
            }
            Ok((Store::open(&settings.database, options).await?, self.migrations))
        }
    }

    impl Part for Store {
        type Declared = Declared;
        type Settings = StoreSettings;
        const DECLARED: bool = true;

        async fn open(declared: Declared, settings: &StoreSettings, registry: &Registry) -> Result<Self, Failed> {
            let (store, migrations) = declared.open(settings).await?;
            store.register(registry);
            match settings.migrate {
                Migrate::Auto => {
                    store.migrate(&migrations).await?;
                }
                Migrate::Never => {
                    let pending = store.pending(&migrations).await?.len();
                    if pending > 0 {
                        return Err(Failed::SchemaBehind { pending });
                    }
                }
            }
            Ok(store)
        }

        async fn migrate(declared: Declared, settings: &StoreSettings) -> Result<usize, Failed> {
            let (store, migrations) = declared.open(settings).await?;
            let pending = store.pending(&migrations).await?.len();
            store.migrate(&migrations).await?;
            store.close().await;
            Ok(pending)
        }

        fn has_jobs(declared: &Declared) -> bool {
            declared.has_jobs
        }

        async fn jobs(declared: Declared, settings: &StoreSettings, options: JobsOptions) -> Result<(), Failed> {
            let (store, migrations) = declared.open(settings).await?;
            let pending = store.pending(&migrations).await?.len();
            let ran =
                if pending > 0 { Err(Failed::SchemaBehind { pending }) } else { command::run(&store, options).await };
            store.close().await;
            ran
        }

        fn start_children(&self, children: &mut Children) {
            let store = self.clone();
            children.start(purge::NAME, move |stop| purge::run(store.clone(), stop));
        }

        async fn close(self) {
            Store::close(self).await;
        }
    }
}
