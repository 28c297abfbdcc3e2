//! Connections that send nothing more, or read nothing, and their judgement.

use crate::clause::border::slow_clients as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::drip::Fate;
use crate::recipe::Recipe;
use crate::recipe::strain::Unread;

/// A connection that sends nothing more, or reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idler {
    Silent,
    KeptAlive,
    Reader,
}

impl Idler {
    pub(super) fn judge(self, fate: Fate, unread: Option<Unread>, control: &Control) -> Evidence {
        let (clause, name) = match self {
            Self::Silent => (clause::IDLE, "a connection that says nothing"),
            Self::KeptAlive => (clause::IDLE, "a connection idle after a whole request"),
            Self::Reader => (clause::SLOW_READERS, "a reader that never reads"),
        };
        match fate {
            Fate::Cut(after, how) => clause.holds(format!("{name} was {how} after {after:.1?}")).by(control),
            // Minutes of keep-alive are usual, behind a balancer they are needed.
            Fate::Held(after) if self == Self::KeptAlive => {
                clause.gap(format!("{name} was still open after {after:.1?}, which may be a long keep-alive or none"))
            }
            Fate::Held(after) => {
                let piece = clause.contradicts(format!("{name} was still held after {after:.1?}"));
                match self {
                    Self::Silent => piece.reproduced_by(Recipe::Slow { begin: Vec::new(), drip: None, held: after }),
                    Self::Reader => unread
                        .map(|unread| Recipe::Unread(Unread { held: after, ..unread }))
                        .into_iter()
                        .fold(piece, Evidence::reproduced_by),
                    Self::KeptAlive => piece,
                }
            }
            Fate::NotJudged(why) => clause.gap(format!("{name} could not be judged: {why}")),
        }
    }
}
