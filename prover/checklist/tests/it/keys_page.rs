//! `docs/guide/keel-toml.md` lists every key of `keel.toml` and `decisions.toml`. Its tables are generated from the doc comments of the types that
//! serde reads: meaning, `Default:` or `Required`, `Example:`.
//!
//! `WRITE_PAGES=1 cargo test -p keel-checklist --test it keys_page` writes the tables anew.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keel_checklist::decision::Decisions;
use keel_checklist::subject::Subject;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/keel-toml.md");

/// Other spellings that serde knows, which have no row of their own.
const ALIASES: [&str; 2] = ["lasts", "statement"];

/// One table of a file, and the type that serde reads it into.
struct Table {
    /// Its name in the page's marks.
    name: &'static str,
    source: &'static str,
    type_name: &'static str,
    /// The whole file with one line in this table.
    file: fn(&str) -> String,
}

const TABLES: [Table; 16] = [
    Table {
        name: "service",
        source: include_str!("../../src/subject/file/service.rs"),
        type_name: "Service",
        file: service,
    },
    Table {
        name: "dependencies.NAME",
        source: include_str!("../../src/subject/file.rs"),
        type_name: "DependencyTable",
        file: dependency,
    },
    Table {
        name: "requests",
        source: include_str!("../../src/subject/file/request.rs"),
        type_name: "Request",
        file: request,
    },
    Table { name: "load", source: include_str!("../../src/subject/load.rs"), type_name: "Table", file: load },
    Table { name: "ops", source: include_str!("../../src/subject/ops.rs"), type_name: "OpsTable", file: ops },
    Table {
        name: "dead_letters",
        source: include_str!("../../src/subject/dead_letters.rs"),
        type_name: "DeadLettersTable",
        file: dead_letters,
    },
    Table {
        name: "quarantine",
        source: include_str!("../../src/subject/dead_letters.rs"),
        type_name: "DeadLettersTable",
        file: quarantine,
    },
    Table { name: "query", source: include_str!("../../src/subject/query.rs"), type_name: "QueryTable", file: query },
    Table {
        name: "events",
        source: include_str!("../../src/subject/events.rs"),
        type_name: "EventsTable",
        file: events,
    },
    Table {
        name: "integrity",
        source: include_str!("../../src/subject/integrity.rs"),
        type_name: "IntegrityTable",
        file: integrity,
    },
    Table {
        name: "leader",
        source: include_str!("../../src/subject/leader.rs"),
        type_name: "LeaderTable",
        file: leader,
    },
    Table {
        name: "outliers",
        source: include_str!("../../src/subject/outliers.rs"),
        type_name: "OutliersTable",
        file: outliers,
    },
    Table {
        name: "errors",
        source: include_str!("../../src/subject/errors.rs"),
        type_name: "ErrorsTable",
        file: errors,
    },
    Table {
        name: "console",
        source: include_str!("../../src/subject/console.rs"),
        type_name: "ConsoleTable",
        file: console,
    },
    Table { name: "soak", source: include_str!("../../src/subject/file.rs"), type_name: "Soak", file: soak },
    Table {
        name: "decision",
        source: include_str!("../../src/decision/file.rs"),
        type_name: "Written",
        file: decision,
    },
];

/// One key, as its doc comment describes it.
#[derive(Debug, PartialEq)]
struct Key {
    name: String,
    meaning: String,
    default: String,
    example: String,
}

const RUN: &str = "run = \"true\"";
const URL: &str = "url = \"http://127.0.0.1:1\"";

/// The lines of `keys` that the example does not set itself, and then the example.
fn with(keys: &[&str], example: &str) -> String {
    let key = |line: &str| line.split(" =").next().map(str::to_owned);
    let mut lines: Vec<&str> = keys.iter().copied().filter(|line| key(line) != key(example)).collect();
    lines.push(example);
    lines.join("\n")
}

fn service(example: &str) -> String {
    let keys: &[&str] = match example.split(" =").next().unwrap_or_default() {
        "start" | "stop" | "kill" | "logs" | "pid" => &["start = \"true\"", "stop = \"true\"", URL],
        "attach" => &[URL],
        "ca" | "pin" | "insecure_accept_any_certificate" => &[RUN, "url = \"https://127.0.0.1:1\""],
        "server_name" => &[RUN, "url = \"https://127.0.0.1:1\"", "insecure_accept_any_certificate = true"],
        _ => &[RUN, URL],
    };
    format!("[service]\n{}\n", with(keys, example))
}

fn dependency(example: &str) -> String {
    let keys = ["env = \"BANK_URL\"", "url = \"http://127.0.0.1:9300\""];
    format!("{}[dependencies.bank]\n{}\n", service(RUN), with(&keys, example))
}

