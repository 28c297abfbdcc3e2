//! Servers for `border.cacheable`.

use crate::probes::border::specimen::flaw::Flaw;
use crate::probes::border::specimen::{PLAIN, SOUND, things_with};
use crate::specimen::{Server, Specimen};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    SOUND.holds("has validators that work"),
    Server::new("border-silent-on-caching", |port| things_with(Flaw::SilentOnCaching, port))
        .falls_short("says nothing about caching"),
    Server::new("border-dead-validator", |port| things_with(Flaw::DeadValidator, port))
        .falls_short("its validator never gives 304")
        .liar(),
    Server::new("border-hides-vary", |port| things_with(Flaw::HidesVary, port)).falls_short("compresses without Vary"),
    Server::new("border-public-cookie", |port| things_with(Flaw::PublicCookie, port))
        .falls_short("sets a cookie in a public answer"),
    PLAIN.falls_short("says nothing about caching"),
    Server::new("border-shares-personal-page", |port| things_with(Flaw::SharesPersonalPage, port))
        .falls_short("lets shared caches keep what one caller gets"),
];
