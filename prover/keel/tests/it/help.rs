//! The help texts of keel and of every subcommand, held against files in `tests/it/snapshots`.
//!
//! `INSTA_UPDATE=always cargo test -p keel-prover --test it help` writes them anew.

use std::process::Command;

/// The width of the terminal.
const WIDTH: usize = 80;

/// The deepest nesting of subcommands.
const DEEPEST: usize = 3;

fn help_of(path: &[String]) -> String {
    // Without a terminal, the variable is the width.
    let width = WIDTH.to_string();
    let output =
        Command::new(env!("CARGO_BIN_EXE_keel")).args(path).arg("--help").env("COLUMNS", width).output().unwrap();
    assert!(output.status.success(), "{path:?}: {}", String::from_utf8_lossy(&output.stderr));
    // A blank line of a long help has the spaces of its indentation.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The helps of a command and of all below it.
fn collect(path: Vec<String>, into: &mut Vec<(String, String)>) {
    let help = help_of(&path);
    if path.len() < DEEPEST {
        for name in subcommands(&help) {
            collect([&path[..], &[name]].concat(), into);
        }
    }
    let name = [&["keel".to_owned()][..], &path].concat().join("_");
    into.push((name, help));
}

#[test]
fn the_help_of_every_command_is_as_it_was_reviewed() {
    let mut helps = Vec::new();
    collect(Vec::new(), &mut helps);
    assert!(helps.len() > 15, "{helps:#?}");
    for (name, help) in helps {
        // Flags of Chaos Toolkit exist only where it is built in.
        if name != "keel_drill" || cfg!(feature = "chaos-toolkit") {
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(name.as_str(), help);
            });
        }
        assert!(!help.contains("{n}") && help.lines().count() < 250, "{name}:\n{help}");
        // Usage is never wrapped.
        let wide = help.lines().filter(|line| line.chars().count() > WIDTH && !line.starts_with("Usage: "));
        let wide: Vec<&str> = wide.collect();
        assert!(wide.is_empty(), "{name} has lines of more than {WIDTH} columns: {wide:#?}");
    }
}

#[test]
fn subcommands_are_read_from_a_help() {
    let help = "Tests.\n\nCommands:\n  one    First\n         and more\n  two    Second\n  help   Print help\n\nOptions:\n  -h";
    assert_eq!(subcommands(help), ["one", "two"]);
}
