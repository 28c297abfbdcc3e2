//! The values that people write: URLs, paths of a URL, `NAME=VALUE`. Each refusal names the expected form.

use std::path::Path;

use keel_input::credentials;
use keel_input::template;
use url::Url;

/// A URL at which a service is called.
pub(super) fn service_url(text: &str) -> Result<Url, String> {
    let form = "expected http://HOST:PORT, https://HOST:PORT or unix:/PATH/OF.sock";
    let url = credentials::parse(text).map_err(|why| format!("{why}; {form}"))?;
    let text = credentials::shown_text(text);
    match url.scheme() {
        "http" | "https" => Ok(url),
        "unix" if url.host_str().is_none_or(str::is_empty) && url.path().len() > 1 => Ok(url),
        _ => Err(format!("{text:?}: {form}")),
    }
}

/// A URL with a host, or one that reaches something in the file system; its scheme is the dependency's own.
pub(super) fn dependency_url(text: &str) -> Result<Url, String> {
    let form =
        "expected http://HOST:PORT, https://localhost:PORT, tcp://HOST:PORT, or such as postgres://HOST:PORT/NAME";
    let url = credentials::parse(text).map_err(|why| format!("{why}; {form}"))?;
    let text = credentials::shown_text(text);
    match url.scheme() {
        "https" if !is_here(&url) => Err(format!(
            "{text:?}: the proxy in front of it is at 127.0.0.1 or localhost, for which its certificate is not; name a stand-in on \
             this machine that has a certificate for localhost, or say http://"
        )),
        "postgres" | "postgresql" if !is_here(&url) && compares_names(&url) => Err(format!(
            "{text:?}: sslmode=verify-full compares the name in the certificate, and the proxy in front of it is at 127.0.0.1; say \
             sslmode=verify-ca or sslmode=require, or sslmode=disable where the server speaks without TLS"
        )),
        _ if url.cannot_be_a_base() => Err(format!("{text:?}: {form}")),
        "tcp" if url.port().is_none() => Err(format!("{text:?} has no port; {form}")),
        _ => Ok(url),
    }
}

/// The template of an address that is written without a path: as a URL of HTTP it would get a slash.
pub(super) fn without_path(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) || rest.contains(['/', '?', '#']) {
        return None;
    }
    let credentials = rest.rsplit_once('@').map_or(String::new(), |(credentials, _)| format!("{credentials}@"));
    Some(format!("{scheme}://{credentials}{{host}}:{{port}}"))
}

/// Returns true if a URL names this machine.
fn is_here(url: &Url) -> bool {
    ["localhost", "127.0.0.1"].contains(&url.host_str().unwrap_or_default())
}

fn compares_names(url: &Url) -> bool {
    url.query_pairs().any(|(name, mode)| name == "sslmode" && mode == "verify-full")
}

/// The path of a URL.
pub(super) fn url_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} must start with a slash, such as /readyz"))
}

/// The path of a URL that is asked for as it is: nothing in it is a template.
pub(super) fn fixed_path(text: &str) -> Result<String, String> {
    match template::unknown(text, |_| false).first() {
        Some(name) => Err(format!("{text:?}: nothing fills {{{name}}} here: write the path as it is asked for")),
        None => url_path(text),
    }
}

/// The name of an environment variable.
pub(super) fn variable(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['=', '\0']) || name.contains(char::is_whitespace) {
        return Err(format!("{name:?} is no name of an environment variable"));
    }
    Ok(name.to_owned())
}

/// A folder that is there.
pub(super) fn folder(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Ok(());
    }
    Err(format!("there is no folder {}", path.display()))
}

/// The program's name, for reports.
pub(super) fn name_of(run: &str) -> String {
    let starts_it = |word: &&str| !word.contains('=') && !matches!(*word, "exec" | "env");
    let program = run.split_whitespace().find(starts_it).unwrap_or(run).trim_matches(['"', '\'']);
    Path::new(program).file_name().map_or_else(|| program.to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_path_has_no_templates() {
        assert_eq!(fixed_path("/readyz"), Ok("/readyz".to_owned()));
        assert!(fixed_path("/ready/{id}").unwrap_err().contains("nothing fills {id} here"));
    }

    #[test]
    fn a_name_is_the_programs() {
        assert_eq!(name_of("PORT=1 exec '/usr/sbin/nginx' -g x"), "nginx");
        assert_eq!(name_of("target/debug/ledger serve"), "ledger");
        assert_eq!(name_of(""), "");
    }
}