fn request(example: &str) -> String {
    let mut keys = vec!["name = \"a request\"", "path = \"/\"", "uses = [\"bank\"]"];
    if example.starts_with("done")
        || example.starts_with("steps")
        || example.starts_with("expires")
        || example.starts_with("dead")
    {
        keys.extend(["later = [\"bank\"]", "read = \"/\"", "done = { \"/status\" = \"paid\" }"]);
        keys.push("json = { destination = \"unknown\", to = \"me\" }");
    }
    format!("{}[[requests]]\n{}\n", dependency("run = \"true\""), with(&keys, example))
}

fn load(example: &str) -> String {
    let keys = ["rate = 50", "peak = 100", "p99 = \"500ms\"", "errors = 0.01"];
    format!("{}[load]\n{}\n", service(RUN), with(&keys, example))
}

fn ops(example: &str) -> String {
    format!("{}[ops]\n{}\n", service(RUN), with(&["folder = \"src\""], example))
}

fn dead_letters(example: &str) -> String {
    format!("{}[dead_letters]\n{}\n", service(RUN), with(&["list = \"/dead\""], example))
}

fn console(example: &str) -> String {
    let look = "[[requests]]\nname = \"look\"\npath = \"/\"\n";
    format!("{}[console]\n{}\n{look}", service(RUN), with(&["page = \"/console\""], example))
}

fn errors(example: &str) -> String {
    let look = "[[requests]]\nname = \"look\"\npath = \"/\"\n[dependencies.bank]\nenv = \"BANK\"\nurl = \"http://127.0.0.1:1\"\n";
    format!("{}[errors]\n{}\n{look}", service(RUN), with(&["request = \"look\"", "list = \"/errors\""], example))
}

fn query(example: &str) -> String {
    let look = "[[requests]]\nname = \"look\"\npath = \"/\"\n";
    format!("{}[query]\n{}\n{look}", service(RUN), with(&["path = \"/ask?q={query}\""], example))
}

fn outliers(example: &str) -> String {
    let required = ["path = \"/clients?{query}\"", "rate = \"sort=requests\"", "of = \"look\""];
    let look = "[[requests]]\nname = \"look\"\npath = \"/\"\n";
    format!("{}[outliers]\n{}\n{look}", service(RUN), with(&required, example))
}

fn quarantine(example: &str) -> String {
    format!("{}[quarantine]\n{}\n", service(RUN), with(&["list = \"/bad\""], example))
}

fn events(example: &str) -> String {
    let keys = ["read = \"/events?after={after}\"", "append = \"a request\""];
    format!("{}[events]\n{}\n", request("expect = 201"), with(&keys, example))
}

fn integrity(example: &str) -> String {
    let mut keys = vec!["damage = \"true\"", "repair = \"true\"", "alarm = \"/health\"", "names = \"{order}\""];
    match example.split(" =").next().unwrap_or_default() {
        "corrupt" => keys.push("restore = \"true\""),
        "restore" => keys.push("corrupt = \"true\""),
        _ => {}
    }
    format!("{}[integrity]\n{}\n", service(RUN), with(&keys, example))
}

fn leader(example: &str) -> String {
    let keys = [
        "url = \"http://127.0.0.1:2\"",
        "read = \"/leader\"",
        "leads = \"true\"",
        "request = \"a request\"",
        "effect = { read = \"/\" }",
    ];
    format!("{}[leader]\n{}\n", request("expect = 201"), with(&keys, example))
}

fn soak(example: &str) -> String {
    format!("{}[soak]\n{example}\n", service(RUN))
}

fn decision(example: &str) -> String {
    let keys = [
        "id = \"plan.win\"",
        "kind = \"attest\"",
        "owner = \"a team\"",
        "reason = \"a sentence\"",
        "date = \"2026-11-01\"",
        "expires = \"2027-11-01\"",
    ];
    let id = if example.contains("skip") { "id = \"border.shed\"" } else { keys[0] };
    let kind = if example.starts_with("id") { "kind = \"skip\"" } else { keys[1] };
    format!("[[decision]]\n{}\n", with(&[id, kind, keys[2], keys[3], keys[4], keys[5]], example))
}

/// The mistakes of a file; an empty text when there are none.
fn mistakes(table: &Table, line: &str) -> String {
    let (text, folder) = ((table.file)(line), Path::new(env!("CARGO_MANIFEST_DIR")));
    match table.name {
        "decision" => Decisions::parse("f.toml", &text, PathBuf::new()).err().map(|mistakes| mistakes.to_string()),
        _ => Subject::from_text("f.toml", &text, folder).err().map(|mistakes| mistakes.to_string()),
    }
    .unwrap_or_default()
}

