//! Faults of network devices in namespaces of their own; never of the host's own network.

use super::command::run;
use super::{Fault, FaultError, Packets};

/// The longest that packets are held back, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

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
    packets: &Packets,
) -> Result<impl FnOnce() -> Result<(), String> + 'static, FaultError> {
    let mut words = vec!["tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "netem"];
    let settings = settings(packets).map_err(|why| fault.mistaken(why))?;
    words.extend(settings.iter().map(String::as_str));
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    Ok(move || run(&words.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// As `tc` understands them.
fn settings(packets: &Packets) -> Result<Vec<String>, String> {
    let Packets { delay_ms, jitter_ms, loss, duplicate, corrupt } = packets;
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

    #[test]
    fn packets_are_told_as_tc_understands_them() {
        let packets = Packets { delay_ms: 50, jitter_ms: 10, loss: 2.5, ..Packets::default() };
        assert_eq!(settings(&packets).unwrap().join(" "), "delay 50ms 10ms loss 2.5%");
        assert!(settings(&Packets { loss: 101.0, ..Packets::default() }).unwrap_err().contains("0 to 100"));
        assert!(settings(&Packets { jitter_ms: 1, ..Packets::default() }).unwrap_err().contains("jitter_ms"));
        assert!(settings(&Packets::default()).unwrap_err().contains("nothing"));
    }
}
