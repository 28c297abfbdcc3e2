//! Plain English: first lines of doc comments are verb phrases or noun phrases, and names of tests are sentences.
//!
//! A first line that opens with "What", "Who" or "Whether" hides the term that an engineer would search for. So does the heading of a document.

use std::path::{Path, PathBuf};

/// Folders whose words are checked.
const FOLDERS: [&str; 8] = [
    "bench/peers/guards/benches",
    "bench/src",
    "catalogue",
    "docs/guide/examples",
    "fuzz/fuzz_targets",
    "library",
    "prover",
    "services",
];

/// Words that open no doc comment: the clauses that they begin hide the term, or have no main verb.
const DOC_OPENINGS: [&str; 14] = [
    "How", "That", "What", "Whatever", "When", "Whenever", "Where", "Wherever", "Whether", "Which", "Who", "Whoever",
    "Whom", "Whose",
];

/// Words that open no line of a doc comment, after its first one too, and so no paragraph and no item of a list of errors.
const LINE_OPENINGS: [&str; 7] = ["What", "Whatever", "Whether", "Who", "Whoever", "Whom", "Whose"];

/// Words that are nowhere in a doc comment: archaisms and people in the place of the part that acts.
const DOC_WORDS: [&str; 5] = ["nobody", "somebody", "whatever", "whoever", "whom"];

/// Words that open no name of a test.
const NAME_OPENINGS: [&str; 14] = [
    "how", "that", "what", "whatever", "when", "whenever", "where", "wherever", "whether", "which", "who", "whoever",
    "whom", "whose",
];

/// Words that are nowhere in the name of a test.
const NAME_WORDS: [&str; 7] = ["however", "nobody", "somebody", "told", "whatever", "whoever", "whom"];

/// The faults of a source text, each with its line.
fn faults(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut in_doc, mut in_test) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let doc = ["///", "//!"].iter().find_map(|mark| line.strip_prefix(mark));
        if let Some(doc) = doc
            && is_headless(doc, !in_doc)
        {
            found.push(format!("{number}: doc comment: {}", doc.trim()));
        }
        in_doc = doc.is_some();
        if is_test_attribute(line) {
            in_test = true;
        } else if in_test && let Some(name) = function_name(line) {
            in_test = false;
            if is_a_riddle(name) {
                found.push(format!("{number}: test name: {name}"));
            }
        }
    }
    found
}

/// Returns true for a line of a doc comment that opens with a forbidden word, or contains one.
fn is_headless(line: &str, is_first: bool) -> bool {
    let opening = first_word(line);
    let mut words = line.split(|letter: char| !letter.is_alphabetic());
    LINE_OPENINGS.contains(&opening)
        || is_first && DOC_OPENINGS.contains(&opening)
        || words.any(|word| DOC_WORDS.contains(&word.to_lowercase().as_str()))
}

/// The headings of a Markdown text that open with a forbidden word, each with its line. "How to" and "What to" are no clauses.
fn headless_headings(text: &str) -> Vec<String> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        in_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#').trim_start();
        let is_heading = !in_code && line.starts_with('#') && line.contains("# ");
        let is_infinitive = heading.split_whitespace().nth(1) == Some("to");
        if is_heading && DOC_OPENINGS.contains(&first_word(heading)) && !is_infinitive {
            found.push(format!("{number}: heading: {heading}"));
        }
    }
    found
}

/// Markdown files in the root of the workspace and below `docs`.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("docs")];
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    found.extend(entries(root).filter(is_document));
    while let Some(folder) = folders.pop() {
        found.extend(entries(&folder).filter(is_document));
        folders.extend(entries(&folder).filter(|path| path.is_dir()));
    }
    found
}

/// The letters at the start of a text.
fn first_word(text: &str) -> &str {
    text.trim_start().split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default()
}

/// Returns true for `#[test]`, `#[tokio::test]` and those with arguments.
fn is_test_attribute(line: &str) -> bool {
    line.strip_prefix("#[")
        .and_then(|attribute| attribute.split([']', '(']).next())
        .is_some_and(|path| path.rsplit("::").next() == Some("test"))
}

fn function_name(line: &str) -> Option<&str> {
    let declaration = line.strip_prefix("pub ").unwrap_or(line);
    let declaration = declaration.strip_prefix("async ").unwrap_or(declaration);
    declaration.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn is_a_riddle(name: &str) -> bool {
    let mut words = name.split('_');
    words.clone().next().is_some_and(|opening| NAME_OPENINGS.contains(&opening))
        || words.any(|word| NAME_WORDS.contains(&word))
        || name.contains("so_many")
}

/// All Rust sources in a folder.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|extension| extension == "rs") => into.push(path),
            false => {}
        }
    }
}

#[test]
fn doc_comments_and_test_names_are_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in FOLDERS {
        let mut files = Vec::new();
        sources(&root.join(folder), &mut files);
        assert!(!files.is_empty(), "no sources in {folder}");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let shown = file.strip_prefix(&root).unwrap_or(&file).display();
            found.extend(faults(&text).iter().map(|fault| format!("{shown}:{fault}")));
        }
    }
    assert!(
        found.is_empty(),
        "begin a doc comment with a verb phrase or a noun phrase, and a test's name with its subject; {} do not:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn headings_of_documents_are_noun_phrases_or_verb_phrases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documents = documents(&root);
    assert!(documents.len() > 40, "few documents were found: {documents:?}");
    let mut found = Vec::new();
    for path in documents {
        let shown = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(headless_headings(&text).iter().map(|fault| format!("{shown}:{fault}")));
    }
    assert!(found.is_empty(), "name the subject in the heading:\n{}", found.join("\n"));
}

#[test]
fn planted_headless_headings_are_found() {
    let text = "# Calls\n\n## What computes\n\n### Who is served\n\n## How to add a part\n\nWhat stands in a line.\n\n```sh\n# What a comment says\n```\n";
    assert_eq!(headless_headings(text), ["3: heading: What computes", "5: heading: Who is served"]);
}

#[test]
fn planted_headless_doc_comments_are_found() {
    for opening in DOC_OPENINGS {
        for mark in ["///", "//!", "    ///"] {
            let text = format!("{mark} {opening}, in time.\n{mark} Second line.\n");
            assert_eq!(faults(&text).len(), 1, "{text}");
        }
    }
    assert_eq!(faults("/// The permit.\n///\n/// # Errors\n/// What makes no sense.\n").len(), 1);
    assert_eq!(faults("/// The permit, which nobody takes.\n").len(), 1);
    assert_eq!(faults("struct S;\n/// The permit.\n///\n/// When it is dropped, the next call has it.\n"), [""; 0]);
    assert_eq!(faults("/// Whatsoever else begins with such letters.\n// What an ordinary comment says.\n"), [""; 0]);
}

#[test]
fn planted_test_names_are_found() {
    let test = |attribute: &str, name: &str| faults(&format!("    {attribute}\n    #[ignore]\n    fn {name}() {{\n"));
    for attribute in ["#[test]", "#[tokio::test]", "#[tokio::test(start_paused = true)]"] {
        for name in
            ["what_is_packed_is_unpacked", "who_waits_is_told", "nobody_waits", "mistakes_are_told", "so_many_wait"]
        {
            assert_eq!(test(attribute, name).len(), 1, "{attribute} {name}");
        }
        assert_eq!(test(attribute, "packed_state_round_trips"), [""; 0]);
    }
    assert_eq!(faults("#[tokio::test]\nasync fn what_waits() {\n").len(), 1);
    assert_eq!(faults("#[derive(Debug)]\nfn what_waits() {\n"), [""; 0]);
}
