//! The requests and the output of each command of `keel proxy`.

use serde_json::{Map, Value, json};

use super::arguments::{Command, Settings, Toxic};
use super::client::Driver;
use super::{groups, show};

/// Runs the command, and returns its output.
pub(super) async fn run(driver: &Driver, command: Command) -> Result<String, String> {
    match command {
        Command::Create { name, listen, upstream } => {
            let proxy = json!({"name": name, "listen": listen, "upstream": upstream, "enabled": true});
            driver.post(&["proxies"], &proxy).await.map_err(|error| format!("Failed to create proxy: {error}"))?;
            Ok(format!("Created new proxy {name}\n"))
        }
        Command::List => {
            let proxies = driver.get(&["proxies"]).await;
            Ok(show::proxies(&proxies.map_err(|error| format!("Failed to retrieve proxies: {error}"))?))
        }
        Command::Inspect { name } => Ok(show::proxy(&proxy(driver, &name).await?)),
        Command::Toggle { name } => toggle(driver, &name).await,
        Command::Delete { name } => {
            driver.delete(&["proxies", &name]).await.map_err(|error| format!("Failed to delete proxy: {error}"))?;
            Ok(format!("Deleted proxy {name}\n"))
        }
        Command::Toxic(command) => toxic(driver, command).await,
        Command::Group(command) => groups::run(driver, command).await,
    }
}

async fn proxy(driver: &Driver, name: &str) -> Result<Value, String> {
    driver.get(&["proxies", name]).await.map_err(|error| format!("Failed to retrieve proxy {name}: {error}"))
}

async fn toggle(driver: &Driver, name: &str) -> Result<String, String> {
    let enabled = proxy(driver, name).await?["enabled"] != Value::Bool(true);
    driver
        .patch(&["proxies", name], &json!({"enabled": enabled}))
        .await
        .map_err(|error| format!("Failed to toggle proxy {name}: {error}"))?;
    Ok(format!("Proxy {name} is now {}\n", show::enabled(enabled)))
}

async fn toxic(driver: &Driver, command: Toxic) -> Result<String, String> {
    match command {
        Toxic::Add { proxy, kind, name, settings, upstream, downstream: _ } => {
            let mut body = body(&settings);
            body.insert("type".to_owned(), kind.into());
            body.insert("stream".to_owned(), if upstream { "upstream" } else { "downstream" }.into());
            if let Some(name) = name {
                body.insert("name".to_owned(), name.into());
            }
            let added = driver.post(&["proxies", &proxy, "toxics"], &body.into()).await;
            let added = added.map_err(|error| format!("Failed to add toxic: {error}"))?;
            warn_of_unknown(&settings, &added);
            let said = |field: &str| added[field].as_str().unwrap_or_default().to_owned();
            Ok(format!("Added {} {} toxic '{}' on proxy '{proxy}'\n", said("stream"), said("type"), said("name")))
        }
        Toxic::Update { proxy, name, settings } => {
            let updated = driver.patch(&["proxies", &proxy, "toxics", &name], &body(&settings).into()).await;
            let updated = updated.map_err(|error| format!("Failed to update toxic: {error}"))?;
            warn_of_unknown(&settings, &updated);
            Ok(format!("Updated toxic '{name}' on proxy '{proxy}'\n"))
        }
        Toxic::Remove { proxy, name } => {
            let removed = driver.delete(&["proxies", &proxy, "toxics", &name]).await;
            removed.map_err(|error| format!("Failed to remove toxic: {error}"))?;
            Ok(format!("Removed toxic '{name}' on proxy '{proxy}'\n"))
        }
    }
}

fn body(settings: &Settings) -> Map<String, Value> {
    let attributes: Map<String, Value> = settings.attributes.iter().cloned().collect();
    let mut body = Map::from_iter([("attributes".to_owned(), attributes.into())]);
    if let Some(toxicity) = settings.toxicity {
        body.insert("toxicity".to_owned(), toxicity.into());
    }
    body
}

/// Warns of attributes that the toxic does not have: the server ignores them silently.
fn warn_of_unknown(settings: &Settings, toxic: &Value) {
    let Some(known) = toxic["attributes"].as_object() else { return };
    for (name, _) in &settings.attributes {
        if !known.contains_key(&name.to_ascii_lowercase()) {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let hint = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            eprintln!("keel: {} has no attribute {name}: {hint}", toxic["type"].as_str().unwrap_or("the toxic"));
        }
    }
}
