//! Settings of TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use border::TlsFiles;
use clap::Args;

use crate::duration::parse_duration;

/// TLS of the public listener. Without a certificate it serves plain HTTP.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct TlsSettings {
    /// File with the certificate of the public listener and its intermediate authorities, in PEM; it serves TLS then. Replaced files are used within
    /// TLS_RELOAD, or at once after SIGHUP. Default: none.
    #[arg(id = "std.tls_certificate", long = "tls-certificate", env = "TLS_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,

    /// File with the private key of the certificate, in PEM.
    #[arg(id = "std.tls_file_of_key", long = "tls-key", env = "TLS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// File with the authorities of client certificates, in PEM; every client must have one then (mutual TLS). Default: none.
    #[arg(id = "std.tls_client_ca", long = "tls-client-ca", env = "TLS_CLIENT_CA", value_name = "FILE")]
    pub client_authorities: Option<PathBuf>,

    /// Time between two looks at the files of TLS.
    #[arg(
        id = "std.tls_reload",
        long = "tls-reload",
        env = "TLS_RELOAD",
        value_name = "DURATION",
        default_value = "10s",
        value_parser = reload_period
    )]
    pub reload: Duration,

    /// Address and port of a plain listener that redirects GET and HEAD to https and refuses the rest. Default: none.
    #[arg(id = "std.redirect", long = "redirect-listen", env = "REDIRECT_LISTEN", value_name = "ADDRESS:PORT")]
    pub redirect: Option<SocketAddr>,
}

impl TlsSettings {
    /// The files; none for a plain listener.
    pub(crate) fn files(&self) -> Option<TlsFiles> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else { return None };
        Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_authorities: self.client_authorities.clone(),
        })
    }

    /// The settings that are there without the one that they need, each with that one.
    pub(crate) fn incomplete(&self) -> Vec<(&'static str, &'static str)> {
        let (certificate, key) = (self.certificate.is_some(), self.key.is_some());
        let all = [
            (certificate && !key, "TLS_CERTIFICATE", "TLS_KEY"),
            (key && !certificate, "TLS_KEY", "TLS_CERTIFICATE"),
            (self.client_authorities.is_some() && !certificate, "TLS_CLIENT_CA", "TLS_CERTIFICATE"),
            (self.redirect.is_some() && !certificate, "REDIRECT_LISTEN", "TLS_CERTIFICATE"),
        ];
        all.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, name, other)| (name, other)).collect()
    }
}

fn reload_period(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(period) if period < Duration::from_millis(100) => Err(format!("{text:?} is shorter than 100ms")),
        Ok(period) => Ok(period),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn settings(arguments: &[&str]) -> TlsSettings {
        let arguments = std::iter::once("test").chain(arguments.iter().copied());
        let matches = TlsSettings::augment_args(Command::new("test")).try_get_matches_from(arguments).unwrap();
        TlsSettings::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn a_setting_without_the_one_that_it_needs_is_a_mistake() {
        for (arguments, wrong) in [
            (&[][..], &[][..]),
            (&["--tls-certificate=a", "--tls-key=b", "--tls-client-ca=c", "--redirect-listen=127.0.0.1:0"], &[]),
            (&["--tls-certificate=a"], &["TLS_CERTIFICATE"]),
            (&["--tls-key=b"], &["TLS_KEY"]),
            (&["--tls-client-ca=c", "--redirect-listen=127.0.0.1:0"], &["TLS_CLIENT_CA", "REDIRECT_LISTEN"]),
        ] {
            let names: Vec<&str> = settings(arguments).incomplete().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, wrong, "{arguments:?}");
        }
    }

    #[test]
    fn a_plain_listener_has_no_files() {
        assert_eq!(settings(&[]).files(), None);
        assert!(settings(&["--tls-certificate=a", "--tls-key=b"]).files().is_some());
    }
}
