//! Amounts as people write them: major units, with a comma between thousands.

/// The digits after the point of a currency (ISO 4217): 2 unless it is one of the few others.
fn digits(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// An amount of minor units as text, such as `-1,234.50` for -123450 of EUR. The minus is the typographical one, which screen readers read.
pub(super) fn formatted(minor: i64, currency: &str) -> String {
    let digits = digits(currency);
    let padded = format!("{:0>1$}", minor.unsigned_abs(), digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let mut text = String::from(if minor < 0 { "\u{2212}" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if digits > 0 {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Minor units of a text such as `1,234.50`; none for anything else, and for more digits after the point than the currency has.
pub(super) fn parsed(text: &str, currency: &str) -> Option<i64> {
    let digits = digits(currency);
    let text = text.trim().replace(',', "");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > digits {
        return None;
    }
    format!("{whole}{fraction:0<digits$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_digits_of_its_currency() {
        for (minor, currency, text) in [
            (0, "EUR", "0.00"),
            (5, "EUR", "0.05"),
            (-123_450, "EUR", "\u{2212}1,234.50"),
            (100_000_000, "EUR", "1,000,000.00"),
            (1234, "JPY", "1,234"),
            (1234, "KWD", "1.234"),
            (i64::MIN, "EUR", "\u{2212}92,233,720,368,547,758.08"),
        ] {
            assert_eq!(formatted(minor, currency), text);
        }
    }

    #[test]
    fn a_formatted_amount_is_parsed_back_and_nothing_else_is_taken_for_one() {
        for (text, minor) in
            [("12.50", Some(1250)), ("12.5", Some(1250)), ("12", Some(1200)), ("1,000.00", Some(100_000))]
        {
            assert_eq!(parsed(text, "EUR"), minor, "{text}");
        }
        for text in ["", ".5", "-1", "1.234", "1e3", "12.5.0", "99999999999999999999"] {
            assert_eq!(parsed(text, "EUR"), None, "{text}");
        }
        assert_eq!((parsed("12", "JPY"), parsed("12.5", "JPY")), (Some(12), None));
    }
}
