//! Quantiles of the durations between two readings of a histogram, as `histogram_quantile` of PromQL computes them.

/// A quantile in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantile {
    /// Within a bucket, by linear interpolation.
    Value(f64),
    /// In the last bucket, which has no upper bound: above this one.
    Above(f64),
}

/// The quantile `q` of cumulative counts by upper bound, in ascending order; none where nothing was counted.
pub(super) fn quantile(q: f64, buckets: &[(f64, f64)]) -> Option<Quantile> {
    let total = buckets.last().map(|(_, count)| *count).filter(|total| *total > 0.0)?;
    let rank = q * total;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (upper, count) = buckets[at];
    let (lower, below) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    if upper.is_infinite() {
        return Some(Quantile::Above(lower));
    }
    let share = if count > below { (rank - below) / (count - below) } else { 1.0 };
    Some(Quantile::Value(lower + (upper - lower) * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFINITE: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let buckets = [(0.1, 50.0), (0.2, 90.0), (INFINITE, 100.0)];
        assert_eq!(quantile(0.5, &buckets), Some(Quantile::Value(0.1)));
        assert_eq!(quantile(0.7, &buckets), Some(Quantile::Value(0.15000000000000002)));
        assert_eq!(quantile(0.25, &buckets), Some(Quantile::Value(0.05)));
    }

    #[test]
    fn beyond_the_last_bound_only_the_bound_is_known() {
        assert_eq!(quantile(0.99, &[(0.1, 50.0), (0.2, 90.0), (INFINITE, 100.0)]), Some(Quantile::Above(0.2)));
        assert_eq!(quantile(0.5, &[(INFINITE, 3.0)]), Some(Quantile::Above(0.0)));
    }

    #[test]
    fn of_nothing_there_is_no_quantile() {
        assert_eq!((quantile(0.5, &[]), quantile(0.5, &[(0.1, 0.0), (INFINITE, 0.0)])), (None, None));
    }
}
