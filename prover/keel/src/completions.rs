//! `keel completions`: the completion script of a shell.

use clap::{Command, ValueEnum};
use clap_complete::Shell as Generator;

use crate::exit::FINE;
use crate::output::print;

/// The shell that completes.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  keel completions bash > ~/.local/share/bash-completion/completions/keel\n  keel completions zsh > \
                  ~/.zfunc/_keel            # a folder of fpath\n  keel completions fish > ~/.config/fish/completions/keel.fish"
)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script for the whole command line.
pub(crate) fn run(arguments: &Arguments, mut command: Command) -> u8 {
    let shell = match arguments.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "keel", &mut script);
    print(&String::from_utf8_lossy(&script));
    FINE
}
