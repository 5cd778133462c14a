//! What a coupon does to a price. It comes last, after bundles and combos, and looks only at the
//! lines that it covers: a course that it names, or one priced by a bundle that it names. Per cent
//! are rounded half-up to whole minor units; nothing falls below zero. A pure function: whether a
//! use is left is for `model::coupon`.

use super::{Applied, Quote, QuoteLine};
use crate::clock::Timestamp;
use crate::error::{Error, Refusal, Result};
use crate::model::coupon::{Coupon, CouponKind, refused};
use crate::money::{Money, share};

/// The price with the coupon, or why it cannot be used for this order now.
pub fn apply(quote: &Quote, coupon: &Coupon, now: Timestamp) -> Result<Quote> {
    check_time(coupon, now)?;
    let covered: Vec<usize> = (0..quote.lines.len())
        .filter(|&place| covers(coupon, &quote.lines[place]))
        .collect();
    if covered.is_empty() || coupon.currency != quote.total.currency {
        return Err(refused("coupon_not_for_these", &coupon.code));
    }
    check_minimum(coupon, quote)?;
    let prices: Vec<i64> = covered
        .iter()
        .map(|&place| quote.lines[place].price.minor)
        .collect();
    let before = prices.iter().sum();
    let off = reduction(coupon, before);
    let mut quote = quote.clone();
    for (&place, part) in covered.iter().zip(share(before - off, &prices)) {
        quote.lines[place].price.minor = part;
    }
    quote.total.minor -= off;
    quote.rule.0.push(applied(coupon, off));
    Ok(quote)
}

fn check_time(coupon: &Coupon, now: Timestamp) -> Result<()> {
    let limits = &coupon.limits;
    if !limits.active || limits.until.is_some_and(|until| until <= now) {
        return Err(refused("coupon_expired", &coupon.code));
    }
    if limits.from.is_some_and(|from| now < from) {
        return Err(refused("coupon_not_yet", &coupon.code));
    }
    Ok(())
}

fn covers(coupon: &Coupon, line: &QuoteLine) -> bool {
    let named = |slug| coupon.only_for.contains(slug);
    coupon.only_for.is_empty() || named(&line.course) || line.bundle.as_ref().is_some_and(named)
}

/// The whole order counts, as it would cost without the coupon.
fn check_minimum(coupon: &Coupon, quote: &Quote) -> Result<()> {
    let least = coupon.limits.min_total;
    if quote.total.minor >= least {
        return Ok(());
    }
    let least = Money {
        minor: least,
        currency: coupon.currency,
    };
    Err(Error::Refused(Refusal {
        code: "coupon_minimum",
        values: vec![
            ("coupon", coupon.code.to_string()),
            ("amount", least.to_string()),
        ],
    }))
}

/// What it takes off so much; never more.
fn reduction(coupon: &Coupon, price: i64) -> i64 {
    match coupon.kind {
        CouponKind::Amount => coupon.value.min(price),
        CouponKind::Percent => {
            let hundredths = i128::from(price) * i128::from(coupon.value);
            i64::try_from((hundredths + 50).div_euclid(100)).map_or(price, |off| off.min(price))
        }
    }
}

fn applied(coupon: &Coupon, off: i64) -> Applied {
    Applied::Coupon {
        code: coupon.code.clone(),
        percent: (coupon.kind == CouponKind::Percent).then_some(coupon.value),
        off: Money {
            minor: off,
            currency: coupon.currency,
        },
    }
}
