//! Makes two lists of what is written elsewhere: the files of the probes, so that `keel explain ID --sources` names those
//! that there are, and a constant for each clause of the catalogue, so that evidence about a clause that is not there does not
//! compile.

use std::fmt::Write;
use std::path::{Path, PathBuf};

const PROBES: &str = "src/probes";
const CATALOGUE: &str = "../../catalogue";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={PROBES}");
    println!("cargo::rerun-if-changed={CATALOGUE}");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let mut files = Vec::new();
    list(Path::new(PROBES), &mut files)?;
    files.sort();
    std::fs::write(out.join("files.rs"), format!("&{files:#?}"))?;
    std::fs::write(out.join("clauses.rs"), clauses()?)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// A module for each chapter, in it one for each attribute that is divided, in it a constant for each clause.
///
/// Reads the lines `id = "border.shed"` and `{ id = "retry-after", text = "Retry-After" },`; a test compares the result with the
/// catalogue as it is parsed.
fn clauses() -> std::io::Result<String> {
    let mut text = String::new();
    let mut chapters: Vec<PathBuf> = Path::new(CATALOGUE)
        .read_dir()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml") && !path.ends_with("Cargo.toml"))
        .collect();
    chapters.sort();
    let mut all = String::new();
    for path in chapters {
        let chapter = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let _ = writeln!(text, "/// Clauses of chapter `{chapter}`.\npub mod {chapter} {{");
        for attribute in std::fs::read_to_string(&path)?.split("[[attribute]]").skip(1) {
            let Some(id) = attribute.lines().find_map(|line| quoted(line, "id = ")) else { continue };
            let lines: Vec<&str> = attribute.lines().filter(|line| line.starts_with("    { id = ")).collect();
            if lines.is_empty() {
                continue;
            }
            let name = id.split('.').next_back().unwrap_or_default().replace('-', "_");
            let _ = writeln!(text, "/// Clauses of `{id}`.\npub mod {name} {{\nuse super::super::Clause;");
            for line in lines {
                let (Some(clause), Some(words)) = (quoted(line, "{ id = "), quoted(line, "text = ")) else { continue };
                let constant = clause.replace('-', "_").to_uppercase();
                let doc = format!("`{clause}`: {words}");
                let _ =
                    writeln!(text, "#[doc = {doc:?}]\npub const {constant}: Clause = Clause::new({id:?}, {clause:?});");
                let _ = write!(all, "{chapter}::{name}::{constant}, ");
            }
            text.push_str("}\n");
        }
        text.push_str("}\n");
    }
    let _ =
        writeln!(text, "/// All of them, in the order of the chapters' names.\npub const ALL: &[Clause] = &[{all}];");
    Ok(text)
}

/// The text in quotes after `before`; clauses have no quotes in their text.
fn quoted<'l>(line: &'l str, before: &str) -> Option<&'l str> {
    line.split_once(before)?.1.strip_prefix('"')?.split_once('"').map(|(text, _)| text)
}
