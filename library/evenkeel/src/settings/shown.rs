//! The settings in force, as they may be shown: without secrets.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use console::pages::Setting;
use telemetry::redact;

/// The value of a secret.
const HIDDEN: &str = "hidden";

/// Returns every setting with its value and its origin, as the help lists them.
pub(crate) fn shown(command: &Command, given: &ArgMatches) -> Vec<Setting> {
    super::settings_of(command).map(|setting| of(setting, given)).collect()
}

fn of(setting: &Arg, given: &ArgMatches) -> Setting {
    let id = setting.get_id().as_str();
    let values = given.try_get_raw(id).ok().flatten();
    let value = values.and_then(|mut values| values.next()).map(|value| value.to_string_lossy().into_owned());
    let value = match value {
        Some(value) if !value.is_empty() && super::is_secret(setting) => HIDDEN.to_owned(),
        Some(value) => redact::text(&value).into_owned(),
        None => String::new(),
    };
    let source = match given.try_contains_id(id).ok().and_then(|_| given.value_source(id)) {
        Some(ValueSource::CommandLine) => "command line",
        Some(ValueSource::EnvVariable) => "environment",
        _ => "default",
    };
    let flag = setting.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    let name = setting.get_env().map_or(flag, |variable| variable.to_string_lossy().into_owned());
    let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
    Setting { name, value, source, help }
}
