//! `docs/guide/settings.md` lists every setting of a service, and every bound that is changed in code. Its tables are generated: settings from the
//! types that `--help` shows, bounds from the doc comments of their types.
//!
//! `WRITE_PAGES=1 cargo test -p evenkeel --test it settings_page` writes the tables anew.

use std::path::{Path, PathBuf};

use evenkeel::clap::{Arg, Args, Command};
use evenkeel::settings::{Standard, StoreSettings};

/// The folder of the library's crates.
const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Bounds that a setting sets as well.
const SET_BY: [(&str, &str); 15] = [
    ("Limits::connections", "MAX_CONNECTIONS"),
    ("Limits::connections_per_address", "MAX_CONNECTIONS_PER_ADDRESS"),
    ("Limits::in_flight", "MAX_IN_FLIGHT"),
    ("Limits::in_flight_per_address", "MAX_IN_FLIGHT"),
    ("Limits::body_bytes", "MAX_BODY_BYTES"),
    ("Limits::idle_timeout", "IDLE_TIMEOUT"),
    ("Limits::deadline", "REQUEST_DEADLINE"),
    ("Limits::trusted_proxies", "TRUSTED_PROXIES"),
    ("Limits::forwarded_header", "FORWARDED_HEADER"),
    ("Limits::proxy_protocol", "PROXY_PROTOCOL"),
    ("Limits::unbounded_addresses", "UNBOUNDED_ADDRESSES"),
    ("Options::connections", "DATABASE_POOL_SIZE"),
    ("Options::statement_timeout", "DATABASE_STATEMENT_TIMEOUT"),
    ("Options::lock_timeout", "DATABASE_LOCK_TIMEOUT"),
    ("Options::idempotency_retention", "IDEMPOTENCY_RETENTION"),
];

fn settings(of: Command) -> Vec<Arg> {
    // `--without` exists only in builds for tests.
    of.get_arguments().filter(|setting| setting.get_long() != Some("without")).cloned().collect()
}

fn row_of_setting(setting: &Arg) -> String {
    let help = setting.get_help().map(ToString::to_string).unwrap_or_default();
    let (meaning, said) = help.split_once(" Default: ").unwrap_or((&help, ""));
    let default = setting.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    let default = default.filter(|value| !value.is_empty()).map(|value| format!("`{value}`"));
    let default = match setting.get_id().as_str() {
        "std.database" => "`sqlite:data/NAME.db`, with the name of the service".to_owned(),
        _ => default.unwrap_or_else(|| said.to_owned()),
    };
    let values = setting.get_possible_values();
    let known: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    let form = match known.is_empty() {
        true => setting.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default(),
        false => known.join("\\|"),
    };
    let (variable, flag) = (setting.get_env().unwrap_or_default().to_string_lossy(), setting.get_long().unwrap());
    format!("| `{variable}`<br>`--{flag} {form}` | {default} | {} |\n", meaning.trim_end_matches('.'))
}

fn rows_of_settings(of: Command) -> String {
    let rows: String = settings(of).iter().map(row_of_setting).collect();
    format!("| setting | default | meaning |\n|---|---|---|\n{rows}")
}

/// The public fields of a type with their doc comments.
fn documented_fields(source: &Path, type_name: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(source).unwrap();
    let (_, rest) = text.split_once(&format!("pub struct {type_name} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let (mut found, mut docs) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            docs.push(doc);
        } else if let Some((field, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(": ")) {
            found.push((field.to_owned(), docs.join(" ").replace(['[', ']'], "")));
            docs.clear();
        }
    }
    found
}

fn rows_of_bounds(source: &str, type_name: &str) -> String {
    let fields = documented_fields(&PathBuf::from(LIBRARY).join(source), type_name);
    let row = |(field, meaning): &(String, String)| {
        let path = format!("{type_name}::{field}");
        let set_by = SET_BY.iter().find(|(bound, _)| *bound == path);
        let set_by = set_by.map(|(_, variable)| format!("`{variable}`")).unwrap_or_default();
        format!("| `{field}` | {meaning} | {set_by} |\n")
    };
    let rows: String = fields.iter().map(row).collect();
    format!("| bound | meaning and default | setting |\n|---|---|---|\n{rows}")
}

fn tables() -> [(&'static str, String); 5] {
    [
        ("every service", rows_of_settings(Standard::augment_args(Command::new("any")))),
        ("a store", rows_of_settings(StoreSettings::augment_args(Command::new("any")))),
        ("Limits", rows_of_bounds("border/src/limits.rs", "Limits")),
        ("Bounds", rows_of_bounds("client/src/bounds.rs", "Bounds")),
        ("Options", rows_of_bounds("store/src/options.rs", "Options")),
    ]
}

/// The page with these rows between the marks of a table.
fn with_rows(page: &str, name: &str, rows: &str) -> String {
    let (begin, end) = (format!("<!-- table of {name} -->\n"), "<!-- end of table -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("settings.md has no {begin}"));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("settings.md has no {end} after {begin}"));
    format!("{before}{begin}{rows}{end}{after}")
}

#[test]
fn the_page_lists_every_setting_and_every_bound() {
    let path = format!("{LIBRARY}/../docs/guide/settings.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let written = tables().iter().fold(page.clone(), |page, (name, rows)| with_rows(&page, name, rows));
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(&path, &written).unwrap();
        return;
    }
    assert!(
        written == page,
        "docs/guide/settings.md differs from the types: `WRITE_PAGES=1 cargo test -p evenkeel --test it settings_page` writes it"
    );
}

#[test]
fn every_setting_and_every_bound_is_described() {
    for (name, rows) in tables() {
        let lines: Vec<&str> = rows.lines().skip(2).collect();
        assert!(lines.len() > 5, "{name}: {rows}");
        for line in lines {
            let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
            // The last cell of a bound is empty where no setting sets it.
            let is_setting = cells[0].contains("<br>");
            let described = if is_setting { &cells[..] } else { &cells[..2] };
            assert!(cells.len() == 3 && described.iter().all(|cell| !cell.is_empty()), "{name}: {line}");
            assert!(is_setting || cells[1].contains("Default"), "{name}: {line}");
        }
    }
}

#[test]
fn the_settings_that_set_bounds_exist() {
    let all: Vec<Arg> = [Standard::augment_args(Command::new("any")), StoreSettings::augment_args(Command::new("any"))]
        .into_iter()
        .flat_map(settings)
        .collect();
    let page: String = tables().into_iter().map(|(_, rows)| rows).collect();
    for (bound, variable) in SET_BY {
        assert!(all.iter().any(|setting| setting.get_env().is_some_and(|known| known == variable)), "{variable}");
        let field = bound.split("::").last().unwrap();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{field}` |")) && line.contains(variable));
        assert!(row.is_some(), "{bound}");
    }
}
