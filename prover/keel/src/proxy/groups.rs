//! `keel proxy group`: several proxies held at once.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Driver;
use super::show;

#[derive(Subcommand)]
pub(super) enum Group {
    /// Create a group of proxies
    Create {
        /// The group's name
        name: String,
        /// The proxies' names
        #[arg(required = true)]
        proxies: Vec<String>,
    },
    /// List the groups
    List,
    /// Pause all traffic of a group without losing any bytes
    Pause {
        /// The group's name
        name: String,
    },
    /// Partition a group from the network; bytes in flight are lost
    Partition {
        /// The group's name
        name: String,
    },
    /// Resume the traffic of a group
    Resume {
        /// The group's name
        name: String,
    },
    /// Resume the traffic of a group, and delete the group
    Delete {
        /// The group's name
        name: String,
    },
}

pub(super) async fn run(driver: &Driver, command: Group) -> Result<String, String> {
    match command {
        Group::Create { name, proxies } => {
            driver.post(&["groups"], &json!({"name": name, "proxies": proxies})).await?;
            Ok(format!("Created new group {name}\n"))
        }
        Group::List => Ok(show::groups(&driver.get(&["groups"]).await?)),
        Group::Pause { name } => hold(driver, &name, "pause").await,
        Group::Partition { name } => hold(driver, &name, "partition").await,
        Group::Resume { name } => hold(driver, &name, "resume").await,
        Group::Delete { name } => {
            driver.delete(&["groups", &name]).await?;
            Ok(format!("Deleted group {name}\n"))
        }
    }
}

async fn hold(driver: &Driver, name: &str, how: &str) -> Result<String, String> {
    let group = driver.post(&["groups", name, how], &Value::Null).await?;
    Ok(format!("Group {name} is now {}\n", group["hold"].as_str().unwrap_or_default()))
}
