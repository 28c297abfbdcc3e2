//! Pages of a registry, without a service around them.

use evenkeel_console::pages::{About, List, MAX_ROWS, Notice, Page, Pages, Section};
use evenkeel_console::query::Query;
use serde_json::json;
use vitals::Registry;

use crate::service::service;

fn pages(query: &Query, registry: &Registry) -> Pages {
    Pages::new(registry, query, About { name: "shop", version: "1.0", ..About::default() })
}

fn text(sections: &[Section]) -> String {
    sections.iter().map(|section| section.html.as_str()).collect()
}

const EVIL: &str = "<img src=x onerror=alert(1)>\"'&";

#[test]
fn everything_that_is_shown_is_escaped() {
    let (query, registry, _routes) = service(1);
    registry.bus().publish("breaker", EVIL, EVIL, EVIL);
    let pages = pages(&query, &registry);
    let list =
        List { title: "Jobs", path: "/jobs", rows_at: "", rows: vec![json!({ "error": EVIL, EVIL: 1 }), json!(EVIL)] };
    for page in Page::ALL {
        let sections = pages.sections(&page, std::slice::from_ref(&list));
        let notice = Notice { text: EVIL.to_owned(), is_good: false };
        let document = pages.document(&page, &sections, "n0", Some(&notice));
        assert!(!document.contains("<img") && document.contains("&lt;img"), "{page:?}: {document}");
    }
}

#[tokio::test]
async fn a_question_and_its_error_are_escaped_too() {
    let (query, registry, _routes) = service(1);
    let pages = pages(&query, &registry);
    for (sql, name) in [(Some(EVIL), None), (Some("SELECT '<img>' AS \"<img>\""), None), (None, Some(EVIL))] {
        let section = pages.question(sql, name).await;
        assert!(!section.html.contains("<img") && section.html.contains("&lt;img"), "{}", section.html);
    }
}

#[test]
fn a_table_has_its_rows_within_the_bound_and_its_durations_as_quantiles() {
    let (query, registry, _routes) = service(MAX_ROWS + 10);
    let pages = pages(&query, &registry);
    let page = pages.page("tables/route").unwrap();
    let shown = text(&pages.sections(&page, &[]));
    assert_eq!(shown.matches("<tr>").count(), MAX_ROWS + 1, "with the head");
    assert!(shown.contains(&format!("The first {MAX_ROWS} of {}", MAX_ROWS + 10)));
    for words in ["duration p99", "/route/7", "1\u{202f}KiB", "yes"] {
        assert!(shown.contains(words), "{words}");
    }
    assert_eq!(pages.page("tables/nothing"), None);
}

#[test]
fn a_missing_table_has_no_section_and_no_lever() {
    let (query, registry, _routes) = service(1);
    let pages = pages(&query, &registry);
    let sections = pages.sections(&pages.page("tables/route").unwrap(), &[]);
    assert!(!sections[0].html.contains("class=\"pairs\""), "nine columns fit: {}", sections[0].html);
    let calls = pages.sections(&Page::Calls, &[]);
    assert!(calls.is_empty());
    let document = pages.document(&Page::Calls, &calls, "n0", None);
    assert!(document.contains("nothing to show") && !document.contains("Levers"), "{document}");
}

#[test]
fn the_sections_of_a_page_have_ids_of_their_own() {
    let (query, registry, _routes) = service(1);
    let pages = pages(&query, &registry);
    for page in Page::ALL {
        let lists = page.lists();
        let sections = pages.sections(&page, &lists);
        let mut ids: Vec<&str> = sections.iter().map(|section| section.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), sections.len(), "{page:?}");
    }
}
