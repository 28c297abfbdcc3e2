//! `[integrity]` of `keel.toml`: how a row is damaged, and where the alarm names it.

use std::collections::BTreeMap;

use keel_input::diagnostics::Reading;
use serde::Deserialize;
use toml::Spanned;

use super::values::url_path;

/// The damage of a row, and the alarm that must name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Variables that make checks frequent.
    pub env: BTreeMap<String, String>,
    /// Breaks an invariant.
    pub damage: Damage,
    /// Changes what is stored where no invariant sees it, but a checksum does.
    pub corruption: Option<Damage>,
    /// Path of the alarm, on the admin listener.
    pub alarm: String,
    /// The text by which the alarm names the row; a template.
    pub names: String,
}

/// A change of stored data, and the one that takes it back: shell commands, and templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Makes the change.
    pub command: String,
    /// Takes it back.
    pub repair: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntegrityTable {
    /// Variables with which invariants are checked often.
    /// Default: none.
    /// Example: `env = { CHECK_EVERY = "1s" }`
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Command, run in `workdir` with the service's variables, that breaks an invariant in the data of the running service; a template of what requests save.
    /// Required.
    /// Example: `damage = "sqlite3 data/shop.db \"UPDATE orders SET total = total + 1 WHERE id = '{order}'\""`
    damage: Spanned<String>,
    /// Command that takes the damage back.
    /// Required.
    /// Example: `repair = "sqlite3 data/shop.db \"UPDATE orders SET total = total - 1 WHERE id = '{order}'\""`
    repair: Spanned<String>,
    /// Path on `admin` at which the alarm shows, such as the health document.
    /// Required.
    /// Example: `alarm = "/health"`
    alarm: Spanned<String>,
    /// Text by which the alarm names the damaged row; a template.
    /// Required.
    /// Example: `names = "{order}"`
    names: Spanned<String>,
    /// Command that changes what is stored in a way that no invariant sees, but a checksum does. It needs `restore`.
    /// Default: checksums are not examined.
    /// Example: `corrupt = "sqlite3 data/shop.db \"UPDATE orders SET note = 'x' || note WHERE id = '{order}'\""`
    corrupt: Option<Spanned<String>>,
    /// Command that takes the change of `corrupt` back.
    /// Default: none.
    /// Example: `restore = "sqlite3 data/shop.db \"UPDATE orders SET note = substr(note, 2) WHERE id = '{order}'\""`
    restore: Option<Spanned<String>>,
}

/// Reads the table.
pub(super) fn read(reading: &mut Reading<'_>, table: IntegrityTable) -> Option<Integrity> {
    let span = table.alarm.span();
    let alarm = reading.kept(&span, url_path(table.alarm.get_ref()).map_err(|what| format!("`alarm`: {what}")));
    for (text, field) in [(&table.damage, "damage"), (&table.repair, "repair"), (&table.names, "names")] {
        if text.get_ref().trim().is_empty() {
            reading.wrong(&text.span(), format!("`{field}` is empty: say it, or leave [integrity] out"));
        }
    }
    let corruption = match (table.corrupt, table.restore) {
        (Some(command), Some(repair)) => Some(Damage { command: command.into_inner(), repair: repair.into_inner() }),
        (Some(alone), None) | (None, Some(alone)) => {
            reading.wrong(&alone.span(), "`corrupt` and `restore` go together: add the other");
            None
        }
        (None, None) => None,
    };
    let damage = Damage { command: table.damage.into_inner(), repair: table.repair.into_inner() };
    Some(Integrity { env: table.env, damage, corruption, alarm: alarm?, names: table.names.into_inner() })
}
