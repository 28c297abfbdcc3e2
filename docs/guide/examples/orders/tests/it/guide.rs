//! The guide shows the files of this project, each without its first comment.
//!
//! `WRITE_PAGES=1 cargo test -p orders --test it guide` writes them into the guide.

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testing-your-service.md");

const FILES: [(&str, &str); 8] = [
    ("src/lib.rs", include_str!("../../src/lib.rs")),
    ("tests/it/service.rs", include_str!("service.rs")),
    ("tests/it/handlers.rs", include_str!("handlers.rs")),
    ("tests/it/store.rs", include_str!("store.rs")),
    ("tests/it/time.rs", include_str!("time.rs")),
    ("tests/it/dependency.rs", include_str!("dependency.rs")),
    ("tests/it/fault_proxy.rs", include_str!("fault_proxy.rs")),
    ("tests/it/kill.rs", include_str!("kill.rs")),
];

/// The page with the code of a file in the block behind its mark.
fn with_code(page: &str, name: &str, text: &str) -> String {
    let (_, code) = text.split_once("\n\n").unwrap();
    let begin = format!("<!-- {name} -->\n```rust,ignore\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the guide has no {begin}"));
    let (_, after) = rest.split_once("```\n").unwrap_or_else(|| panic!("the block of {name} has no end"));
    format!("{before}{begin}{code}```\n{after}")
}

#[test]
fn the_guide_shows_the_files_that_run() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let written = FILES.iter().fold(page.clone(), |page, (name, text)| with_code(&page, name, text));
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(PAGE, &written).unwrap();
        return;
    }
    assert!(
        written == page,
        "docs/guide/testing-your-service.md differs from the files: `WRITE_PAGES=1 cargo test -p orders --test it guide` writes them"
    );
}

#[test]
fn other_code_in_the_block_of_a_file_is_replaced() {
    let page = "a\n<!-- b.rs -->\n```rust,ignore\nold\n```\nc\n";
    let written = with_code(page, "b.rs", "//! B.\n\nnew\n");
    assert_eq!(written, page.replace("old", "new"));
}
