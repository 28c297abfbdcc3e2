//! Forecasts: a simulation of the future balance of an account from its past days.
//!
//! Past days are drawn at random, with replacement, thousands of times over (the bootstrap: Efron, "Bootstrap Methods: Another Look at
//! the Jackknife", Annals of Statistics 7(1), 1979). That computes for milliseconds, on threads of its own.

use evenkeel::prelude::*;
use evenkeel::resilience::CpuError;
use evenkeel::resilience::cpu::Wanted;
use evenkeel::utoipa;
use serde::{Deserialize, Serialize};

use crate::account::{self, Account};
use crate::clock::now_micros;
use crate::error::LedgerError;
use crate::ledger::Ledger;

/// Default number of days.
const DEFAULT_DAYS: u32 = 30;
/// The furthest day.
const MAX_DAYS: u32 = 365;
/// Past days that are drawn from.
const PAST_DAYS: usize = 90;
/// Most entries of these days that are read, the newest first.
const MAX_ENTRIES: i64 = 10_000;
/// Futures that are drawn.
const PATHS: usize = 5_000;
const MICROS_OF_A_DAY: i64 = 86_400_000_000;

/// Forecast horizon.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Ahead {
    /// Days from now.
    #[param(minimum = 1, maximum = 365, default = 30)]
    days: Option<u32>,
}

/// Forecast of the balance, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Forecast {
    /// Days from now.
    pub days: u32,
    /// One future in twenty ends below.
    pub low: i64,
    /// Median: as many futures end below as above.
    pub median: i64,
    /// One future in twenty ends above.
    pub high: i64,
}

/// Forecast a balance
///
/// Forecasts the balance by a simulation that draws from the net inflow of each of the last 90 days.
#[utoipa::path(get, operation_id = "get_forecast", path = "/v1/accounts/{id}/forecast", params(("id" = String, Path), Ahead),
    responses((status = 200, body = Forecast), (status = 404)))]
pub async fn look(
    State(ledger): State<Ledger>,
    Path(id): Path<String>,
    Query(ahead): Query<Ahead>,
) -> Result<Json<Forecast>, LedgerError> {
    let days = ahead.days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        let problem = Problem::new(StatusCode::BAD_REQUEST, format!("days: {days} is not between 1 and {MAX_DAYS}"));
        return Err(LedgerError::Refused(problem.with("field", "days")));
    }
    let Json(Account { id, balance, .. }) = account::one(State(ledger.clone()), Path(id)).await?;
    let past = past(&ledger.store, &id).await?;
    let seed = id.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Ok(Json(ledger.cpu.run(move |wanted| draw(balance, &past, days, seed, wanted)).await?))
}

/// Reads the net inflow of each of the past days.
async fn past(store: &Store, id: &str) -> Result<Vec<i64>, StoreError> {
    let now = now_micros();
    let since = now - i64::try_from(PAST_DAYS).unwrap_or(i64::MAX) * MICROS_OF_A_DAY;
    let rows = store
        .read(|tx| {
            let id = id.to_owned();
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT amount, created_at FROM entries WHERE account_id = $1 AND created_at > $2 \
                     ORDER BY created_at DESC, transfer_id DESC LIMIT $3",
                    args![&id, since, MAX_ENTRIES],
                )
                .await
            })
        })
        .await?;
    let mut days = vec![0_i64; PAST_DAYS];
    for row in &rows {
        let (amount, at): (i64, i64) = (row.get("amount")?, row.get("created_at")?);
        let ago = usize::try_from((now - at) / MICROS_OF_A_DAY).unwrap_or(0).min(PAST_DAYS - 1);
        days[ago] = days[ago].saturating_add(amount);
    }
    Ok(days)
}

/// Draws futures; the same question has the same answer.
fn draw(balance: i64, past: &[i64], days: u32, seed: u64, wanted: &Wanted<'_>) -> Result<Forecast, CpuError> {
    let mut state = seed;
    let mut ends = Vec::with_capacity(PATHS);
    for _ in 0..PATHS {
        wanted.check()?;
        let mut end = balance;
        for _ in 0..days {
            let drawn = (u128::from(next(&mut state)) * past.len() as u128) >> 64;
            end = end.saturating_add(past[usize::try_from(drawn).unwrap_or(0)]);
        }
        ends.push(end);
    }
    ends.sort_unstable();
    let at = |percent: usize| ends[ends.len() * percent / 100];
    Ok(Forecast { days, low: at(5), median: at(50), high: at(95) })
}

/// The next number of a sequence that looks random (SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
/// OOPSLA 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use evenkeel::resilience::{CpuPool, CpuRules};

    use super::*;

    async fn drawn(balance: i64, past: Vec<i64>, days: u32) -> Forecast {
        let pool = CpuPool::new("test", CpuRules::of(1).queue(0)).unwrap();
        pool.run(move |wanted| draw(balance, &past, days, 7, wanted)).await.unwrap()
    }

    #[tokio::test]
    async fn an_account_on_which_nothing_happens_stays_as_it_is() {
        assert_eq!(drawn(500, vec![0; 90], 30).await, Forecast { days: 30, low: 500, median: 500, high: 500 });
    }

    #[tokio::test]
    async fn days_that_are_all_alike_are_added_up_and_never_overflow() {
        assert_eq!(drawn(100, vec![-2; 90], 10).await, Forecast { days: 10, low: 80, median: 80, high: 80 });
        assert_eq!(drawn(i64::MAX - 1, vec![i64::MAX; 90], 365).await.median, i64::MAX);
    }

    #[tokio::test]
    async fn the_band_of_a_coin_is_that_of_the_binomial_distribution() {
        // 100 tosses of one up or one down: the standard deviation is 10, so nine in ten end within 16.4 of where they began.
        let past = (0..90).map(|day| if day % 2 == 0 { 1 } else { -1 }).collect();
        let forecast = drawn(0, past, 100).await;
        assert!((-18..=-15).contains(&forecast.low), "{forecast:?}");
        assert!((-1..=1).contains(&forecast.median), "{forecast:?}");
        assert!((15..=18).contains(&forecast.high), "{forecast:?}");
    }
}
