//! A start at once after a stop that closed connections: the kernel keeps their ports for a minute, and only a server that says
//! SO_REUSEADDR gets its port again meanwhile.

use std::time::{Duration, Instant};

use keel_drill::tcp_table::sockets_of;
use keel_wire::raw::{Ended, RawConnection};

use super::variables::tells_of_use;
use crate::clause::life::start as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::{Lab, StartFailure};
use crate::probes::life::starved;
use crate::probes::support::peace::Peace;

/// Connections that are open at the stop.
const OPEN: usize = 6;
/// Time limit of an answer, and of the close of a connection.
const EACH: Duration = Duration::from_secs(5);
/// The kernel keeps a closed port for 60 s: until then it is started again and again, so that later probes have a service.
const KEPT: Duration = Duration::from_secs(65);
const TRY_EVERY: Duration = Duration::from_secs(5);

/// Stops it while connections are open, and starts it.
pub(super) async fn after_a_stop(lab: &mut Lab) -> Evidence {
    let peace = match Peace::of(lab).await {
        Ok(peace) => peace,
        Err(why) => return clause::AGAIN.gap(why),
    };
    let mut open = Vec::new();
    for _ in 0..OPEN {
        let Ok(mut connection) = peace.listener.open().await else { continue };
        if connection.write(&peace.bytes, EACH).await.is_ok() && connection.listen_answer(EACH).await.status().is_some()
        {
            open.push(connection);
        }
    }
    let closing = futures_util::future::join_all(open.into_iter().map(until_closed));
    let (closed, ()) = tokio::join!(closing, lab.stop());
    // Ours are closed in turn: what is left of them is with the service's port.
    drop(closed);
    let port = lab.subject.url.port_or_known_default().unwrap_or(80);
    let kept = sockets_of(port).into_iter().filter(|it| it.local == port && !it.listens && !it.established).count();
    let control = Control::seen(
        kept > 0,
        format!("the kernel keeps {kept} connections of the port that it had closed"),
        "it closed no connection at its stop that the kernel keeps: a start on a port that is kept was not tried",
    );
    let first = match lab.start_with(|_| {}).await {
        Ok(started) => {
            let what = format!("started at once after a stop, it is ready after {:.1?}", started.ready);
            return match control {
                Ok(control) => clause::AGAIN.holds(what).by(&control),
                Err(failed) => clause::AGAIN.uncontrolled(&failed),
            };
        }
        Err(failure) => failure,
    };
    let piece = refused(lab, &first).await;
    match control {
        Ok(control) => piece.by(&control),
        Err(_) => piece,
    }
}

/// A start at once after a stop failed. Starts it again and again until the kernel no longer keeps its port.
pub(super) async fn refused(lab: &mut Lab, first: &StartFailure) -> Evidence {
    let waited = lab.start_was_starved().then_some(lab.starved).filter(|_| !is_about_the_port(first));
    let (begun, kept) = (Instant::now(), lab.pace.of(KEPT));
    let mut later = None;
    while later.is_none() && begun.elapsed() < kept {
        tokio::time::sleep(lab.pace.of(TRY_EVERY)).await;
        later = lab.start_with(|_| {}).await.ok().map(|_| begun.elapsed());
    }
    let later = later.map_or_else(|| format!("nor within {kept:?}"), |after| format!("it does after {after:.0?}"));
    let what = format!("it does not start at once after a stop, {later}: {}", first.reason);
    starved::judge(clause::AGAIN, what, waited).showing(first.output.join(" · "))
}

/// Returns true if a start failed because its port was not free.
pub(super) fn is_about_the_port(failure: &StartFailure) -> bool {
    failure.output.iter().any(|line| tells_of_use(line))
}

/// Waits until the service has closed the connection, and gives it back to be closed here.
async fn until_closed(connection: RawConnection) -> (RawConnection, Ended) {
    let ended = connection.wait_closed(EACH).await;
    (connection, ended)
}
