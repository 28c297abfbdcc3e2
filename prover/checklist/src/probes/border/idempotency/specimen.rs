//! Servers for `border.idempotency`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{FORGETS_KEYS, SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("keeps keys with their effects"),
    FORGETS_KEYS.falls_short("forgets keys at once"),
    Server::new("border-races-keys", |port| things_with(Flaw::RacesKeys, port))
        .falls_short("looks for the key first and writes it later")
        .liar(),
    Server::new("border-loses-keys-in-crash", |port| things_with(Flaw::LosesKeysInCrash, port))
        .falls_short("keeps keys in memory only"),
    Server::new("border-takes-other-body", |port| things_with(Flaw::TakesOtherBody, port))
        .falls_short("answers another body under a used key with the first answer"),
    Server::new("border-acts-again", |port| things_with(Flaw::ActsAgain, port))
        .falls_short("gives the first answer again and makes the thing again")
        .liar(),
    Server::new("border-shares-keys", |port| things_with(Flaw::SharesKeys, port))
        .falls_short("gives one caller the answer of another"),
];
