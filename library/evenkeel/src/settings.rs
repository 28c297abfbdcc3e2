//! Settings: each from a flag, else an environment variable, else its default.
//!
//! Settings are checked as a whole: all mistakes are reported together, with the variable, its value and the expected form. A service adds its
//! own as a [`clap::Args`] struct whose fields have `#[arg(long, env = "NAME")]` and a line of help.

#[cfg(feature = "client")]
mod export;
mod mistake;
mod proxies;
#[cfg(feature = "client")]
mod sentry;
#[cfg(feature = "query")]
pub(crate) mod shown;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "client")]
mod traces;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use telemetry::redact::{self, REDACTED};

use crate::cores::Cores;
use crate::duration::parse_duration;
#[cfg(feature = "without-guards")]
use crate::without::Without;

#[cfg(feature = "client")]
pub use self::export::ExportSettings;
pub use self::mistake::Mistake;
pub use self::proxies::{Networks, Proxies};
#[cfg(feature = "client")]
pub use self::sentry::{SentryDsn, SentrySettings};
#[cfg(feature = "store")]
pub use self::store::{Migrate, StoreSettings};
#[cfg(feature = "tls")]
pub use self::tls::TlsSettings;
#[cfg(feature = "client")]
pub use self::traces::{Endpoint, Pairs, TraceSettings};

/// The settings every service has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Every service")]
#[non_exhaustive]
pub struct Standard {
    /// Address of the public listener.
    #[arg(id = "std.host", long = "host", env = "HOST", value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub host: IpAddr,

    /// Port of the public listener; 0 takes a free one.
    #[arg(id = "std.port", long = "port", env = "PORT", value_name = "PORT", default_value = "8080")]
    pub port: u16,

