//! Faults of network devices in namespaces of their own; never of the host's own network.

use super::command::run;
use super::{Fault, FaultError, MAX_DELAY_MS};

/// Whether there is such a device in such a namespace.
pub(super) fn look(fault: &Fault, namespace: &str, device: &str) -> Result<(), FaultError> {
    let named = |word: &str| !word.is_empty() && !word.starts_with('-') && !word.contains(['/', ' ', '\n']);
    if !named(namespace) || !named(device) {
        return Err(fault.mistaken("a namespace and a device have names, as `ip netns` and `ip link` list them"));
    }
    run(&["ip", "-n", namespace, "link", "show", "dev", device]).map_err(|why| fault.mistaken(why))
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
    fn packets_are_told_as_tc_understands_them() {
        assert_eq!(said("delay_ms = 50\njitter_ms = 10\nloss = 2.5").unwrap(), "delay 50ms 10ms loss 2.5%");
        assert!(said("loss = 101.0").unwrap_err().contains("0 to 100"));
        assert!(said("jitter_ms = 1").unwrap_err().contains("jitter_ms"));
        assert!(said("").unwrap_err().contains("nothing"));
    }
}
