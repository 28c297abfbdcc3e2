//! The environment of child processes.

use std::process::Command;

/// The variables by which a process manager addresses one process: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
const ADDRESSED: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// Removes the variables that a process manager set for this process: a service under test must not speak to it in our name. Call it
/// before variables that the child shall have are set.
pub fn without_manager(command: &mut Command) -> &mut Command {
    for name in ADDRESSED {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_inherits_no_variable_of_the_process_manager_but_can_be_given_one() {
        let mut command = Command::new("true");
        without_manager(&mut command).env("NOTIFY_SOCKET", "/its/own");
        let value = |name: &str| {
            let found = command.get_envs().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.map(|value| value.to_string_lossy().into_owned()))
        };
        assert_eq!(value("NOTIFY_SOCKET"), Some(Some("/its/own".to_owned())));
        assert_eq!(value("WATCHDOG_USEC"), Some(None));
    }
}
