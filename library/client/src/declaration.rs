//! The declaration of a dependency: its name, its endpoints and the guards of its calls.

use std::sync::Arc;

use resilience::{ClusterRules, InvalidRules, Rules};
use telemetry::objectives::LiveObjective;

use crate::endpoints::Endpoints;
use crate::resolver::ResolverError;
use crate::rules::default_rules;
use crate::tls::{Tls, TlsError};

/// A dependency as it is declared to a client.
///
/// ```
/// use evenkeel_client::{Client, Declaration, Endpoints};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::default();
/// // Two dependencies behind one gateway, each with guards of its own.
/// client.declare(Declaration::new("payments", "http://gateway/payments".parse::<Endpoints>()?))?;
/// client.declare(Declaration::new("fraud", "http://gateway/fraud".parse::<Endpoints>()?))?;
/// // GET http://gateway/payments/v1/rates
/// let call = client.dependency("payments").get("/v1/rates");
/// # drop(call); Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a dependency is declared by Client::declare"]
pub struct Declaration {
    pub(crate) name: String,
    pub(crate) endpoints: Endpoints,
    pub(crate) rules: Rules,
    pub(crate) cluster: ClusterRules,
    pub(crate) tls: Option<Tls>,
    pub(crate) http2: bool,
    pub(crate) objectives: Arc<[Arc<LiveObjective>]>,
}

/// Reason why a dependency cannot be declared. URLs are without credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// The name cannot be one.
    #[error(
        "the dependency {name:?}: a name has 1 to 64 letters, digits, dots, dashes and underscores, and is not \"other\""
    )]
    Name {
        /// The name.
        name: String,
    },
    /// There is a dependency of this name.
    #[error("the dependency {name} is declared twice: each needs a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// There is a dependency at this URL.
    #[error(
        "the dependencies {first} and {name} are both at {url}: a call could belong to either; declare one, or tell them apart by path"
    )]
    SameUrl {
        /// The one that is there.
        first: String,
        /// The new one.
        name: String,
        /// URL of the endpoints.
        url: String,
    },
    /// There are too many.
    #[error("the dependency {name} is one too many: a client has at most {most}")]
    TooMany {
        /// The name.
        name: String,
        /// The most.
        most: usize,
    },
    /// Its rules make no sense.
    #[error("the rules of the dependency {name}: {cause}")]
    Rules {
        /// The name.
        name: String,
        /// Invalid rule, and the valid range.
        #[source]
        cause: InvalidRules,
    },
    /// Its instances cannot be looked up.
    #[error("the instances of the dependency {name} cannot be looked up: {cause}; write ?resolver=ADDRESS:PORT")]
    Names {
        /// The name.
        name: String,
        /// Error of the resolver.
        #[source]
        cause: ResolverError,
    },
    /// TLS cannot be configured.
    #[error("TLS of the dependency {name}: {cause}")]
    Tls {
        /// The name.
        name: String,
        /// Error in certificates or keys.
        #[source]
        cause: TlsError,
    },
}

impl Declaration {
    /// A dependency at these endpoints, guarded by [`default_rules`] and [`ClusterRules::default`].
    pub fn new(name: impl Into<String>, endpoints: impl Into<Endpoints>) -> Self {
        Self {
            name: name.into(),
            endpoints: endpoints.into(),
            rules: default_rules(),
            cluster: ClusterRules::default(),
            tls: None,
            http2: false,
            objectives: Arc::default(),
        }
    }

    /// Sets the rules of its calls.
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Sets the rules of load balancing and ejection.
    pub fn cluster(self, cluster: ClusterRules) -> Self {
        Self { cluster, ..self }
    }

    /// Sets the trusted authorities, or a client certificate of its own. The dependency then has connections of its own.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Speaks HTTP/2 only, also without TLS (RFC 9113, 3.3, prior knowledge). It has connections of its own then.
    pub fn http2_prior_knowledge(self) -> Self {
        Self { http2: true, ..self }
    }

    /// Counts its calls for these objectives.
    pub fn objectives(self, objectives: Arc<[Arc<LiveObjective>]>) -> Self {
        Self { objectives, ..self }
    }

    pub(crate) fn check_name(&self) -> Result<(), DeclareError> {
        let possible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name = &self.name;
        if (1..=64).contains(&name.len()) && name.chars().all(possible) && name != "other" {
            return Ok(());
        }
        Err(DeclareError::Name { name: name.clone() })
    }
}
