//! Faults of network devices in namespaces of their own; never of the host's own network.

use crate::fault::command::{output, run, succeeds};
use crate::fault::error::FaultError;
use crate::fault::kind::{Fault, MAX_DELAY_MS};
use crate::fault::undo::Undo;

/// Checks that the namespace has such a device.
pub(super) fn look(fault: &Fault, namespace: &str, device: &str) -> Result<(), FaultError> {
    let named = |word: &str| !word.is_empty() && !word.starts_with('-') && !word.contains(['/', ' ', '\n']);
    if !named(namespace) || !named(device) {
        return Err(fault.mistaken("a namespace and a device have names, as `ip netns` and `ip link` list them"));
    }
    run(&["ip", "-n", namespace, "link", "show", "dev", device]).map_err(|why| fault.mistaken(why))
}

/// Returns the undo that brings the device up again as it is now.
pub(super) fn undo_of_partition(fault: &Fault, namespace: &str, device: &str) -> Result<Undo, FaultError> {
    let asked = |words: &[&str]| {
        let words: Vec<&str> = ["ip", "-n", namespace].into_iter().chain(words.iter().copied()).collect();
        output(&words).map_err(|why| fault.mistaken(why))
    };
    let flags = asked(&["link", "show", "dev", device])?;
    if !flags.split(['<', '>']).nth(1).unwrap_or_default().split(',').any(|flag| flag == "UP") {
        return Err(fault.mistaken(format!("{device} in {namespace} is down already")));
    }
    let addresses = asked(&["-6", "-o", "addr", "show", "dev", device, "scope", "global"])?;
    let address = |line: &str| line.split_whitespace().skip_while(|word| *word != "inet6").nth(1).map(str::to_owned);
    let mut routes: Vec<String> = Vec::new();
    for version in ["-4", "-6"] {
        let shown = asked(&[version, "route", "show", "dev", device])?;
        // Those that come with an address, the kernel makes again itself.
        routes.extend(shown.lines().filter(|line| !line.contains("proto kernel")).map(|line| line.trim().to_owned()));
    }
    Ok(Undo::LinkUp {
        namespace: namespace.to_owned(),
        device: device.to_owned(),
        addresses: addresses.lines().filter_map(address).collect(),
        routes,
    })
}

/// Brings a device up with its addresses and routes; nothing where the device is gone.
pub(super) fn link_up(namespace: &str, device: &str, addresses: &[String], routes: &[String]) -> Result<(), String> {
    if !succeeds(&["ip", "-n", namespace, "link", "show", "dev", device]) {
        return Ok(());
    }
    run(&["ip", "-n", namespace, "link", "set", "dev", device, "up"])?;
    for address in addresses {
        run(&["ip", "-n", namespace, "-6", "addr", "replace", address, "dev", device, "nodad"])?;
    }
    for route in routes {
        let version = if route.contains(':') { "-6" } else { "-4" };
        let mut words = vec!["ip", "-n", namespace, version, "route", "replace"];
        words.extend(route.split_whitespace().filter(|word| *word != "linkdown" && *word != "dead"));
        words.extend(["dev", device]);
        run(&words)?;
    }
    Ok(())
}

pub(super) fn partition(namespace: &str, device: &str) -> impl FnOnce() -> Result<(), String> + 'static {
    let (namespace, device) = (namespace.to_owned(), device.to_owned());
    move || run(&["ip", "-n", &namespace, "link", "set", "dev", &device, "down"])
}

pub(super) fn netem(
    fault: &Fault,
    namespace: &str,
    device: &str,
) -> Result<impl FnOnce() -> Result<(), String> + 'static, FaultError> {
    if output(&["tc", "-n", namespace, "qdisc", "show", "dev", device]).is_ok_and(|shown| shown.contains("netem")) {
        return Err(fault.mistaken(format!("{device} in {namespace} has a netem already")));
    }
    let mut words = vec!["tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "netem"];
    let settings = settings(fault).map_err(|why| fault.mistaken(why))?;
    words.extend(settings.iter().map(String::as_str));
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    Ok(move || run(&words.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// As `tc` understands them.
fn settings(fault: &Fault) -> Result<Vec<String>, String> {
    let Fault::Netem { delay_ms, jitter_ms, loss, duplicate, corrupt, .. } = fault else { return Ok(Vec::new()) };
    if *delay_ms > MAX_DELAY_MS || jitter_ms > delay_ms {
        return Err(format!("delay_ms is at most {MAX_DELAY_MS}, and jitter_ms at most delay_ms"));
    }
    let mut words = Vec::new();
    if *delay_ms > 0 {
        words.extend(["delay".to_owned(), format!("{delay_ms}ms"), format!("{jitter_ms}ms")]);
    }
    for (name, percentage) in [("loss", loss), ("duplicate", duplicate), ("corrupt", corrupt)] {
        if !(0.0..=100.0).contains(percentage) {
            return Err(format!("{name} is {percentage}; it is a percentage, 0 to 100"));
        }
        if *percentage > 0.0 {
            words.extend([name.to_owned(), format!("{percentage}%")]);
        }
    }
    match words.is_empty() {
        true => Err("nothing is to happen: say delay_ms, loss, duplicate or corrupt".to_owned()),
        false => Ok(words),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    fn said(words: &str) -> Result<String, String> {
        let fault = toml::from_str(&format!("fault = 'netem'\nnamespace = 'a'\ndevice = 'b'\n{words}")).unwrap();
        settings(&fault).map(|words| words.join(" "))
    }

    #[test]
    fn packet_faults_are_written_as_arguments_of_tc() {
        assert_eq!(said("delay_ms = 50\njitter_ms = 10\nloss = 2.5").unwrap(), "delay 50ms 10ms loss 2.5%");
        assert!(said("loss = 101.0").unwrap_err().contains("0 to 100"));
        assert!(said("jitter_ms = 1").unwrap_err().contains("jitter_ms"));
        assert!(said("").unwrap_err().contains("nothing"));
    }
}
