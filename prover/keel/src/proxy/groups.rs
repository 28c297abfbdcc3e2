//! `keel proxy group`: several proxies held at once.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Driver;
use super::show;

#[derive(Subcommand)]
pub(super) enum Group {
    /// Make a group of proxies
    Create {
        /// The group's name
        name: String,
        /// The proxies' names
        #[arg(required = true)]
        proxies: Vec<String>,
    },
    /// List the groups
    List,
    /// Stop all bytes of a group; nothing is lost
    Pause {
        /// The group's name
        name: String,
    },
    /// Cut a group off, as a network partition does; what was in flight is lost
    Partition {
        /// The group's name
        name: String,
    },
    /// Let a group flow again
    Resume {
        /// The group's name
        name: String,
    },
    /// Let a group flow again, and forget it
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
