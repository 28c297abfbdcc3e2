//! Heads: one long field, many fields, a long URI.

use super::fate::grow;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::Findings;

pub(crate) const HEADER_SIZE: Attack = Attack {
    id: "header-size",
    what: "sends one header of 256 KiB, 1 MiB and 8 MiB, until it is refused",
    source: "RFC 9110, 5.4; RFC 6585, 5",
    correct: "431 or another 4xx, or a closed connection",
    memory: None,
    launch: |context| Box::pin(header_size(context)),
};

pub(crate) const HEADER_COUNT: Attack = Attack {
    id: "header-count",
    what: "sends 2,000, 20,000 and 200,000 headers, until they are refused",
    source: "RFC 9110, 5.4; RFC 6585, 5; CVE-2011-3414 for its kin",
    correct: "431 or another 4xx, or a closed connection",
    memory: None,
    launch: |context| Box::pin(header_count(context)),
};

pub(crate) const LONG_URI: Attack = Attack {
    id: "long-uri",
    what: "asks for a URI of 64 KiB, 1 MiB and 8 MiB, until it is refused",
    source: "RFC 9110, 4.1; RFC 9112, 3",
    correct: "414 or another 4xx, or a closed connection",
    memory: None,
    launch: |context| Box::pin(long_uri(context)),
};

async fn header_size(context: &Context<'_>) -> Findings {
    let make =
        |context: &Context<'_>, size| context.head(&context.read(), &format!("X-Keel: {}\r\n", "a".repeat(size)));
    Ok(grow(context, "one header of {} bytes", &[256 << 10, 1 << 20, 8 << 20], make).await)
}

async fn header_count(context: &Context<'_>) -> Findings {
    let make = |context: &Context<'_>, count: usize| {
        let lines: String = (0..count).map(|number| format!("X-K{number}: 1\r\n")).collect();
        context.head(&context.read(), &lines)
    };
    Ok(grow(context, "{} headers", &[2_000, 20_000, 200_000], make).await)
}

async fn long_uri(context: &Context<'_>) -> Findings {
    let make = |context: &Context<'_>, size| {
        let mut request = context.read();
        let joint = if request.path.contains('?') { '&' } else { '?' };
        request.path = format!("{}{joint}keel={}", request.path, "a".repeat(size));
        context.head(&request, "")
    };
    Ok(grow(context, "a URI of {} bytes", &[64 << 10, 1 << 20, 8 << 20], make).await)
}
