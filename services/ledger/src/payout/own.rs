//! The ledger's own accounts, one of each kind for each currency.

use evenkeel::prelude::*;

use crate::clock::now_micros;

/// The ledger's own accounts of a currency.
#[derive(Clone, Copy)]
pub(super) enum Own {
    /// Money on its way to the bank.
    InFlight,
    /// Money that the bank has paid out.
    PaidOut,
}

impl Own {
    /// Its id, made when it is missing.
    pub(super) async fn id(self, tx: &mut Transaction, currency: &str) -> Result<String, StoreError> {
        let role = match self {
            Self::InFlight => "payouts-in-flight",
            Self::PaidOut => "paid-out",
        };
        let id = format!("own_{role}_{currency}");
        tx.execute(
            "INSERT INTO accounts (id, currency, overdraft, balance, internal, created_at) \
             VALUES ($1, $2, 0, 0, $3, $4) ON CONFLICT (id) DO NOTHING",
            args![&id, currency, true, now_micros()],
        )
        .await?;
        Ok(id)
    }
}
