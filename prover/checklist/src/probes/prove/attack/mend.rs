//! Remedy of an attack that fell: an attribute of the catalogue.

/// The attribute of each attack of the suite.
const MEND: &[(&str, &[&str])] = &[
    (
        "border.limits",
        &[
            "range-abuse",
            "smuggle-cl-te",
            "smuggle-te-cl",
            "smuggle-te-te",
            "smuggle-cl-cl",
            "smuggle-chunks",
            "smuggle-obs-fold",
            "smuggle-bare-cr",
            "smuggle-bare-lf",
            "header-size",
            "header-count",
            "long-uri",
            "declared-length",
            "long-body",
            "json-depth",
            "json-width",
        ],
    ),
    ("border.validation", &["method-confusion", "host-confusion", "path-traversal"]),
    ("border.compress", &["gzip-bomb"]),
    ("border.slow-clients", &["slow-headers", "slow-body", "slow-read", "idle", "h2-window-stall"]),
    ("border.connections", &["connection-flood", "h2-continuation", "h2-settings", "h2-ping", "h2-rapid-reset"]),
    ("border.idempotency", &["key-replay", "key-race"]),
    ("border.unenumerable", &["id-enumeration"]),
    ("border.rate-limit", &["login-brute-force"]),
    ("web.csrf", &["cross-site"]),
];

/// The attribute that an attack is mended by; that of what is limited when it is a new one.
pub(super) fn by(attack: &str) -> &'static str {
    let row = MEND.iter().find(|(_, attacks)| attacks.contains(&attack));
    row.map_or("border.limits", |(attribute, _)| attribute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keel_catalogue::Catalogue;

    #[test]
    fn every_attack_is_mended_by_one_attribute_of_the_catalogue() {
        for attack in keel_drill::attack::all() {
            let rows = MEND.iter().filter(|(_, attacks)| attacks.contains(&attack.id));
            assert_eq!(rows.count(), 1, "{} is mended by", attack.id);
        }
        for (attribute, attacks) in MEND {
            assert!(Catalogue::embedded().get(attribute).is_some(), "{attribute} is in no catalogue");
            assert!(attacks.iter().all(|id| keel_drill::attack::named(id).is_some()), "{attacks:?} are attacks");
        }
    }
}
