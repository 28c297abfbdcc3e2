//! The rules of a record, and its effect.

use evenkeel::prelude::*;
use evenkeel::vitals;

use crate::clock::now_micros;
use crate::error::LedgerError;
use crate::id;

/// The first line of an import.
pub const HEAD: &str = "reference,currency,overdraft";

/// A record that follows the rules.
#[derive(Debug, PartialEq, Eq)]
struct Record<'a> {
    reference: &'a str,
    currency: &'a str,
    overdraft: i64,
}

/// Returns the reference of a record, good or bad: what stands before its first comma.
pub(super) fn reference(line: &str) -> &str {
    line.split(',').next().unwrap_or_default().trim()
}

/// Reads a line. Reasons leave the values out: they are counted.
fn read(line: &str) -> Result<Record<'_>, &'static str> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [reference, currency, overdraft] = fields[..] else {
        return Err("a record has three fields: reference, currency, overdraft");
    };
    if !id::is_well_formed(reference) {
        return Err("reference: it has 1 to 64 letters, digits, dashes and underscores");
    }
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err("currency: it has three capitals, as in EUR");
    }
    let overdraft = overdraft.parse().map_err(|_| "overdraft: it is a whole number of minor units")?;
    if !(0..=crate::posting::MAX_AMOUNT).contains(&overdraft) {
        return Err("overdraft: it is between 0 and 1,000,000,000,000,000");
    }
    Ok(Record { reference, currency, overdraft })
}

/// Opens the account of a record; returns its id, or the reason why the record is bad.
pub(super) async fn take(tx: &mut Transaction, line: &str) -> Result<Result<String, &'static str>, LedgerError> {
    let record = match read(line) {
        Ok(record) => record,
        Err(reason) => return Ok(Err(reason)),
    };
    let known = "SELECT account_id FROM imported_accounts WHERE reference = $1";
    if tx.fetch_optional(known, args![record.reference]).await?.is_some() {
        return Ok(Err("reference: there is an account of this reference"));
    }
    let id = vitals::new_id("acc");
    tx.execute(
        "INSERT INTO accounts (id, currency, overdraft, balance, internal, created_at) VALUES ($1, $2, $3, 0, $4, $5)",
        args![&id, record.currency, record.overdraft, false, now_micros()],
    )
    .await?;
    let reference = "INSERT INTO imported_accounts (reference, account_id) VALUES ($1, $2)";
    tx.execute(reference, args![record.reference, &id]).await?;
    Ok(Ok(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_a_reference_a_currency_and_an_overdraft() {
        assert_eq!(read("a-1, EUR,100"), Ok(Record { reference: "a-1", currency: "EUR", overdraft: 100 }));
        for (line, reason) in [
            ("", "three fields"),
            ("a,EUR", "three fields"),
            ("a,EUR,1,2", "three fields"),
            (",EUR,1", "reference"),
            ("a b,EUR,1", "reference"),
            ("\u{fffd},EUR,1", "reference"),
            ("a,EURO,1", "currency"),
            ("a,eur,1", "currency"),
            ("a,EUR,-1", "between"),
            ("a,EUR,1.5", "whole number"),
            ("a,EUR,99999999999999999999", "whole number"),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(reason), "{line:?}: {refused}");
        }
    }
}
