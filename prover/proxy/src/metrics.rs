//! A fleet's counters as Prometheus text, under Toxiproxy's names.

use std::fmt::Write;

use crate::fleet::Fleet;
use crate::toxic::Stream;

/// The metrics that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Bytes of each proxy.
    pub proxies: bool,
    /// True to export the resource usage of the process.
    pub runtime: bool,
}

pub(super) fn text(fleet: &Fleet, shown: Shown) -> String {
    let mut text = String::new();
    if shown.proxies {
        proxies(&mut text, fleet);
    }
    if shown.runtime {
        runtime(&mut text);
    }
    text
}

fn proxies(text: &mut String, fleet: &Fleet) {
    let all = fleet.all();
    for name in ["toxiproxy_proxy_received_bytes_total", "toxiproxy_proxy_sent_bytes_total"] {
        let _ = writeln!(text, "# HELP {name} \n# TYPE {name} counter");
        for stream in [Stream::Downstream, Stream::Upstream] {
            for proxy in all.values() {
                let bytes = if name.contains("received") { proxy.received(stream) } else { proxy.sent(stream) };
                let _ = writeln!(
                    text,
                    "{name}{{direction=\"{}\",listener=\"{}\",proxy=\"{}\",upstream=\"{}\"}} {bytes}",
                    stream.word(),
                    escaped(&proxy.listen()),
                    escaped(proxy.name()),
                    escaped(&proxy.upstream()),
                );
            }
        }
    }
}

/// The names that Prometheus clients of every language give to what a process uses; where /proc tells it.
fn runtime(text: &mut String) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let descriptors = std::fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64).ok();
    for (name, value) in [
        ("process_resident_memory_bytes", kibibytes("VmRSS:").map(|size| size * 1024)),
        ("process_virtual_memory_bytes", kibibytes("VmSize:").map(|size| size * 1024)),
        ("process_threads", kibibytes("Threads:")),
        ("process_open_fds", descriptors),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} \n# TYPE {name} gauge\n{name} {value}");
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        text,
        "# HELP keel_build_info \n# TYPE keel_build_info gauge\nkeel_build_info{{version=\"{version}\"}} 1"
    );
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
