//! Connections that the service has accepted, each with a whole request that it has not read when SIGTERM comes.
//!
//! It is frozen while the requests are sent, so that none can be read too early. Without SIGTERM the same leads to answers, which is
//! the control. A connection that is closed with an unread request is reset by the kernel: its client cannot know whether the request
//! was worked on.

use std::time::Duration;

use futures_util::future::join_all;
use keel_wire::answers;
use keel_wire::raw::{Ended, Heard, RawConnection};

use super::traffic::PATIENCE;
use crate::clause::life::drain as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::listener::told;
use crate::probes::support::peace::Peace;
use crate::probes::support::sockets;

/// Connections.
const OPEN: usize = 8;
/// Time for the service to accept them.
const ACCEPTS: Duration = Duration::from_millis(300);
/// Time for which it is frozen before and after they are sent.
const FROZEN: Duration = Duration::from_millis(100);
const SIGTERM: i32 = 15;
const SIGSTOP: i32 = 19;
const SIGCONT: i32 = 18;

/// Starts it, stops it by SIGTERM while accepted connections wait, and leaves it stopped.
pub(super) async fn examine(lab: &mut Lab) -> Evidence {
    lab.stop().await;
    if let Err(failure) = lab.start_with(|_| {}).await {
        return clause::ACCEPTED.gap(format!("it does not start again after a drain: {failure}"));
    }
    let peace = match Peace::of(lab).await {
        Ok(peace) => peace,
        Err(why) => return clause::ACCEPTED.gap(why),
    };
    let in_peace = asked_while_frozen(lab, &peace, false).await;
    if in_peace.is_empty() {
        let what = "it accepts no connection before its request has come, so none could have an unread request";
        return clause::ACCEPTED.gap(what);
    }
    let whole = in_peace.iter().filter(|heard| fate(heard) == Fate::Answered).count();
    let control = match Control::seen(
        whole == in_peace.len(),
        format!("frozen for a moment without SIGTERM, it answers {whole} of {} requests", in_peace.len()),
        format!("frozen for a moment without SIGTERM, it answers {whole} of {} requests", in_peace.len()),
    ) {
        Ok(control) => control,
        Err(failed) => return clause::ACCEPTED.uncontrolled(&failed),
    };
    let heard = asked_while_frozen(lab, &peace, true).await;
    lab.stop().await;
    judge(&peace.line, &heard).by(&control)
}

fn judge(line: &str, heard: &[Heard]) -> Evidence {
    let count = |which: Fate| heard.iter().filter(|heard| fate(heard) == which).count();
    let [answered, closed, cut, open] = [Fate::Answered, Fate::Closed, Fate::Cut, Fate::Open].map(count);
    let told_of = format!(
        "of {} accepted connections with an unread request at SIGTERM {answered} are answered, {closed} closed in order, {cut} cut off",
        heard.len()
    );
    if let Some(bad) = heard.iter().find(|heard| fate(heard) == Fate::Cut) {
        return clause::ACCEPTED.contradicts(told_of).exchanged(line, told(bad));
    }
    if open > 0 || heard.is_empty() {
        return clause::ACCEPTED.gap(format!("{told_of}, {open} neither"));
    }
    clause::ACCEPTED.holds(told_of)
}

/// Outcome of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Closed,
    Cut,
    Open,
}

fn fate(heard: &Heard) -> Fate {
    let answer = answers::first(&heard.bytes, 0);
    match (answer, heard.ended) {
        (Some(answer), _) if answer.whole => Fate::Answered,
        // Without a length the end of the connection is the end of the answer.
        (Some(answer), Ended::Closed) if !answer.headers.contains_key("content-length") && !chunked(&answer) => {
            Fate::Answered
        }
        (None, Ended::Closed) if heard.bytes.is_empty() => Fate::Closed,
        (_, Ended::StillOpen) => Fate::Open,
        _ => Fate::Cut,
    }
}

fn chunked(answer: &answers::WireAnswer) -> bool {
    answer.headers.contains_key("transfer-encoding")
}

/// Returns the answers on accepted connections, when the service goes on after a request was sent on each while it was frozen.
async fn asked_while_frozen(lab: &Lab, peace: &Peace, term: bool) -> Vec<Heard> {
    let opened = join_all((0..OPEN).map(|_| peace.listener.open())).await;
    let opened: Vec<RawConnection> = opened.into_iter().filter_map(Result::ok).collect();
    tokio::time::sleep(ACCEPTS).await;
    let Some(port) = peace.listener.endpoint.tcp().map(|address| address.port()) else { return Vec::new() };
    // One that waits in the kernel's queue has no inode: no process has it.
    let accepted = |connection: &RawConnection| {
        let own = connection.local_address().ok()?.port();
        sockets::find(port, own).filter(|socket| socket.established && socket.inode != 0)
    };
    let mut asked: Vec<RawConnection> =
        opened.into_iter().filter(|connection| accepted(connection).is_some()).collect();
    lab.signal_group(SIGSTOP);
    tokio::time::sleep(FROZEN).await;
    for connection in &mut asked {
        // One that cannot be written to is heard as it ended.
        let _ = connection.write(&peace.bytes, PATIENCE).await;
    }
    if term {
        lab.signal(SIGTERM);
    }
    tokio::time::sleep(FROZEN).await;
    lab.signal_group(SIGCONT);
    join_all(asked.iter_mut().map(|connection| connection.listen_answer(PATIENCE))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Bearing;

    fn heard(bytes: &[u8], ended: Ended) -> Heard {
        Heard { bytes: bytes.to_vec(), ended, took: Duration::ZERO }
    }

    #[test]
    fn a_whole_answer_and_an_orderly_close_are_right_and_a_reset_and_half_an_answer_are_not() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(fate(&heard(whole, Ended::StillOpen)), Fate::Answered);
        assert_eq!(fate(&heard(&whole[..whole.len() - 1], Ended::Closed)), Fate::Cut);
        assert_eq!(fate(&heard(b"HTTP/1.0 200 OK\r\n\r\nok", Ended::Closed)), Fate::Answered);
        assert_eq!(fate(&heard(b"", Ended::Closed)), Fate::Closed);
        assert_eq!(fate(&heard(b"", Ended::Reset)), Fate::Cut);
        assert_eq!(fate(&heard(b"", Ended::StillOpen)), Fate::Open);
    }

    #[test]
    fn accepted_connections_are_answered_or_closed_in_order() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let bearing = |heard: &[Heard]| judge("GET /", heard).bearing();
        let good = || vec![heard(whole, Ended::Closed), heard(b"", Ended::Closed)];
        let with = |other: Heard| good().into_iter().chain([other]).collect::<Vec<_>>();
        assert_eq!(bearing(&good()), Bearing::For);
        assert_eq!(bearing(&with(heard(b"", Ended::Reset))), Bearing::Against);
        assert_eq!(bearing(&with(heard(b"", Ended::StillOpen))), Bearing::Gap);
        assert_eq!(bearing(&[]), Bearing::Gap, "nothing was accepted");
    }
}
