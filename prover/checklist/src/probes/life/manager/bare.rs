//! A start as process managers and containers make it: no terminal, nothing on standard input, no home folder, no user.

use crate::clause::life::manager as clause;
use crate::contention;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::life::starved;
use crate::probes::support::peace::{PATIENCE, Peace};

/// Variables that a login sets, and a process manager does not.
const OF_A_LOGIN: [&str; 9] =
    ["HOME", "LOGNAME", "MAIL", "SHELL", "TERM", "USER", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"];

/// Starts it so, asks it once, and stops it.
pub(super) async fn examine(lab: &mut Lab) -> Evidence {
    let kept: Vec<&str> = OF_A_LOGIN.into_iter().filter(|name| lab.subject.env.contains_key(*name)).collect();
    let started = lab
        .start_with(|launch| {
            launch.own_session = true;
            let removed = OF_A_LOGIN.into_iter().filter(|name| !kept.contains(name));
            launch.env_remove.extend(removed.map(str::to_owned));
        })
        .await;
    let how = "without a terminal, standard input, HOME and the other variables of a login";
    let piece = match started {
        Ok(_) => {
            let contention = contention::Watch::begin(lab);
            let peace = Peace::of(lab).await;
            match peace {
                Ok(_) => clause::BARE.holds(format!("started {how}, it answers")),
                Err(why) => {
                    let piece = clause::BARE.contradicts(format!("started {how}, it does not answer: {why}"));
                    contention.end().excuse_given_up(piece, PATIENCE)
                }
            }
        }
        Err(failure) if failure.reason.contains("could not be started") => {
            clause::BARE.gap(format!("the program `setsid` is needed to start it without a terminal: {failure}"))
        }
        Err(failure) => {
            let what = format!("it does not start {how}: {}", failure.reason);
            let piece = starved::not_started(lab, clause::BARE, what);
            piece.showing(failure.output.join(" · "))
        }
    };
    lab.stop().await;
    piece
}
