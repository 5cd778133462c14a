//! Bytes on their way: no piece too long, no end too early.

use futures_util::stream::try_unfold;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Flow, PIECE, transient};

/// `flow` as exactly `length` bytes: what comes after them is not read, and an end before them is a fault.
pub(super) fn exactly(flow: Flow, length: u64) -> Flow {
    try_unfold(
        (flow, bytes::Bytes::new(), length),
        async |(mut flow, mut rest, left)| {
            if left == 0 {
                return Ok(None);
            }
            while rest.is_empty() {
                match flow.try_next().await? {
                    Some(piece) => rest = piece,
                    None => return Err(transient("the file ended before its end")),
                }
            }
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let piece = rest.split_to(rest.len().min(most));
            let left = left - piece.len() as u64;
            Ok(Some((piece, (flow, rest, left))))
        },
    )
    .boxed()
}
