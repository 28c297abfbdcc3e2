//! Links of the documents: every file that they name exists, and every heading.

use std::path::{Path, PathBuf};

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_relative_link_of_the_documents_leads_to_a_file_and_a_heading() {
    let broken: Vec<String> = documents().iter().flat_map(|path| broken_links(path)).collect();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn a_link_to_a_missing_file_or_heading_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.md");
    let text = "# Time budgets\n\n[a](missing.md) [b](#time-budgets) [c](#another) [d](page.md#time-budgets)\n\n```sh\n[e](no-link.md)\n```\n\n[f]: gone.md\n";
    std::fs::write(&path, text).unwrap();
    let broken = broken_links(&path);
    assert_eq!(broken.len(), 3, "{broken:?}");
}

/// Markdown files in the root and below `docs`.
fn documents() -> Vec<PathBuf> {
    let root = PathBuf::from(ROOT);
    let mut found = markdown_in(&root);
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        found.extend(markdown_in(&folder));
        folders.extend(entries(&folder).into_iter().filter(|path| path.is_dir()));
    }
    assert!(found.len() > 10, "documents are looked for in the wrong place: {found:?}");
    found
}

fn markdown_in(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Links of a document that lead nowhere, each with its file. Links to other hosts are not followed.
fn broken_links(path: &Path) -> Vec<String> {
    let text = without_code(&std::fs::read_to_string(path).unwrap());
    let is_broken = |target: &&str| {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let file = if file.is_empty() { path.to_owned() } else { path.parent().unwrap().join(file) };
        if !file.exists() {
            return true;
        }
        let is_document = file.extension().is_some_and(|end| end == "md");
        !heading.is_empty() && is_document && !headings(&file).iter().any(|known| known == heading)
    };
    let inside = targets(&text).into_iter().filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    inside.filter(is_broken).map(|target| format!("{}: {target}", path.display())).collect()
}

/// Targets of inline links, images and link definitions.
fn targets(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(defined.map(|(_, target)| target.trim())).collect()
}

/// Anchors of a document's headings, as GitHub makes them.
fn headings(path: &Path) -> Vec<String> {
    let text = without_code(&std::fs::read_to_string(path).unwrap());
    let heading = |line: &str| Some(line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?.to_lowercase());
    let anchor = |heading: String| {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    text.lines().filter_map(heading).map(anchor).collect()
}

/// The text without fenced code and without code in lines.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let pieces = line.split('`').enumerate().map(|(at, piece)| if at % 2 == 0 { piece } else { "code" });
            let kept: String = if line.starts_with('#') { line.replace('`', "") } else { pieces.collect() };
            prose.push_str(&kept);
            prose.push('\n');
        }
    }
    prose
}
