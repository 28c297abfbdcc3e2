//! The command line of `keel proxy`: flags of the server, and the commands of toxiproxy-cli.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::groups;

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = false,
    after_help = "Without a command, keel serves the proxy until Ctrl-C. With a command, it drives a running server.\n\nExit \
                  codes:\n  0    success\n  1    the server refused the command or cannot be reached\n  2    a mistake in the \
                  command line or a file\n  3    the address to listen on is not available"
)]
pub(crate) struct Arguments {
    /// The host to listen on [default: localhost]; with a command, the URL of the server [default: http://localhost:8474]
    #[arg(long, global = true, value_name = "HOST")]
    pub(super) host: Option<String>,
    /// The port to listen on
    #[arg(long, default_value_t = keel_proxy::api::PORT)]
    pub(super) port: u16,
    /// A JSON file with the proxies to create at start
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The seed of all randomness; the same seed repeats a run
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Export the bytes of each proxy at /metrics
    #[arg(long)]
    pub(super) proxy_metrics: bool,
    /// Export the resource usage of the process at /metrics
    #[arg(long)]
    pub(super) runtime_metrics: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Create a proxy
    #[command(visible_aliases = ["c", "new"])]
    Create {
        /// The proxy's name
        name: String,
        /// The address to listen on: HOST:PORT or unix:PATH
        #[arg(short, long, value_name = "ADDRESS")]
        listen: String,
        /// The address to forward to: HOST:PORT or unix:PATH
        #[arg(short, long, value_name = "ADDRESS")]
        upstream: String,
    },
    /// List the proxies
    #[command(visible_aliases = ["l", "li", "ls"])]
    List,
    /// Show the toxics of a proxy
    #[command(visible_aliases = ["i", "ins"])]
    Inspect {
        /// The proxy's name
        name: String,
    },
    /// Disable an enabled proxy, enable a disabled one
    #[command(visible_alias = "tog")]
    Toggle {
        /// The proxy's name
        name: String,
    },
    /// Delete a proxy
    #[command(visible_alias = "d")]
    Delete {
        /// The proxy's name
        name: String,
    },
    /// Add, change or remove a toxic
    #[command(subcommand, visible_alias = "t")]
    Toxic(Toxic),
    /// Pause, partition and resume several proxies together
    #[command(subcommand)]
    Group(groups::Group),
}

#[derive(Subcommand)]
pub(super) enum Toxic {
    /// Add a toxic
    #[command(visible_alias = "a", after_help = types())]
    Add {
        /// The proxy's name
        proxy: String,
        /// The type of the toxic, from the list below
        #[arg(short = 't', long = "type", value_name = "TYPE")]
        kind: String,
        /// The name of the toxic [default: TYPE_STREAM]
        #[arg(short = 'n', long = "toxicName", visible_alias = "toxic-name", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Apply the toxic to the bytes from the client
        #[arg(short, long, conflicts_with = "downstream")]
        upstream: bool,
        /// Apply the toxic to the bytes from the upstream (the default)
        #[arg(short, long)]
        downstream: bool,
    },
    /// Change a toxic
    #[command(visible_alias = "u")]
    Update {
        /// The proxy's name
        proxy: String,
        /// The name of the toxic
        #[arg(short = 'n', long = "toxicName", visible_alias = "toxic-name", value_name = "NAME")]
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Remove a toxic
    #[command(visible_aliases = ["r", "delete", "d"])]
    Remove {
        /// The proxy's name
        proxy: String,
        /// The name of the toxic
        #[arg(short = 'n', long = "toxicName", visible_alias = "toxic-name", value_name = "NAME")]
        name: String,
    },
}

#[derive(Args)]
pub(super) struct Settings {
    /// The share of connections that the toxic applies to, from 0 to 1; also -tox
    #[arg(long, value_parser = toxicity)]
    pub(super) toxicity: Option<f32>,
    /// An attribute of the toxic; can be repeated
    #[arg(short, long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    pub(super) attributes: Vec<(String, serde_json::Value)>,
}

/// Lists the types of toxics, one a line.
fn types() -> String {
    let line = |kind: &keel_proxy::toxic::Type| match kind.attributes.is_empty() {
        true => format!("\n  {:<14} {}", kind.word, kind.help),
        false => format!("\n  {:<14} {}: {}", kind.word, kind.help, kind.usage()),
    };
    let lines: String = keel_proxy::toxic::TYPES.iter().map(line).collect();
    format!("Types, and their attributes:{lines}")
}

fn toxicity(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "toxicity should be a number between 0 and 1".to_owned())
}

/// A number where it looks like one, text otherwise.
fn attribute(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "expected KEY=VALUE, such as latency=100".to_owned())?;
    let value = serde_json::from_str(value).ok().filter(serde_json::Value::is_number);
    let text = || text.split_once('=').map(|(_, value)| value.into()).unwrap_or_default();
    Ok((key.to_owned(), value.unwrap_or_else(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_numbers_where_they_can_be() {
        assert_eq!(attribute("latency=100"), Ok(("latency".to_owned(), 100.into())));
        assert_eq!(attribute("key=a=b"), Ok(("key".to_owned(), "a=b".into())));
        assert!(attribute("latency").is_err());
    }
}
