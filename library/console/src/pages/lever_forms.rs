//! The forms of levers.

use maud::{Markup, html};
use vitals::Registry;

use super::levers::{LEVERS, Lever, Target};
use super::page::Page;

/// The forms of a page: those whose targets the service has.
pub(super) fn forms(registry: &Registry, page: &Page, has_tokens: bool) -> Markup {
    let has_jobs = || registry.shapes().iter().any(|table| table.name == "job_queue");
    let forms: Vec<Markup> = LEVERS
        .iter()
        .filter(|lever| lever.page == page.path())
        .filter_map(|lever| match lever.target {
            Target::Row(table, column) => {
                let targets = targets(registry, table, column);
                (!targets.is_empty()).then(|| form(lever, &targets, has_tokens))
            }
            Target::Name(_) | Target::Ids => has_jobs().then(|| form(lever, &[], has_tokens)),
        })
        .collect();
    html! {
        @if !forms.is_empty() {
            section aria-labelledby="title-levers" {
                h2 #title-levers { "Levers" }
                p.soft { "Each change is written to the log with its author and reason, before it takes effect." }
                div.levers { @for form in &forms { (form) } }
            }
        }
    }
}

fn targets(registry: &Registry, table: &str, column: &str) -> Vec<String> {
    let mut found = Vec::new();
    for snapshot in registry.snapshot_of(&[table]) {
        let Some(at) = snapshot.table.columns.iter().position(|known| known.name == column) else { continue };
        found.extend(snapshot.rows.iter().filter_map(|row| row[at].as_text()).map(str::to_owned));
    }
    found.sort();
    found.dedup();
    found
}

fn form(lever: &Lever, targets: &[String], has_tokens: bool) -> Markup {
    let subject = match lever.target {
        Target::Row(_, column) => column.replace('_', " "),
        Target::Name(label) => label.to_owned(),
        Target::Ids => "ids, with commas between".to_owned(),
    };
    html! {
        details {
            summary { (lever.title) span.soft { (lever.effect) } }
            form method="post" action={ "/console/levers/" (lever.name) } {
                label { "The " (subject)
                    @if targets.is_empty() { input name="target" required autocomplete="off"; } @else {
                        select name="target" required { @for target in targets { option { (target) } } }
                    }
                }
                @if let Some((_, label)) = lever.number {
                    label { (label) input name="number" type="number" min="0" step="1" required; }
                }
                @if lever.is_dangerous {
                    label { "The same again, as this cannot be undone" input name="confirm" required autocomplete="off"; }
                }
                @if !has_tokens { label { "Author" input name="author" required maxlength="200" autocomplete="username"; } }
                label { "Reason" input name="reason" required maxlength="200" autocomplete="off"; }
                button.danger[lever.is_dangerous] { (lever.title) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_forms_ask_twice_and_the_author_is_asked_where_there_are_no_tokens() {
        let html = |name: &str, tokens| form(Lever::named(name).unwrap(), &[], tokens).into_string();
        assert!(html("drop", true).contains("name=\"confirm\"") && !html("redrive", true).contains("name=\"confirm\""));
        assert!(html("drop", false).contains("name=\"author\"") && !html("drop", true).contains("name=\"author\""));
    }
}