    /// Address and port of the admin listener: health, metrics, and routes for operators alone.
    #[arg(
        id = "std.admin",
        long = "admin-addr",
        env = "ADMIN_ADDR",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8081"
    )]
    pub admin: SocketAddr,

    /// File with the tokens of operators, a line each, as NAME:TOKEN or NAME:sha256:DIGEST; every change on the admin listener needs one of them then. Default:
    /// none; changes are taken from this host alone.
    #[arg(id = "std.admin_operators", long = "admin-token-file", env = "ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// Log filter: error, warn, info, debug, trace, or target=level, with commas between.
    #[arg(
        id = "std.log",
        long = "log",
        env = "RUST_LOG",
        value_name = "FILTER",
        default_value = "info",
        value_parser = log_filter
    )]
    pub log: String,

    /// Log lines a second of each callsite, ten times as many at once; 0: without limit. Access lines have a limit of their own.
    #[arg(id = "std.log_rate", long = "log-rate", env = "LOG_RATE", value_name = "LINES", default_value = "100")]
    pub log_rate: u32,

    /// Deadline of a request; after it the answer is 504, and the work is cancelled.
    #[arg(
        id = "std.deadline",
        long = "request-deadline",
        env = "REQUEST_DEADLINE",
        value_name = "DURATION",
        default_value = "30s",
        value_parser = parse_duration
    )]
    pub deadline: Duration,

    /// The largest request body, in bytes.
    #[arg(
        id = "std.body",
        long = "max-body-bytes",
        env = "MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value_t = 1024 * 1024
    )]
    pub max_body_bytes: u64,

    /// Concurrent requests, at most three quarters of them from one address; the next is answered 503.
    #[arg(
        id = "std.in_flight",
        long = "max-in-flight",
        env = "MAX_IN_FLIGHT",
        value_name = "COUNT",
        default_value = "1024",
        value_parser = at_least_one
    )]
    pub max_in_flight: usize,

    /// Open connections in all.
    #[arg(
        id = "std.connections",
        long = "max-connections",
        env = "MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value = "8192",
        value_parser = at_least_one
    )]
    pub max_connections: usize,

    /// Open connections from one address.
    #[arg(
        id = "std.per_address",
        long = "max-connections-per-address",
        env = "MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "COUNT",
        default_value = "1024",
        value_parser = at_least_one
    )]
    pub max_connections_per_address: usize,

    /// The proxies in front of the service.
    #[command(flatten)]
    pub proxies: Proxies,

    /// TLS of the public listener.
    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub tls: TlsSettings,

    /// Idle timeout between two requests of a connection; longer than that of the load balancer in front.
    #[arg(
        id = "std.idle_timeout",
        long = "idle-timeout",
        env = "IDLE_TIMEOUT",
        value_name = "DURATION",
        default_value = "65s",
        value_parser = parse_duration
    )]
    pub idle_timeout: Duration,

    /// Time limit of the whole stop after SIGTERM, drain included; then the process ends. Keep it below the process manager's kill timeout.
    #[arg(
        id = "std.stop_timeout",
        long = "stop-timeout",
        env = "STOP_TIMEOUT",
        value_name = "DURATION",
        default_value = "27s",
        value_parser = parse_duration
    )]
    pub stop_timeout: Duration,

    /// Drain delay after SIGTERM: new connections are still accepted for this time while load balancers notice that the service is not ready.
    #[arg(
        id = "std.drain_delay",
        long = "drain-delay",
        env = "DRAIN_DELAY",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = parse_duration
    )]
    pub drain_delay: Duration,

    /// Drain timeout after the delay: requests in flight may take this long to finish.
    #[arg(
        id = "std.drain_timeout",
        long = "drain-timeout",
        env = "DRAIN_TIMEOUT",
        value_name = "DURATION",
        default_value = "20s",
        value_parser = parse_duration
    )]
    pub drain_timeout: Duration,

    /// Threads for CPU-bound work. Default: one less than there are cores, at least one.
    #[arg(id = "std.cpu_threads", long = "cpu-threads", env = "CPU_THREADS", value_name = "COUNT", value_parser = threads)]
    pub cpu_threads: Option<u32>,

    /// Queue of CPU-bound work; the next piece is answered 503. Default: 16 for each thread.
    #[arg(id = "std.cpu_queue", long = "cpu-queue", env = "CPU_QUEUE", value_name = "COUNT")]
    pub cpu_queue: Option<u32>,

    /// Cores to which these threads are pinned in turn, as in 2,3. Default: none.
    #[arg(
        id = "std.cpu_cores",
        long = "cpu-cores",
        env = "CPU_CORES",
        value_name = "CORE,...",
        default_value = "",
        hide_default_value = true,
        value_parser = Cores::parse
    )]
    pub cpu_cores: Cores,

    /// Traces and their export.
    #[cfg(feature = "client")]
    #[command(flatten)]
    pub traces: TraceSettings,

    /// Signals that are exported.
    #[cfg(feature = "client")]
    #[command(flatten)]
    pub export: ExportSettings,

    /// Export of reports of failures.
    #[cfg(feature = "client")]
    #[command(flatten)]
    pub sentry: SentrySettings,

    #[cfg(feature = "without-guards")]
    /// Guards that are turned off, by the attribute that they provide, with commas between, as in call.retry,call.hedge; an unknown name lists
    /// all known ones.
    #[arg(
        id = "std.without",
        long = "without",
        env = "WITHOUT",
        value_name = "GUARD,...",
        default_value = "",
        hide_default_value = true,
        value_parser = Without::parse
    )]
    pub without: Without,
}

/// No settings of a store.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct NoStore {}

/// No settings of its own.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct NoSettings {}

fn log_filter(text: &str) -> Result<String, String> {
    telemetry::logs::check_filter(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text:?} is not a whole number of at least 1")),
    }
}

fn threads(text: &str) -> Result<u32, String> {
    let most = resilience::cpu::MAX_THREADS;
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is not a whole number from 1 to {most}")),
    }
}

/// Error of settings that cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refused {
    /// The command line cannot be read, or help was requested: the text, and the stream to print it to.
    Usage(Box<clap::Error>),
    /// Settings that are missing or malformed, all of them.
    Mistakes(Vec<Mistake>),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{error}"),
            Self::Mistakes(mistakes) => {
                let count = mistakes.len();
                write!(f, "{count} {} wrong:", if count == 1 { "setting is" } else { "settings are" })?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for Refused {}

/// Reads the command line and the environment; checks every setting before the first is used.
///
/// # Errors
/// [`Refused`], with every mistake.
pub(crate) fn read(
    command: Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(ArgMatches, Vec<String>), Refused> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let lenient =
        as_texts(&command).try_get_matches_from(&arguments).map_err(|error| Refused::Usage(Box::new(error)))?;
    let (given, path) = deepest(&lenient);

    let mistakes: Vec<Mistake> = settings_of(&command).filter_map(|setting| mistake_in(setting, given)).collect();
    if !mistakes.is_empty() {
        return Err(Refused::Mistakes(mistakes));
    }
    let strict = not_required(&command).try_get_matches_from(&arguments);
    let strict = strict.map_err(|error| Refused::Usage(Box::new(error)))?;
    Ok((deepest(&strict).0.clone(), path))
}

/// Builds the settings of a type from the values that [`read`] checked.
pub(crate) fn take<S: FromArgMatches>(matches: &ArgMatches) -> Result<S, Refused> {
    S::from_arg_matches(matches).map_err(|error| Refused::Usage(Box::new(error)))
}

/// Settings can be given before and after the subcommand: the innermost matches have them all.
fn deepest(matches: &ArgMatches) -> (&ArgMatches, Vec<String>) {
    match matches.subcommand() {
        Some((name, inner)) => (inner, vec![name.to_owned()]),
        None => (matches, Vec::new()),
    }
}

fn settings_of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| matches!(argument.get_action(), ArgAction::Set))
}

