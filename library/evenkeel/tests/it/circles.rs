//! No files import each other in a circle, in any crate of the workspace: read from `use` lines and paths in the code.
//!
//! A file depends on another when it imports an item of it or names a path into it. `mod` lines and re-exports (`pub use`) of
//! items that the file itself does not use are a table of contents and no dependency; an import through a re-export counts as
//! one of the file that defines the item. Test modules (`#[cfg(test)]`) are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Re-exports that are followed until an item's definition.
const MAX_HOPS: usize = 8;

/// A file's module path within its crate; empty for the root.
type Module = Vec<String>;

/// One imported or mentioned path.
#[derive(Clone, Debug)]
struct Import {
    line: usize,
    segments: Vec<String>,
    /// The name under which the file has the item; `*` for a glob, empty for a path in the code.
    alias: String,
    re_export: bool,
}

/// One source file.
#[derive(Debug)]
struct File {
    path: PathBuf,
    declared: BTreeSet<String>,
    imports: Vec<Import>,
    /// Identifiers outside of `use` items, for telling a re-export that the file uses itself.
    words: BTreeSet<String>,
}

/// The files of one crate by module.
struct Sources(BTreeMap<Module, File>);

impl Sources {
    fn read(source: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![(source.to_owned(), Module::new())];
        while let Some((folder, module)) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().flatten() {
                let path = entry.path();
                let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push((path, [module.clone(), vec![stem]].concat()));
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let root = matches!(stem.as_str(), "lib" | "main" | "mod");
                    let module = if root { module.clone() } else { [module.clone(), vec![stem]].concat() };
                    // A crate with both has two roots; a library's comes first.
                    files.entry(module).or_insert_with(|| File::parse(&path));
                }
            }
        }
        Self(files)
    }

    /// The file that a path leads to, seen from a module.
    fn resolve(&self, from: &[String], segments: &[String], hops: usize) -> Option<Module> {
        let mut rest = segments.iter();
        let mut here: Module = match rest.next()?.as_str() {
            "crate" => Module::new(),
            "self" => from.to_vec(),
            "super" => from.split_last()?.1.to_vec(),
            child => {
                let module = [from, &[child.to_owned()]].concat();
                if !self.0.contains_key(&module) {
                    return None;
                }
                module
            }
        };
        for segment in rest {
            match segment.as_str() {
                "super" => here = here.split_last()?.1.to_vec(),
                "self" | "*" => {}
                name => {
                    let module = [here.clone(), vec![name.to_owned()]].concat();
                    if self.0.contains_key(&module) {
                        here = module;
                    } else {
                        return Some(self.definition(&here, name, hops).unwrap_or(here));
                    }
                }
            }
        }
        Some(here)
    }

    /// Finds the file that defines a name of a module.
    fn definition(&self, module: &[String], name: &str, hops: usize) -> Option<Module> {
        let file = self.0.get(module)?;
        if hops == 0 || file.declared.contains(name) {
            return Some(module.to_vec());
        }
        if let Some(import) = file.imports.iter().find(|import| import.alias == name) {
            return self.resolve(module, &import.segments, hops - 1);
        }
        file.imports.iter().filter(|import| import.alias == "*").find_map(|glob| {
            let behind = self.resolve(module, &glob.segments, hops - 1)?;
            let has = self.0.get(&behind).is_some_and(|file| file.declared.contains(name));
            has.then_some(behind)
        })
    }

    /// Returns the files that each file depends on, with the line of the dependency.
    fn dependencies(&self) -> BTreeMap<Module, BTreeMap<Module, usize>> {
        let mut edges: BTreeMap<Module, BTreeMap<Module, usize>> = BTreeMap::new();
        for (module, file) in &self.0 {
            let used = |import: &&Import| !import.re_export || file.words.contains(&import.alias);
            for import in file.imports.iter().filter(used) {
                if let Some(target) = self.resolve(module, &import.segments, MAX_HOPS).filter(|to| to != module) {
                    edges.entry(module.clone()).or_default().entry(target).or_insert(import.line);
                }
            }
        }
        edges
    }

    /// Each circle as its edges: `a.rs:12 -> b.rs`.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.dependencies();
        let reachable = |from: &Module| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&Module> = edges.get(from).into_iter().flat_map(BTreeMap::keys).collect();
            while let Some(module) = next.pop() {
                if seen.insert(module.clone()) {
                    next.extend(edges.get(module).into_iter().flat_map(BTreeMap::keys));
                }
            }
            seen
        };
        let reach: BTreeMap<&Module, BTreeSet<Module>> =
            self.0.keys().map(|module| (module, reachable(module))).collect();
        let mut told = BTreeSet::new();
        let mut circles = Vec::new();
        for module in self.0.keys().filter(|module| reach[module].contains(*module)) {
            if told.contains(module) {
                continue;
            }
            let members: Vec<&Module> =
                self.0.keys().filter(|other| reach[module].contains(*other) && reach[other].contains(module)).collect();
            told.extend(members.iter().copied());
            let between = members.iter().flat_map(|from| {
                let to = edges[*from].iter().filter(|(to, _)| members.contains(to));
                to.map(|(to, line)| format!("{}:{line} -> {}", self.0[*from].path.display(), self.0[to].path.display()))
            });
            circles.push(between.collect());
        }
        circles
    }
}

