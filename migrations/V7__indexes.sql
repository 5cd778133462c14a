-- What is looked for among all rows, and was found by reading all of them.

-- Which order a transfer without a code may be meant for: those that wait, and those that expired lately.
CREATE INDEX orders_awaiting ON orders (expires_at) WHERE payment_status IN ('pending', 'expired');

-- Money reports are about a span of days: when the bank booked it, else when we heard of it.
CREATE INDEX transfers_by_day ON transfers ((COALESCE(booked_at, received_at)));
CREATE INDEX refunds_by_day ON refunds (done_at) WHERE state = 'done';
