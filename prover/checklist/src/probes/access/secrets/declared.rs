//! Credentials that are declared: in headers and bodies of the mix, and by their names on a command line.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::Lab;

/// Shorter values are found by chance.
pub(super) const LEAST: usize = 6;
/// Parts of the names of members, fields and arguments with credentials, in small letters without separators.
const NAMES: [&str; 6] = ["password", "passwd", "secret", "accesstoken", "apikey", "privatekey"];

/// Returns the credentials of declared requests, by place: a header with a credential, a member of JSON, a field of a form.
pub(super) fn of(lab: &Lab) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for spec in lab.mix() {
        let request = lab.fill(&spec);
        for (name, value) in &request.headers {
            let credential = match name.to_ascii_lowercase().as_str() {
                "authorization" => value.split_once(' ').map(|(_, credential)| credential),
                "cookie" => value.split_once('=').map(|(_, credential)| credential),
                "x-api-key" => Some(value.as_str()),
                _ => None,
            };
            all.extend(
                credential.map(|credential| (format!("the {name} header of {}", spec.name), credential.to_owned())),
            );
        }
        let members: Vec<(String, String)> = match serde_json::from_slice::<Value>(&request.body) {
            Ok(json) => members(&json),
            Err(_) => url::form_urlencoded::parse(&request.body).into_owned().collect(),
        };
        let secret = members.into_iter().filter(|(name, _)| is_secret(name));
        all.extend(secret.map(|(name, value)| (format!("{name} in the body of {}", spec.name), value)));
    }
    all.retain(|_, value| value.len() >= LEAST);
    all
}

/// The name of an argument that carries a credential, such as `--db-password=…`, `--token …` or a URL with a password.
pub(super) fn on_command_line(line: &str) -> Option<String> {
    let mut arguments = line.split_whitespace().peekable();
    while let Some(argument) = arguments.next() {
        let argument = argument.trim_matches(['\'', '"']);
        if url::Url::parse(argument).is_ok_and(|url| url.password().is_some()) {
            return Some("a password in a URL".to_owned());
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument, arguments.peek().copied()),
        };
        // A file or a variable that holds it is no credential, and `_FILE` and `-path` say so.
        let elsewhere = ["file", "path", "env"].iter().any(|end| name.to_lowercase().ends_with(end));
        let is_value = value.is_some_and(|value| value.len() >= LEAST && !value.starts_with(['-', '$', '/']));
        if name.starts_with('-') && is_secret(name) && !elsewhere && is_value {
            return Some(name.to_owned());
        }
    }
    None
}

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.iter().any(|word| plain.to_lowercase().contains(word))
}

/// Every text of a JSON document with the name of its member, at any depth.
fn members(json: &Value) -> Vec<(String, String)> {
    match json {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) => vec![(name.clone(), text.clone())],
                other => members(other),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(members).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_on_a_command_line_are_known_by_their_names() {
        for line in
            ["serve --db-password=hunter2hunter2", "serve --api-key 9fQ2mX7bL4", "serve postgres://me:h7Gq2kZ9@db/x"]
        {
            assert!(on_command_line(line).is_some(), "{line}");
        }
        for line in [
            "serve --password-file=/run/secrets/db",
            "serve --password $DB_PASSWORD",
            "serve --port 8080 --secret-env=DB_SECRET",
            "serve http://127.0.0.1:80/",
        ] {
            assert_eq!(on_command_line(line), None, "{line}");
        }
    }

    #[test]
    fn members_of_any_depth_are_found() {
        let json = serde_json::json!({ "user": { "name": "ada", "password": "sEcr3t-0f-Ada" }, "list": [{ "api_key": "k1k2k3" }] });
        let secret: Vec<String> =
            members(&json).into_iter().filter(|(name, _)| is_secret(name)).map(|(_, v)| v).collect();
        assert_eq!(secret, ["k1k2k3", "sEcr3t-0f-Ada"]);
    }
}
