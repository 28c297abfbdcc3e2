//! Experiments that create objects.

use std::collections::BTreeSet;

use crate::recipe::created::{Identifiers, Listed, Listing};
use crate::repro::steps::{BEYOND, Experiment, arguments, subscripts};
use crate::subject::Subject;

/// Steps in numbers that count up are smaller than this.
const COUNTER_STEP: u64 = 1 << 32;

pub(super) fn listing(subject: &Subject, listing: &Listing) -> Experiment {
    let base = subject.url.path();
    let rows = listing
        .row
        .as_ref()
        .map_or_else(String::new, |row| format!("[ask({}) for n in range({})]; ", arguments(base, row), listing.rows));
    let mut steps = vec![format!(
        "{rows}seen = ask({}); seen[0] == \"2\" or print(seen) or sys.exit(2)",
        arguments(base, &listing.list)
    )];
    steps.push("page = json.loads(seen.partition(\"\\n\\n\")[2])".to_owned());
    steps.push(
        "items = max(len(part) for part in [page, *(page.values() if isinstance(page, dict) else [])] if isinstance(part, list)); items or print(\"the list is empty\") or sys.exit(2)"
            .to_owned(),
    );
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["json", "re"]),
        steps,
        seen: "items, \"items\", seen[:500]".to_owned(),
        fault: match listing.fault {
            Listed::Unbounded(most) => format!("items > {most}"),
            Listed::NoNext => {
                "not re.search(r'(?i)rel=\"?next|\"(next|next_?cursor|next_?page_?token)\": *(\"[^\"]|[0-9{])', seen)"
                    .to_owned()
            }
        },
        ..Experiment::default()
    }
}

pub(super) fn identifiers(subject: &Subject, identifiers: &Identifiers) -> Experiment {
    let Identifiers { create, pointer, objects } = identifiers;
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["json", "re"]),
        steps: vec![
            format!(
                "ids = [json.loads(ask({}).partition(\"\\n\\n\")[2]){} for n in range({objects})]",
                arguments(subject.url.path(), create),
                subscripts(pointer)
            ),
            "numbers = [int(re.search(\"[0-9]*$\", str(id).replace(\"-\", \"\"))[0] or 0) for id in ids]".to_owned(),
        ],
        seen: "ids".to_owned(),
        fault: format!(
            "isinstance(ids[0], int) or all(0 < after - before < {COUNTER_STEP} for before, after in zip(numbers, numbers[1:]))"
        ),
        ..Experiment::default()
    }
}
