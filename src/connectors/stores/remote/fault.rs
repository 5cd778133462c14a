//! opendal's errors in the words of our faults. Its messages quote the store's answer, never a request.

use opendal::{Error, ErrorKind};

use crate::connectors::Fault;
use crate::connectors::quote::quote;
use crate::connectors::stores::{clipped, mapping, transient};

/// About one file or folder.
pub(super) fn fault(error: &Error, path: &str) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => mapping(&format!("{path:?} does not exist")),
        ErrorKind::ConditionNotMatch => transient(&format!("{path:?} has changed")),
        ErrorKind::RateLimited => transient("the store asks us to slow down"),
        ErrorKind::PermissionDenied | ErrorKind::ConfigInvalid => broken(error),
        ErrorKind::Unsupported => mapping(&format!("the store cannot do that with {path:?}")),
        _ => transient(&format!("{path:?}: {}", said(error))),
    }
}

/// About the place as a whole.
pub(super) fn of_the_place(error: &Error, shown: &str) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => Fault::ConnectionBroken {
            why: clipped(&format!(
                "there is no {shown}: check bucket, path and endpoint"
            )),
        },
        _ => fault(error, shown),
    }
}

fn broken(error: &Error) -> Fault {
    Fault::ConnectionBroken {
        why: clipped(&format!("the store refuses us: {}", said(error))),
    }
}

fn said(error: &Error) -> String {
    quote(error.message(), &[])
}
