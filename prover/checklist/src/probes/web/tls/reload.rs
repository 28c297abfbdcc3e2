//! The replacement of the certificate, under connections that come one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keel_drill::process::{Launch, run_to_end};
use keel_wire::http::{Client, Request};
use keel_wire::tls::Protocol;
use tokio::net::TcpStream;
use url::Url;

use crate::clause::web::tls as clause;
use crate::control::Control;
use crate::evidence::Evidence;
use crate::lab::Lab;

/// The bound of one connection.
const EACH: Duration = Duration::from_secs(10);
/// The bound of the command.
const COMMAND: Duration = Duration::from_secs(30);
/// Time within which the new certificate must be shown.
const WITHIN: Duration = Duration::from_secs(60);
/// Time for which connections go on after it.
const AFTER: Duration = Duration::from_secs(1);
/// Time between two looks.
const AGAIN: Duration = Duration::from_millis(50);
/// Connections before the command.
const BEFORE: usize = 10;
/// Clients at the same time.
const CLIENTS: usize = 3;

/// The certificate and the version of a new connection.
pub(super) struct Shown {
    certificate: Vec<u8>,
    /// The version, by its name.
    pub(super) version: String,
}

impl Shown {
    /// Looks at a new connection.
    pub(super) async fn look(lab: &Lab) -> Result<Self, String> {
        let Some(trust) = &lab.subject.trust else { return Err("no certificate is trusted".to_owned()) };
        let url: &Url = &lab.subject.url;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
        let host = host.trim_matches(['[', ']']);
        let tls = trust.to(host, Protocol::Http1)?;
        let shaken = async { tls.over(TcpStream::connect((host, port)).await?).await };
        let stream = match tokio::time::timeout(EACH, shaken).await {
            Ok(shaken) => shaken.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no handshake within {EACH:?}")),
        };
        let connection = stream.get_ref().1;
        let certificate = connection.peer_certificates().and_then(|chain| chain.first());
        Ok(Self {
            certificate: certificate.map(|certificate| certificate.to_vec()).unwrap_or_default(),
            version: connection.protocol_version().map_or_else(String::new, |version| format!("{version:?}")),
        })
    }
}

/// Counts of the connections of a replacement.
#[derive(Debug, Default)]
pub(super) struct Replacement {
    /// Connections while it ran, and those that failed.
    pub(super) connections: usize,
    pub(super) failed: usize,
    /// The first failure.
    pub(super) first: String,
    /// Time until the new certificate was shown; none: it was not.
    pub(super) shown_after: Option<Duration>,
}

/// Replaces the certificate by the declared command.
pub(super) async fn examine(lab: &Lab) -> Evidence {
    let Some(command) = &lab.subject.renew_certificate else {
        let what = "no command replaces the certificate: say `renew_certificate = \"COMMAND\"` in [service]";
        return clause::RELOAD.gap(what);
    };
    let client = lab.http().with_timeout(EACH);
    let before = match Shown::look(lab).await {
        Ok(before) => before.certificate,
        Err(error) => return clause::RELOAD.gap(format!("no connection of TLS could be made: {error}")),
    };
    let mut failed = 0;
    for _ in 0..BEFORE {
        failed += usize::from(client.send(Request::get("/")).await.answer().is_none());
    }
    let same = Shown::look(lab).await.is_ok_and(|shown| shown.certificate == before);
    let control = Control::seen(
        failed == 0 && same,
        format!("before it {BEFORE} of {BEFORE} connections succeed, with one certificate"),
        format!("before it {failed} of {BEFORE} connections fail, or the certificate changes by itself"),
    );
    let control = match control {
        Ok(control) => control,
        Err(failed) => return clause::RELOAD.uncontrolled(&failed),
    };
    let load = Load::start(&client);
    let launch = Launch { command: command.clone(), ..lab.launch() };
    let ended = run_to_end(&launch, COMMAND).await;
    if !ended.as_ref().is_ok_and(keel_drill::process::Ended::is_success) {
        load.end().await;
        let output = ended.map_or_else(|error| error.to_string(), |ended| ended.output);
        return clause::RELOAD.gap(format!("`renew_certificate` (`{command}`) fails: {}", output.trim()));
    }
    let begun = Instant::now();
    let mut shown_after = None;
    while shown_after.is_none() && begun.elapsed() < lab.pace.of(WITHIN).max(EACH) {
        let shown = Shown::look(lab).await;
        shown_after = shown.is_ok_and(|shown| shown.certificate != before).then(|| begun.elapsed());
        tokio::time::sleep(AGAIN).await;
    }
    tokio::time::sleep(AFTER).await;
    judge(&Replacement { shown_after, ..load.end().await }, &control)
}

/// Judges a replacement.
pub(super) fn judge(replacement: &Replacement, control: &Control) -> Evidence {
    let Replacement { connections, failed, first, shown_after } = replacement;
    match shown_after {
        _ if *failed > 0 => clause::RELOAD.contradicts(format!(
            "{failed} of {connections} connections fail while the certificate is replaced: {first}"
        )),
        None => clause::RELOAD.contradicts("new connections still get the old certificate after the command"),
        Some(_) if *connections == 0 => clause::RELOAD.gap("no connection was made while the certificate was replaced"),
        Some(after) => clause::RELOAD
            .holds(format!(
                "the new certificate is shown after {:.1} s, and {connections} of {connections} connections succeed",
                after.as_secs_f64()
            ))
            .by(control),
    }
}

/// Clients that make a connection for each request.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<Replacement>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS)
            .map(|_| {
                let (client, stop) = (client.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut seen = Replacement::default();
                    // Each exchange is bounded, and so is the wait for the new certificate.
                    while !stop.load(Ordering::Relaxed) {
                        let exchange = client.send(Request::get("/")).await;
                        seen.connections += 1;
                        if exchange.answer().is_none() {
                            seen.failed += 1;
                            if seen.first.is_empty() {
                                seen.first = "not answered".to_owned();
                            }
                        }
                        tokio::time::sleep(AGAIN).await;
                    }
                    seen
                })
            })
            .collect();
        Self { stop, clients }
    }

    async fn end(self) -> Replacement {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Replacement::default();
        for client in self.clients {
            let Ok(seen) = client.await else { continue };
            all.connections += seen.connections;
            all.failed += seen.failed;
            if all.first.is_empty() {
                all.first = seen.first;
            }
        }
        all
    }
}
