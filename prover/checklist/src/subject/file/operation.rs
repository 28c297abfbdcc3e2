//! Reads how the service is started and stopped, and which of its certificates are accepted: parts of `[service]`.

use std::path::Path;

use keel_input::diagnostics::Reading;
use keel_wire::tls::Trust;
use toml::Spanned;
use url::Url;

use super::service::Service;
use crate::subject::operation::{Commands, Operation};
use crate::subject::trust::Said;

/// Reads the start and stop of the service, and its `run`, which is empty if there is none.
pub(super) fn read(reading: &mut Reading<'_>, service: &Service) -> (Operation, String) {
    let attach = service.attach.as_ref().filter(|attach| *attach.get_ref());
    let ways = [service.run.is_some(), service.start.is_some(), attach.is_some()];
    if ways.into_iter().filter(|said| *said).count() != 1 {
        let what = "say one of `run` (a command in the foreground), `start` with `stop` (commands for a service in the background) \
                    and `attach = true` (a service that runs already)";
        reading.wrong(&service.url.span(), what);
    }
    for (command, name) in [
        (&service.run, "run"),
        (&service.start, "start"),
        (&service.stop, "stop"),
        (&service.kill, "kill"),
        (&service.logs, "logs"),
    ] {
        if let Some(command) = command.as_ref().filter(|command| command.get_ref().trim().is_empty()) {
            reading.wrong(&command.span(), format!("`{name}` is empty: say the command"));
        }
    }
    let text = |command: &Option<Spanned<String>>| command.as_ref().map(|command| command.get_ref().clone());
    let Some(start) = &service.start else {
        for (command, name) in [(&service.stop, "stop"), (&service.kill, "kill"), (&service.logs, "logs")] {
            if let Some(command) = command {
                reading.wrong(&command.span(), format!("`{name}` goes with `start`, and there is none"));
            }
        }
        let operation = match attach {
            Some(_) => Operation::Attached { pid: pid(reading, service) },
            None => Operation::Foreground,
        };
        if let (Operation::Foreground, Some(pid)) = (&operation, &service.pid) {
            reading.wrong(&pid.span(), "`pid` goes with `start` or `attach`: that of `run` is known");
        }
        return (operation, text(&service.run).unwrap_or_default());
    };
    let Some(stop) = text(&service.stop) else {
        reading.wrong(&start.span(), "`start` without `stop`: say the command that stops it");
        return (Operation::Foreground, String::new());
    };
    let commands = Commands {
        start: start.get_ref().clone(),
        stop,
        kill: text(&service.kill),
        logs: text(&service.logs),
        pid: text(&service.pid),
    };
    (Operation::Commands(commands), String::new())
}

/// Of a service that runs already it is a number.
fn pid(reading: &mut Reading<'_>, service: &Service) -> Option<u32> {
    let said = service.pid.as_ref()?;
    let number = said.get_ref().parse().ok().filter(|number| *number > 0);
    if number.is_none() {
        reading.wrong(
            &said.span(),
            format!("`pid` = {:?}: expected the number of its process, such as \"4711\"", said.get_ref()),
        );
    }
    number
}

/// Reads the accepted certificates for these URLs.
pub(super) fn trust<'u>(
    reading: &mut Reading<'_>,
    service: &Service,
    folder: &Path,
    urls: impl Iterator<Item = &'u Url>,
) -> Option<Option<Trust>> {
    let said = Said {
        ca: service.ca.as_ref().map(|file| folder.join(file.get_ref())),
        pin: service.pin.as_ref().map(|pin| pin.get_ref().clone()),
        anything: service.insecure_accept_any_certificate.as_ref().is_some_and(|said| *said.get_ref()),
        server_name: service.server_name.as_ref().map(|name| name.get_ref().clone()),
    };
    let spans = [
        service.ca.as_ref().map(Spanned::span),
        service.pin.as_ref().map(Spanned::span),
        service.insecure_accept_any_certificate.as_ref().map(Spanned::span),
        service.server_name.as_ref().map(Spanned::span),
    ];
    let place = spans.into_iter().flatten().next().unwrap_or_else(|| service.url.span());
    let urls: Vec<&Url> = urls.collect();
    reading.kept(&place, said.trust(&urls, ["ca", "pin", "insecure_accept_any_certificate"]))
}