/// The keys of a type, from its source.
fn keys(source: &str, type_name: &str) -> Vec<Key> {
    let (_, rest) = source.split_once(&format!("struct {type_name} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let (mut found, mut docs, mut renamed) = (Vec::new(), Vec::new(), None);
    for line in body.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            docs.push(doc);
        } else if let Some(attribute) = line.strip_prefix("#[serde(") {
            renamed = attribute.split_once("rename = \"").and_then(|(_, name)| name.split('"').next()).or(renamed);
        } else if let Some((field, _)) = line.split_once(": ") {
            let field = field.rsplit(' ').next().unwrap_or_default();
            found.push(key(renamed.take().unwrap_or(field), &docs));
            docs.clear();
        }
    }
    found
}

/// The key that a doc comment describes. A part that is missing is empty.
fn key(name: &str, docs: &[&str]) -> Key {
    let part = |mark: &str| docs.iter().find_map(|doc| doc.strip_prefix(mark)).map(str::to_owned);
    let required = docs.iter().find(|doc| doc.starts_with("Required")).map(|doc| doc.to_lowercase());
    let default = part("Default: ").or(required).unwrap_or_default();
    Key {
        name: name.to_owned(),
        meaning: docs.first().copied().unwrap_or_default().trim_end_matches('.').to_owned(),
        default: default.trim_end_matches('.').to_owned(),
        example: part("Example: ").unwrap_or_default().trim_matches('`').to_owned(),
    }
}

fn rows(keys: &[Key]) -> String {
    let row = |key: &Key| format!("| `{}` | {} | {} | `{}` |\n", key.name, key.meaning, key.default, key.example);
    let rows: String = keys.iter().map(row).collect();
    format!("| key | meaning | default | example |\n|---|---|---|---|\n{rows}")
}

/// The page with the rows of a table between its marks.
fn with_rows(page: &str, name: &str, rows: &str) -> String {
    let (begin, end) = (format!("<!-- keys of {name} -->\n"), "<!-- end of keys -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{PAGE} has no {begin}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("{PAGE} has no {end} after {begin}"));
    format!("{before}{begin}{rows}{end}{after}")
}

#[test]
fn the_page_lists_every_key_with_its_meaning_its_default_and_an_example() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let written = TABLES
        .iter()
        .fold(page.clone(), |page, table| with_rows(&page, table.name, &rows(&keys(table.source, table.type_name))));
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(PAGE, &written).unwrap();
        return;
    }
    assert!(
        written == page,
        "docs/guide/keel-toml.md differs from the types: `WRITE_PAGES=1 cargo test -p keel-checklist --test it keys_page` writes it"
    );
}

#[test]
fn every_key_that_is_read_is_documented() {
    for table in TABLES {
        let documented = keys(table.source, table.type_name);
        for key in &documented {
            assert!(!key.meaning.is_empty() && !key.example.is_empty(), "[{}]: {key:?}", table.name);
        }
        let refused = mistakes(&table, "zzz = 1");
        let (_, known) = refused.split_once("Known here: ").unwrap_or_else(|| panic!("[{}]: {refused}", table.name));
        let known: BTreeSet<String> = known.trim().split(", ").map(|key| key.replace('-', "_")).collect();
        let documented: BTreeSet<String> = documented.into_iter().map(|key| key.name).collect();
        let known: BTreeSet<String> = known.into_iter().filter(|key| !ALIASES.contains(&key.as_str())).collect();
        assert_eq!(known, documented, "[{}]", table.name);
    }
}

#[test]
fn every_example_is_accepted() {
    for table in TABLES {
        for key in keys(table.source, table.type_name) {
            assert!(key.example.starts_with(&format!("{} = ", key.name)), "[{}]: {key:?}", table.name);
            let refused = mistakes(&table, &key.example);
            // The file of the example does not exist.
            let is_missing_file = key.name == "ca" && refused.contains("ca.pem cannot be read");
            assert!(
                refused.is_empty() || is_missing_file,
                "[{}] {}:\n{refused}\n{}",
                table.name,
                key.example,
                (table.file)(&key.example)
            );
        }
    }
}

#[test]
fn a_key_without_a_description_is_found() {
    let source = "struct One {\n    /// Path.\n    /// Default: `/`.\n    /// Example: `path = \"/a\"`\n    path: String,\n    bare: bool,\n}\n";
    let keys = keys(source, "One");
    assert_eq!(rows(&keys[..1]).lines().last(), Some("| `path` | Path | `/` | `path = \"/a\"` |"));
    assert_eq!((keys[1].name.as_str(), keys[1].meaning.as_str()), ("bare", ""));
}
