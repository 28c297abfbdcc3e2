//! Cost of telemetry, beside that of peers: criterion's figures of `bench/peers/telemetry`, and callgrind's, as one table.

use std::fmt::Write as _;

use crate::peers::{Package, Row};

/// Its log lines go to standard output, which is `/dev/null` in both measurements.
const PACKAGE: Package = Package {
    manifest: "bench/peers/telemetry/Cargo.toml",
    target: "target/peers/telemetry",
    bench: "telemetry",
    counted: |kind| if kind == "scrape" { 10 } else { 10_000 },
};

/// The part of the report about telemetry.
pub(crate) fn report() -> Result<String, String> {
    Ok(table(&PACKAGE.rows()?))
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "## Telemetry\n\nNanoseconds a call, and the ratio to the first of its kind. *record* is a duration in a known series, *count* one more in a known series, \
         *line* a log line with four fields. *span* is a request with eight spans below its own, four attributes each: the time of all nine. *scrape* is the \
         text of 526 routes with 20 lines each. Two threads: each makes calls through one shared instance, the time of a call on each. Medians of three rounds \
         of criterion's medians; instructions by callgrind.\n\n\
         | | | one thread | ratio | two threads | instructions | ratio | allocations |\n|---|---|---|---|---|---|---|---|\n",
    );
    let (mut kind, mut first) = ("", &rows[0]);
    for row in rows {
        let is_new = row.kind != kind;
        if is_new {
            (kind, first) = (&row.kind, row);
        }
        let two = row.two.map_or_else(|| "cannot be shared".to_owned(), |two| format!("{two:.0} ns"));
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} ns | {:.2} | {two} | {:.0} | {:.2} | {} |",
            if is_new { kind } else { "" },
            row.whose,
            row.one,
            row.one / first.one,
            row.instructions,
            row.instructions / first.instructions,
            row.allocations,
        );
    }
    format!("{text}\n- `{}`\n\n", PACKAGE.command())
}