/// Returns the same command line, with every setting as an optional text; the help is made from it.
fn as_texts(command: &Command) -> Command {
    command.clone().mut_args(|argument| {
        if !matches!(argument.get_action(), ArgAction::Set) {
            return argument;
        }
        let known = argument.get_possible_values();
        // Help names the variables and never what they hold: it is pasted into tickets.
        argument.required(false).hide_env_values(true).value_parser(AnyText { known })
    })
}

/// Accepts any text, and lists the known ones in the help.
#[derive(Clone)]
struct AnyText {
    known: Vec<PossibleValue>,
}

impl TypedValueParser for AnyText {
    type Value = OsString;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, text: &OsStr) -> Result<OsString, clap::Error> {
        Ok(text.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.known.iter().cloned()))
    }
}

/// Makes all settings optional for clap: [`mistake_in`] checks required ones; a global argument may not be required.
fn not_required(command: &Command) -> Command {
    command.clone().mut_args(|argument| argument.required(false))
}

fn mistake_in(setting: &Arg, given: &ArgMatches) -> Option<Mistake> {
    let id = setting.get_id().as_str();
    let Some(text) = given.get_one::<OsString>(id) else {
        return setting.is_required_set().then(|| mistake(setting, format!("is not set; {}", expected(setting))));
    };
    let reason = refusal_of(setting, text)?;
    let text = text.to_string_lossy();
    let (shown, reason) = if is_secret(setting) {
        // A parser's sentence often quotes what it refused.
        (REDACTED.to_owned(), "it is malformed".to_owned())
    } else {
        let shown = redact::text(&text).into_owned();
        let reason = if shown == text { reason } else { reason.replace(&*text, &shown) };
        (shown, redact::text(&reason).into_owned())
    };
    let source = match given.value_source(id) {
        Some(ValueSource::CommandLine) => " (from the command line)",
        Some(ValueSource::DefaultValue) => " (the default in the service's code, which its own parser refuses)",
        _ => "",
    };
    Some(mistake(setting, format!("is {shown:?}{source}: {reason}; {}", expected(setting))))
}

