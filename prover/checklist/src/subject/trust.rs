//! Trust in certificates of the service: `ca`, `pin` or `insecure_accept_any_certificate`.

use std::path::PathBuf;

use keel_wire::tls::Trust;
use url::{Host, Url};

/// Declarations about the certificate of the service.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// A file of authorities, in PEM.
    pub(super) ca: Option<PathBuf>,
    /// The pin of its key.
    pub(super) pin: Option<String>,
    /// Every certificate is accepted.
    pub(super) anything: bool,
    /// The name in its certificate, when that is not the host of the URL.
    pub(super) server_name: Option<String>,
}

impl Said {
    /// Returns the trusted certificates; `None` if no URL uses TLS. `urls` are the addresses of the service, `written` the names of the three keys
    /// in messages.
    ///
    /// # Errors
    /// A description of the mistake, and the remedy.
    pub(super) fn trust(&self, urls: &[&Url], written: [&str; 3]) -> Result<Option<Trust>, String> {
        let [ca, pin, anything] = written;
        let said = usize::from(self.ca.is_some()) + usize::from(self.pin.is_some()) + usize::from(self.anything);
        let over_tls: Vec<&&Url> = urls.iter().filter(|url| url.scheme() == "https").collect();
        let Some(first) = over_tls.first() else {
            return match said {
                0 => Ok(None),
                _ => Err(format!("`{ca}`, `{pin}` and `{anything}` are about https:// URLs, and there is none")),
            };
        };
        let trust = match (&self.ca, &self.pin, self.anything) {
            _ if said > 1 => return Err(format!("keep one of `{ca}`, `{pin}` and `{anything}`")),
            (Some(file), ..) => {
                let pem = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                Trust::authority(&pem).map_err(|what| format!("{}: {what}", file.display()))?
            }
            (_, Some(pin), _) => Trust::pin(pin)?,
            (.., true) => match over_tls.iter().find(|url| !is_loopback(url)) {
                Some(url) => {
                    return Err(format!("`{anything}` is for a service on this machine, and {url} is not on it"));
                }
                None => Trust::anything()?,
            },
            _ => {
                return Err(format!(
                    "{first} is called over TLS: say `{ca}` for a file with its authority, `{pin}` for the pin of its key, or, \
                     on this machine, `{anything}`"
                ));
            }
        };
        self.server_name.as_ref().map_or(Ok(trust.clone()), |name| trust.named(name)).map(Some)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics says where")]

    use super::*;

    const WRITTEN: [&str; 3] = ["ca", "pin", "insecure_accept_any_certificate"];

    fn trust(url: &str, said: &Said) -> Result<Option<Trust>, String> {
        said.trust(&[&url.parse().unwrap()], WRITTEN)
    }

    #[test]
    fn something_must_be_trusted_over_tls_and_only_there() {
        assert!(trust("http://127.0.0.1:1", &Said::default()).unwrap().is_none());
        assert!(trust("https://127.0.0.1:1", &Said::default()).unwrap_err().contains("`ca`"));
        let pin = Said { pin: Some(format!("sha256/{}=", "A".repeat(43))), ..Said::default() };
        assert!(trust("https://shop.example", &pin).unwrap().is_some());
        assert!(trust("http://127.0.0.1:1", &pin).unwrap_err().contains("there is none"));
        assert!(trust("https://127.0.0.1:1", &Said { anything: true, ..pin }).unwrap_err().contains("keep one"));
    }

    #[test]
    fn any_certificate_is_accepted_on_this_machine_alone() {
        let anything = Said { anything: true, ..Said::default() };
        for here in ["https://127.0.0.1:1", "https://[::1]:1", "https://localhost"] {
            assert!(trust(here, &anything).unwrap().is_some(), "{here}");
        }
        assert!(trust("https://127.0.0.1.example:1", &anything).unwrap_err().contains("is not on it"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let said = Said { ca: Some("/nowhere/ca.pem".into()), ..Said::default() };
        assert!(trust("https://localhost", &said).unwrap_err().contains("/nowhere/ca.pem"));
    }
}
