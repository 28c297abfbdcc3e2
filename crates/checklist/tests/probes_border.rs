//! The probes of chapter `border`, each against a specimen that holds and one that does not.

mod specimen;