impl File {
    fn parse(path: &Path) -> Self {
        let text = without_tests(&without_comments(&std::fs::read_to_string(path).unwrap()));
        let mut file =
            Self { path: path.to_owned(), declared: BTreeSet::new(), imports: Vec::new(), words: BTreeSet::new() };
        let mut code = String::new();
        let mut rest = text.as_str();
        let line_of = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
        // `use` items are taken out; what is left are paths and words of the code.
        while let Some(at) = next_use(rest) {
            code.push_str(&rest[..at]);
            let line = line_of(&rest[at..]);
            let re_export = code.trim_end().ends_with("pub")
                || code.trim_end().ends_with(')') && {
                    let before = code.trim_end();
                    before.rfind("pub(").is_some_and(|visibility| !before[visibility..].contains(['\n', ';', '}']))
                };
            let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
            expand(&rest[at + "use ".len()..end], &[], &mut |segments, alias| {
                file.imports.push(Import { line, segments, alias, re_export });
            });
            code.extend(rest[at..end].chars().filter(|letter| *letter == '\n'));
            rest = &rest[end..];
        }
        code.push_str(rest);
        for (number, line) in code.lines().enumerate() {
            let mut words =
                line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|w| !w.is_empty());
            let mut previous = "";
            for word in &mut words {
                if matches!(
                    previous,
                    "struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" | "union" | "macro_rules"
                ) {
                    file.declared.insert(word.to_owned());
                }
                file.words.insert(word.to_owned());
                previous = word;
            }
            for path in paths(line) {
                file.imports.push(Import { line: number + 1, segments: path, alias: String::new(), re_export: false });
            }
        }
        file
    }
}

/// Finds the start of the next `use` item.
fn next_use(text: &str) -> Option<usize> {
    let starts = |at: usize| {
        let before = text[..at].trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ';', '{', '}', ')', ']']) || before.ends_with("pub")
    };
    text.match_indices("use ").map(|(at, _)| at).find(|at| starts(*at))
}

/// The paths of a `use` tree, each with the name that it brings in.
fn expand(tree: &str, before: &[String], found: &mut dyn FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let prefix = segments(tree[..open].trim_end().trim_end_matches("::"));
        let before = [before, &prefix].concat();
        let inside = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let (mut depth, mut start) = (0, 0);
        for (at, letter) in inside.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inside[start..at], &before, found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        expand(&inside[start..], &before, found);
    } else if !tree.is_empty() {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = [before, &segments(path)].concat();
        let last = path.iter().rfind(|segment| *segment != "self").cloned().unwrap_or_default();
        let alias = if alias.is_empty() { last } else { alias.trim().to_owned() };
        found(path, alias);
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).filter(|segment| !segment.is_empty()).collect()
}

/// The paths of two and more segments in a line of code.
fn paths(line: &str) -> Vec<Vec<String>> {
    let parts = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    parts
        .filter(|part| part.contains("::") && !part.starts_with(':'))
        .map(segments)
        .filter(|path| path.first().is_some_and(|first| first.starts_with(|letter: char| letter.is_lowercase())))
        .collect()
}

