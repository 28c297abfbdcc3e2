//! Cost of the guards of a call, beside those of peers: criterion's figures of `bench/peers/guards`, and callgrind's, as one table.

use std::fmt::Write as _;

use crate::peers::{Package, Row};

const PACKAGE: Package = Package {
    manifest: "bench/peers/guards/Cargo.toml",
    target: "target/peers/guards",
    bench: "guards",
    counted: |_guard| 10_000,
};

/// The guards' part of the report.
pub(crate) fn report() -> Result<String, String> {
    Ok(table(&PACKAGE.rows()?))
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "## The guards of a call\n\nA call that is answered at once and well, behind one guard or the whole stack (deadline, retry with its budget, \
         rate limit, bulkhead, breaker, timeout); nanoseconds a call, the call itself included, and the ratio to the first of its kind. Two threads: \
         each makes calls through one shared instance, the time of a call on each. Medians of three rounds of criterion's medians; instructions by callgrind, which do not \
         depend on what else the machine does. *limits* says what no \
         guard can be faster than: one reading of the clock, one atomic addition that nobody else wants (and on two threads, that \
         another one wants), the call without a guard, and the same in the box that a layer without a named future needs.\n\n\
         | | | one thread | ratio | two threads | instructions | ratio | allocations |\n|---|---|---|---|---|---|---|---|\n",
    );
    let (mut guard, mut first) = ("", &rows[0]);
    for row in rows {
        let new = row.kind != guard;
        if new {
            (guard, first) = (&row.kind, row);
        }
        let ratio =
            |one: f64, first: f64| if guard == "limits" { String::new() } else { format!("{:.2}", one / first) };
        let two = row.two.map_or_else(|| "cannot be shared".to_owned(), |two| format!("{two:.0} ns"));
        let shown = if new { guard } else { "" };
        let (in_time, in_work) = (ratio(row.one, first.one), ratio(row.instructions, first.instructions));
        let _ = writeln!(
            text,
            "| {shown} | {} | {:.0} ns | {in_time} | {two} | {:.0} | {in_work} | {} |",
            row.whose, row.one, row.instructions, row.allocations
        );
    }
    format!("{text}\n- `{}`\n\n", PACKAGE.command())
}
