//! `keel selftest`: runs each probe on this machine, against servers with known verdicts.

use std::time::Instant;

use keel_catalogue::Catalogue;
use keel_checklist::probes;
use keel_checklist::report::{plain, word};
use keel_checklist::selftest::{self, Case, Judged};

use crate::exit::{FELL_SHORT, FINE, usage};
use crate::output::print;
use crate::{explain, undo};

/// Arguments of `keel selftest`: the probes, the test servers, and the output.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Test only the probes of these attributes
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Use every test server, instead of one that is right, one that is wrong and one that only looks right per probe
    #[arg(long)]
    all: bool,
    /// Print a table in Markdown, without times
    #[arg(long)]
    markdown: bool,
}

/// Runs one specimen in the foreground; `keel selftest` starts it.
#[derive(clap::Args)]
pub(crate) struct Specimen {
    name: String,
    port: u16,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let catalogue = Catalogue::embedded();
    if let Some(id) = arguments.ids.iter().find(|id| catalogue.get(id).is_none()) {
        return explain::unknown(catalogue, id);
    }
    let all = Case::all(&probes::all(), &arguments.ids);
    if all.is_empty() {
        return usage("no test server exists for these attributes, so their probes cannot be tested");
    }
    let cases = if arguments.all { all } else { Case::few(&all) };
    let program = match std::env::current_exe() {
        Ok(path) => format!("'{}' specimen", path.display()),
        Err(error) => return usage(format!("keel does not know where it is, and cannot start specimens: {error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    undo::before_anything_else();
    let (count, began, table) = (cases.len(), Instant::now(), !arguments.markdown);
    if table {
        print(&format!(
            "{:<22} {:<28} {:<6} {:<14} {:<14} {:>7}\n",
            "probe", "specimen", "kind", "expected", "found", "seconds"
        ));
    }
    let judged = runtime.block_on(selftest::run(&program, cases, |one| match table {
        true => print(&row(one)),
        false => eprint!("{}", row(one)),
    }));
    let wrong = judged.iter().filter(|one| !one.is_right()).count();
    if table {
        print(&format!(
            "\n{} of {count} were judged as they should be, in {:.0} s\n",
            count - wrong,
            began.elapsed().as_secs_f64()
        ));
    } else {
        print(&selftest::markdown(&judged));
    }
    // A part of the probes says nothing of the others.
    if arguments.ids.is_empty()
        && let Err(problem) = selftest::record(&judged)
    {
        eprintln!("keel: {problem}");
    }
    if wrong > 0 { FELL_SHORT } else { FINE }
}

fn row(one: &Judged) -> String {
    let found = one.found.as_ref().map_or("not examined", |finding| word(finding.verdict()));
    let mut row = format!(
        "{:<22} {:<28} {:<6} {:<14} {:<14} {:>7.1}\n",
        one.id,
        one.specimen.server.name,
        selftest::kind(&one.specimen),
        one.specimen.verdict.map_or("", word),
        found,
        one.took.as_secs_f64()
    );
    if one.again {
        row.insert_str(row.len() - 1, "  (second try)");
    }
    if !one.is_right() {
        let why = one.found.as_ref().map_or_else(Clone::clone, |finding| finding.summary().to_owned());
        row.push_str(&format!("    misjudged: {}\n", plain(&why)));
    }
    row
}

/// Runs a specimen until it is killed.
pub(crate) fn serve(arguments: &Specimen) -> u8 {
    match probes::specimen(&arguments.name) {
        Some(server) => (server.run)(arguments.port),
        None => usage(format!("no specimen is called {:?}", arguments.name)),
    }
}
