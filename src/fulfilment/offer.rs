//! Offer: the seller makes a coupon, or stops one. Orders that have it keep their price.

use crate::db::Tx;
use crate::error::{Error, Refusal, Result};
use crate::model::coupon::{self, Coupon, CouponCode, Limits, NewCoupon};
use crate::model::course::Slug;
use crate::model::{Moment, catalogue};

/// Make a coupon; what it names must be in the catalogue.
pub async fn make(tx: &mut Tx<'_>, moment: &Moment, new: &NewCoupon) -> Result<Coupon> {
    new.check()?;
    let catalogue = catalogue::load(tx).await?;
    let unknown = |slug: &&Slug| catalogue.find(slug.as_str()).is_none();
    if let Some(gone) = new.only_for.iter().find(unknown) {
        return Err(Error::Refused(Refusal {
            code: "coupon_for_unknown",
            values: vec![("course", gone.to_string())],
        }));
    }
    coupon::create(tx, moment, new).await?;
    known(tx, &new.code).await
}

/// Refuse it to new orders from now on.
pub async fn stop(tx: &mut Tx<'_>, moment: &Moment, code: &CouponCode) -> Result<Coupon> {
    let coupon = known(tx, code).await?;
    if !coupon.limits.active {
        return Err(coupon::refused("coupon_stopped", code));
    }
    let limits = Limits {
        active: false,
        ..coupon.limits.clone()
    };
    coupon::change(tx, moment, &coupon, &limits).await?;
    known(tx, code).await
}

async fn known(tx: &mut Tx<'_>, code: &CouponCode) -> Result<Coupon> {
    let coupon = coupon::find(tx, code).await?;
    coupon.ok_or(Error::NotFound("coupon"))
}