/// Returns the message of the setting's own parser when it refuses a text.
fn refusal_of(setting: &Arg, text: &OsStr) -> Option<String> {
    let alone = setting.clone().env(None::<&'static str>).global(false).required(false).long("value").short(None);
    let mut argument = OsString::from("--value=");
    argument.push(text);
    let error = Command::new("setting").no_binary_name(true).arg(alone).try_get_matches_from([argument]).err()?;
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    Some(cause.unwrap_or_else(|| match error.kind() {
        ErrorKind::InvalidUtf8 => "it is not UTF-8".to_owned(),
        _ => "it is not one of the known values".to_owned(),
    }))
}

fn mistake(setting: &Arg, reason: String) -> Mistake {
    let flag = setting.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    match setting.get_env() {
        Some(variable) => {
            let reason = format!("{reason} (or use {flag})");
            Mistake { name: variable.to_string_lossy().into_owned(), reason }
        }
        None => Mistake { name: flag, reason },
    }
}

fn expected(setting: &Arg) -> String {
    let values = setting.get_possible_values();
    if !values.is_empty() {
        let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        return format!("expected one of {}", names.join(", "));
    }
    let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
    let name = setting.get_id().as_str();
    // Without a form of its own a value's name is that of its setting, which says nothing.
    let form =
        setting.get_value_names().and_then(|names| names.first()).filter(|form| !form.eq_ignore_ascii_case(name));
    match form {
        Some(form) => format!("expected {form} ({help})"),
        None => format!("expected a value for {help:?}"),
    }
}

fn is_secret(setting: &Arg) -> bool {
    setting.is_hide_env_values_set() || redact::is_secret_name(setting.get_id().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Args, Clone, Debug)]
    struct Own {
        /// The partner's address.
        #[arg(long, env = "EVENKEEL_TEST_PARTNER_URL")]
        partner_url: url::Url,
        /// Number of requests.
        #[arg(long, env = "EVENKEEL_TEST_COUNT", default_value_t = 3)]
        count: u8,
    }

    fn command() -> Command {
        let command = Own::augment_args(Standard::augment_args(Command::new("test")));
        command.mut_args(|argument| argument.global(true)).subcommand(Command::new("check-config"))
    }

    fn read_from(arguments: &[&str]) -> Result<Own, Refused> {
        let arguments = std::iter::once("test").chain(arguments.iter().copied()).map(OsString::from);
        let (matches, _path) = read(command(), arguments)?;
        take(&matches)
    }

    #[test]
    fn all_mistakes_are_reported_together_with_variable_value_and_expected_form() {
        let Err(Refused::Mistakes(mistakes)) = read_from(&["--port=http", "--count=300", "--max-in-flight", "0"])
        else {
            panic!("three malformed and one missing setting were taken");
        };
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        for words in
            [["PORT", "\"http\""], ["MAX_IN_FLIGHT", "at least 1"], ["COUNT", "300"], ["PARTNER_URL", "is not set"]]
        {
            assert!(told.iter().any(|line| words.iter().all(|word| line.contains(word))), "{words:?} in {told:#?}");
        }
    }

    #[test]
    fn a_default_that_its_own_parser_refuses_is_listed_with_the_other_mistakes() {
        #[derive(Args, Clone, Debug)]
        struct Wrong {
            /// Links older than this are purged.
            #[arg(long, default_value = "a month", value_parser = parse_duration)]
            link_ttl: Duration,
        }
        let arguments = ["test", "--port=http"].map(OsString::from);
        let Err(Refused::Mistakes(mistakes)) =
            read(Wrong::augment_args(Standard::augment_args(Command::new("test"))), arguments)
        else {
            panic!("a malformed default was taken");
        };
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let ttl = lines.iter().find(|line| line.starts_with("--link-ttl")).unwrap();
        assert!(ttl.contains("default") && ttl.contains("\"a month\"") && ttl.contains("Links older"), "{ttl}");
    }

    #[test]
    fn a_password_in_a_malformed_setting_is_never_shown() {
        fn quotes(text: &str) -> Result<String, String> {
            Err(format!("{text:?}: {text} is refused, and so is {}", text.to_uppercase()))
        }
        #[derive(Args, Clone, Debug)]
        struct Dependencies {
            /// The partner's address.
            #[arg(long, value_parser = quotes)]
            partner: String,
            /// The partner's token.
            #[arg(long, value_parser = quotes)]
            partner_token: String,
        }
        let urls = [
            "http://svc:ab/cdSECRET@bank",
            "htp://svc:SECRET@bank",
            "svc:SECRET@bank",
            "http://SECRET@bank:x",
            "a://u:p SECRET@b",
        ];
        for url in urls {
            let arguments = ["test", &format!("--partner={url}"), "--partner-token=SECRET"].map(OsString::from);
            let Err(Refused::Mistakes(mistakes)) = read(Dependencies::augment_args(Command::new("test")), arguments)
            else {
                panic!("{url} was taken");
            };
            assert_eq!(mistakes.len(), 2);
            assert!(!format!("{mistakes:?}").contains("SECRET"), "{mistakes:#?}");
        }
    }

    #[test]
    fn settings_are_taken_before_and_after_the_subcommand() {
        for arguments in [
            ["--partner-url=http://a/", "check-config", "--count=7"],
            ["--count=7", "check-config", "--partner-url=http://a/"],
        ] {
            let own = read_from(&arguments).unwrap();
            assert_eq!((own.partner_url.as_str(), own.count), ("http://a/", 7));
        }
    }

    #[test]
    fn an_unknown_flag_is_a_usage_error() {
        assert!(matches!(read_from(&["--prot=1"]), Err(Refused::Usage(_))));
    }
}
