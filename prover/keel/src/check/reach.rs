//! Flags about a service that is called over TLS or runs already, and what cannot be examined of it.

use std::path::PathBuf;

use keel_checklist::examination::Examination;
use keel_checklist::reach;
use keel_checklist::subject::Subject;

#[derive(clap::Args)]
pub(super) struct Reach {
    /// Check a service that is already running; it is neither started nor stopped, and probes that need this do not run
    #[arg(long, requires = "url", conflicts_with = "run")]
    pub(super) attach: bool,
    /// The process id of the running service, to read its memory, descriptors and CPU time
    #[arg(long, value_name = "NUMBER", requires = "attach", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pid: Option<u32>,
    /// The certificate authority to trust, as a PEM file (https://)
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) ca: Option<PathBuf>,
    /// The pinned public key (https://): the base64 SHA-256 digest of the key
    #[arg(long, value_name = "sha256/...", requires = "url")]
    pub(super) pin: Option<String>,
    /// Accept every certificate (https://); only for a service on this machine
    #[arg(long, requires = "url")]
    pub(super) insecure_accept_any_certificate: bool,
    /// The name in the certificate (https://), if it differs from the host of --url
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(super) server_name: Option<String>,
}

/// Says before anything is started which attributes cannot be examined on this subject, by reason.
pub(super) fn tell_before(examination: &Examination, subject: &Subject) {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for id in examination.attributes() {
        let Some(why) = reach::missing(subject, id) else { continue };
        match reasons.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((why, vec![id])),
        }
    }
    for (why, ids) in reasons {
        eprintln!("keel: not examined: {} ({why})", ids.join(", "));
    }
}
