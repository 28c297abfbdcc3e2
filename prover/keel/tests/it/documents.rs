//! The commands of keel in README and guides are commands that it takes.

use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The words of the commands in shell blocks. A pipe, a redirection, `&&` and `;` end a command; comments are left out.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (mut found, mut in_block) = (Vec::new(), false);
    for line in text.replace("\\\n", " ").lines().map(str::trim) {
        if line.starts_with("```") {
            in_block = line == "```sh";
        } else if in_block {
            found.extend(commands_of_line(line));
        }
    }
    found
}

fn commands_of_line(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut word, mut quote) = (vec![Vec::new()], None::<String>, None);
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => all.last_mut().expect("there is one").extend(word.take()),
            (None, '|' | '&' | ';' | '>') => {
                all.last_mut().expect("there is one").extend(word.take());
                all.push(Vec::new());
            }
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    all
}

/// Asks keel for help behind these words: it refuses what it does not know before it shows the help.
fn refusal(words: &[String]) -> Option<String> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut words = words.to_vec();
    words.insert(end, "--help".to_owned());
    let output = Command::new(env!("CARGO_BIN_EXE_keel")).args(&words[1..]).output().unwrap();
    (!output.status.success()).then(|| format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)))
}

fn documents() -> Vec<PathBuf> {
    let guides = std::fs::read_dir(Path::new(ROOT).join("docs/guide")).unwrap();
    let mut paths: Vec<PathBuf> = guides.map(|entry| entry.unwrap().path()).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "docs/introduction.md"].map(|name| Path::new(ROOT).join(name)));
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths
}

#[test]
fn every_command_in_readme_and_guides_is_known_with_its_flags() {
    let text: String = documents().iter().map(|path| std::fs::read_to_string(path).unwrap() + "\n").collect();
    let is_keel = |words: &Vec<String>| words.first().is_some_and(|word| word == "keel" || word.ends_with("/keel"));
    let all: Vec<Vec<String>> = commands(&text).into_iter().filter(is_keel).collect();
    assert!(all.len() > 40, "only {} commands were found", all.len());
    let refused: Vec<String> = all.iter().filter_map(|words| refusal(words)).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn every_make_target_in_readme_and_guides_exists() {
    let makefile = std::fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for words in commands(&text).iter().filter(|words| words.first().is_some_and(|word| word == "make")) {
            for target in words[1..].iter().filter(|word| !word.contains('=')) {
                assert!(makefile.contains(&format!("\n{target}:")), "{}: make has no target {target}", path.display());
            }
        }
    }
}

#[test]
fn an_unknown_flag_is_refused_in_spite_of_help() {
    let words = |line: &str| commands_of_line(line).remove(0);
    assert!(refusal(&words("keel check --no-such-flag")).is_some());
    assert!(refusal(&words("keel chekc")).is_some());
    assert_eq!(words("keel load 'a b' --rate 1  # c"), ["keel", "load", "a b", "--rate", "1"]);
}
