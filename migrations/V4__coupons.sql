-- Coupons: what a code takes off an order's price, for whom and how often. Written by commands; never deleted,
-- because orders that used one point at it.
CREATE TABLE coupons (
  id TEXT PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,         -- what buyers type; capitals, so that any case finds it
  kind TEXT NOT NULL CHECK (kind IN ('percent', 'amount')),
  value BIGINT NOT NULL CHECK (value > 0 AND (kind = 'amount' OR value <= 100)), -- never changed: another value is another code
  currency TEXT NOT NULL,            -- of the amount and of the minimum; an order in another one is not covered
  only_for TEXT,                     -- JSON: slugs of the courses and bundles it covers; NULL covers all
  max_uses BIGINT CHECK (max_uses > 0), -- the first so many orders may have it; NULL has no end
  per_customer BIGINT CHECK (per_customer > 0), -- orders of one address that may have it; NULL has no end
  min_total BIGINT NOT NULL CHECK (min_total >= 0), -- what an order must cost before it; 0 asks for nothing
  valid_from BIGINT,
  valid_until BIGINT,                -- the first moment at which it is over
  active BIGINT NOT NULL CHECK (active IN (0, 1)), -- 0: stopped by a person
  note TEXT NOT NULL,                -- for the seller only; may be empty
  taken BIGINT NOT NULL DEFAULT 0,   -- uses reserved or used: whoever raises it holds the row, so two orders cannot both be the last
  created_at BIGINT NOT NULL,
  CHECK (valid_until > valid_from)
);

CREATE TABLE coupon_uses (
  order_id TEXT PRIMARY KEY REFERENCES orders (id), -- an order has at most one coupon
  coupon_id TEXT NOT NULL REFERENCES coupons (id),
  customer TEXT NOT NULL,            -- the address without a +tag, which is the same person's
  state TEXT NOT NULL CHECK (state IN ('reserved', 'used', 'released')),
  taken_off BIGINT NOT NULL CHECK (taken_off >= 0), -- frozen as the order's price is
  at BIGINT NOT NULL                 -- since when it is in this state
);
CREATE INDEX coupon_uses_by_customer ON coupon_uses (coupon_id, customer); -- the limit per customer, and counts per coupon
