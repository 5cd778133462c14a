//! Bytes on their way, held to what was promised.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Fault, Flow, PIECE, Parcel, transient};

/// No piece larger than a piece may be.
pub(super) fn split(flow: Flow) -> Flow {
    let pieces = flow.map_ok(|large| {
        let pieces = (0..large.len()).step_by(PIECE).map(move |at| {
            let end = (at + PIECE).min(large.len());
            Ok(large.slice(at..end))
        });
        stream::iter(pieces)
    });
    Box::pin(pieces.try_flatten())
}

/// Exactly so many bytes, or a fault at the end.
pub(super) fn exactly(length: u64, path: String, flow: Flow) -> Flow {
    let held = flow.map(Some).chain(stream::iter([None]));
    let held = held.scan(length, move |left, piece| {
        let checked = match piece {
            Some(Ok(piece)) => take(left, piece).map(Some).ok_or("longer"),
            None if *left > 0 => Err("shorter"),
            None => Ok(None),
            Some(Err(fault)) => return std::future::ready(Some(Some(Err(fault)))),
        };
        let told = checked.map_err(|how| {
            let fault = transient(&format!("{path:?} became {how} while it was read"));
            Some(Err(fault))
        });
        let next = match told {
            Ok(piece) => piece.map(Ok),
            Err(fault) => fault,
        };
        std::future::ready(Some(next))
    });
    Box::pin(held.filter_map(std::future::ready))
}

/// `parcel` from its first byte, for a store that cannot go on with half a file; its body is held to
/// its size.
pub(super) fn whole(parcel: Parcel) -> Result<Parcel, Fault> {
    if parcel.from != 0 {
        let why = format!("{:?} can only be sent from its start here", parcel.path);
        return Err(transient(&why));
    }
    let body = exactly(parcel.size, parcel.path.clone(), parcel.body);
    Ok(Parcel { body, ..parcel })
}

fn take(left: &mut u64, piece: Bytes) -> Option<Bytes> {
    *left = left.checked_sub(piece.len() as u64)?;
    Some(piece)
}
