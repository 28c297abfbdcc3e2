//! The probes of chapter `web`.

use super::Probe;

mod paths;

pub mod cookies;
pub mod csrf;
pub mod headers;
pub mod robots;

/// In the order in which they run.
pub const PROBES: &[Probe] = &[
    Probe {
        id: "web.headers",
        hypothesis: "Every answer, errors too, carries the headers that make a browser refuse injected scripts and foreign frames",
        examine: |lab| Box::pin(headers::examine(lab)),
    },
    Probe {
        id: "web.cookies",
        hypothesis: "Every cookie is Secure, HttpOnly, SameSite, bound to this host, and small",
        examine: |lab| Box::pin(cookies::examine(lab)),
    },
    Probe {
        id: "web.robots",
        hypothesis: "/robots.txt is a text that tells crawlers at least one rule",
        examine: |lab| Box::pin(robots::examine(lab)),
    },
    Probe {
        id: "web.csrf",
        hypothesis: "Writes that a foreign page can make a browser send are refused",
        examine: |lab| Box::pin(csrf::examine(lab)),
    },
];