/// Comments and the contents of string literals blanked out, lines kept.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let (letter, next) = (letters[at], letters.get(at + 1).copied().unwrap_or(' '));
        if letter == '/' && next == '/' {
            while at < letters.len() && letters[at] != '\n' {
                at += 1;
            }
        } else if letter == 'r'
            && (next == '"' || next == '#')
            && !out.ends_with(|l: char| l.is_alphanumeric() || l == '_')
        {
            let hashes = letters[at + 1..].iter().take_while(|letter| **letter == '#').count();
            if letters.get(at + 1 + hashes) != Some(&'"') {
                out.push(letter);
                at += 1;
                continue;
            }
            at += hashes + 2;
            while at < letters.len()
                && !(letters[at] == '"'
                    && letters[at + 1..].iter().take(hashes).filter(|l| **l == '#').count() == hashes)
            {
                if letters[at] == '\n' {
                    out.push('\n');
                }
                at += 1;
            }
            at += hashes + 1;
        } else if letter == '"' {
            at += 1;
            while at < letters.len() && letters[at] != '"' {
                if letters[at] == '\n' {
                    out.push('\n');
                }
                at += if letters[at] == '\\' && letters.get(at + 1) != Some(&'\n') { 2 } else { 1 };
            }
            at += 1;
        } else if letter == '\'' && (letters.get(at + 2) == Some(&'\'') || next == '\\') {
            // A character literal, and not a lifetime.
            at += if next == '\\' { 3 } else { 2 };
            while at < letters.len() && letters[at - 1] != '\'' && letters[at] != '\'' {
                at += 1;
            }
            at += usize::from(letters.get(at) == Some(&'\''));
            out.push(' ');
            if letters.get(at.wrapping_sub(1)) != Some(&'\'') {
                at += 1;
            }
        } else {
            out.push(letter);
            at += 1;
        }
    }
    out
}

/// Inline test modules blanked out, lines kept.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let after = &rest[at..];
        let open = after.find('{');
        // `mod tests;` is another file, and only named here; a function or `use` for tests is left out as well.
        let semicolon = after.find(';');
        let end = match (open, semicolon) {
            (Some(open), semicolon) if semicolon.is_none_or(|semicolon| open < semicolon) => {
                let mut depth = 0_usize;
                let closing = after[open..].char_indices().find(|(_, letter)| {
                    depth = match letter {
                        '{' => depth + 1,
                        '}' => depth - 1,
                        _ => depth,
                    };
                    *letter == '}' && depth == 0
                });
                closing.map_or(after.len(), |(at, _)| open + at + 1)
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => after.len(),
        };
        out.push_str(&rest[..at]);
        out.extend(after[..end].chars().filter(|letter| *letter == '\n'));
        rest = &after[end..];
    }
    out + rest
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The source folders of the workspace's crates.
fn crates() -> Vec<PathBuf> {
    let mut found = vec![root().join("catalogue/src"), root().join("bench/src")];
    for part in ["library", "prover", "services"] {
        found.extend(std::fs::read_dir(root().join(part)).unwrap().flatten().map(|entry| entry.path().join("src")));
    }
    found.retain(|source| source.is_dir());
    found
}

#[test]
fn no_files_import_each_other() {
    let crates = crates();
    assert!(crates.len() > 15, "the crates of the workspace are found: {crates:?}");
    let circles: Vec<String> = crates
        .iter()
        .flat_map(|source| Sources::read(source).circles())
        .map(|edges| edges.join("\n  ").replace(&format!("{}/", root().display()), ""))
        .collect();
    assert!(circles.is_empty(), "{} circles of files:\n  {}", circles.len(), circles.join("\n\n  "));
}

#[test]
fn a_planted_circle_is_found_and_a_table_of_contents_is_none() {
    let planted = |files: &[(&str, &str)]| {
        let folder = std::env::temp_dir().join(format!("circles-{}-{}", std::process::id(), files.len()));
        let _ = std::fs::remove_dir_all(&folder);
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let circles = Sources::read(&folder).circles();
        std::fs::remove_dir_all(&folder).unwrap();
        circles
    };
    // Imports of each other, one of them through a re-export, one by a path in the code.
    let root = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n/// [`c::C`]\npub use c::C;\n");
    let (a, b) = (("a.rs", "use crate::b;\npub struct A;\n"), ("b.rs", "fn f() -> super::A { crate::c::C.into() }\n"));
    let c = ("c.rs", "pub struct C;\n#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::b::f;\n}\n");
    let circles = planted(&[root, a, b, c]);
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert!(circles[0].iter().any(|edge| edge.contains("b.rs:1 -> ") && edge.ends_with("a.rs")), "{circles:?}");
    // The same without the way back, and with a parent that re-exports what its child makes of its sibling.
    assert_eq!(
        planted(&[root, ("a.rs", "pub struct A;\n"), b, c, ("a/d.rs", "use super::A;\n")]),
        Vec::<Vec<String>>::new()
    );
    // A parent that uses its child's items, and is used by it.
    let circles = planted(&[
        ("lib.rs", "mod p;\n"),
        ("p.rs", "mod q;\npub use q::Q;\npub struct P(Q);\n"),
        ("p/q.rs", "use super::P;\npub struct Q;\n"),
    ]);
    assert_eq!(circles.len(), 1, "{circles:?}");
}
