//! The slope of a line through points, robust against outliers.
//!
//! Source: H. Theil, "A rank-invariant method of linear and polynomial regression analysis" (1950); P. K. Sen, "Estimates of
//! the regression coefficient based on Kendall's tau" (1968).

/// The median of the slopes of all pairs of points `(x, y)` with different `x`; zero for fewer than two. Up to 29 % of the
/// points may be arbitrary without moving it far. Quadratic in their number.
pub(super) fn theil_sen(points: &[(f64, f64)]) -> f64 {
    let mut slopes = Vec::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let later = points[at + 1..].iter().filter(|(other, _)| other != x);
        slopes.extend(later.map(|(other, value)| (value - y) / (other - x)));
    }
    median(slopes)
}

/// The middle value; zero for none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_outliers_do_not_move_it() {
        let mut points: Vec<(f64, f64)> = (0..20).map(|x| (f64::from(x), 3.0 * f64::from(x) + 1.0)).collect();
        assert!((theil_sen(&points) - 3.0).abs() < 1e-9);
        for outlier in [2, 9, 17] {
            points[outlier].1 = 1e6;
        }
        assert!((theil_sen(&points) - 3.0).abs() < 0.5);
    }

    #[test]
    fn one_point_has_no_slope() {
        assert!(theil_sen(&[(1.0, 5.0)]).abs() < 1e-9);
    }
}
