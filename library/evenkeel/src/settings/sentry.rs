//! Settings of the export of failures, by the names that Sentry gives them.

use clap::Args;
use telemetry::sentry::Dsn;

/// Export of reports of failures to a Sentry.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reports of failures")]
#[non_exhaustive]
pub struct SentrySettings {
    /// DSN of the project to which reports of failures are sent, by the protocol of Sentry, GlitchTip and Bugsink. Default: none are sent.
    #[arg(
        id = "std.sentry_dsn",
        long = "sentry-dsn",
        env = "SENTRY_DSN",
        value_name = "DSN",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_parser = SentryDsn::parse
    )]
    pub dsn: SentryDsn,

    /// Environment of the service in these reports, such as production. Default: none.
    #[arg(
        id = "std.sentry_environment",
        long = "sentry-environment",
        env = "SENTRY_ENVIRONMENT",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub environment: String,
}

/// A DSN, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentryDsn(pub(crate) Option<Dsn>);

impl SentryDsn {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|dsn| Self(Some(dsn))).map_err(|error: telemetry::sentry::InvalidDsn| error.to_string())
    }
}
