//! Revoke: the right ends here and now; links are dead with this commit, because each click asks.
//! The remote side is taken back by a task, and only when no other reason for it is left.

use super::plan;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::id::GrantId;
use crate::model::Moment;
use crate::model::audit::{self, Change};
use crate::model::grant::{self, Benefit, Grant, GrantState, Step};
use crate::model::{order, task};

/// A person ends an active or expired grant: for good, whatever its order's money does.
pub async fn revoke(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId, why: &str) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if !matches!(grant.state, GrantState::Active | GrantState::Expired) {
        return Err(Error::refused("grant_not_active"));
    }
    grant::bar(tx, id);
    end(tx, moment, &grant, why).await
}

/// End a grant wherever it stands, whose turn the caller has. What an attempt may have left on the
/// platform is looked for there; where nothing of ours can be, there is nothing to look for.
pub(super) async fn end(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, why: &str) -> Result<()> {
    let step = Step {
        why: Some(why.to_owned()),
        ..Step::default()
    };
    let unwritten = match grant.state {
        GrantState::Waiting => true,
        GrantState::ActionNeeded => grant.attempts == 0,
        _ => false,
    };
    // An enrolment that an earlier order made may have been left there for the sake of this one.
    let untouched = unwritten && grant::enrolments_made(tx, grant).await?.is_empty();
    let to = if untouched {
        GrantState::Revoked
    } else {
        GrantState::Revoking
    };
    if !grant::advance(tx, moment, grant, to, step).await? {
        return Err(Error::Conflict("the grant moved"));
    }
    task::lay_to_rest(tx, moment, &grant.id.0);
    order::touch(tx, &grant.order);
    if untouched {
        return Ok(());
    }
    take_back(tx, moment, grant, why).await
}

/// The remote side is clean: the grant is revoked.
pub async fn revoked(tx: &mut Tx<'_>, moment: &Moment, id: &GrantId, why: &str) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state == GrantState::Revoking {
        let step = Step {
            why: Some(why.to_owned()),
            ..Step::default()
        };
        grant::advance(tx, moment, &grant, GrantState::Revoked, step).await?;
        order::touch(tx, &grant.order);
    }
    Ok(())
}

/// What a person decides about an enrolment whose removal would cost the learner's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// It goes all the same.
    Anyway,
    /// It stays on the platform: the right has ended here, and the learner can still get in there.
    Leave,
}

/// A person decides it, for a grant that is being taken back.
pub async fn part(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: &GrantId,
    parting: Parting,
    why: &str,
) -> Result<()> {
    let grant = grant::in_turn(tx, id).await?;
    if grant.state != GrantState::Revoking {
        return Err(Error::refused("grant_not_revoking"));
    }
    if parting == Parting::Leave {
        task::lay_to_rest(tx, moment, &grant.id.0);
        let why = format!("left on the platform by a person: {why}");
        return revoked(tx, moment, id, &why).await;
    }
    grant::note(tx, id, &grant.noting("anyway", true)).await?;
    retry(tx, moment, &grant, Some(why)).await
}

/// A person has the removal tried again, or checked after they made it by hand.
pub(super) async fn retry(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
    why: Option<&str>,
) -> Result<()> {
    let change = Change {
        order: Some(&grant.order),
        subject: &grant.id.0,
        action: "grant.retry",
        why: Some(why.unwrap_or("the removal is tried again by a person")),
        before: Some(GrantState::Revoking.as_str()),
        after: Some(GrantState::Revoking.as_str()),
    };
    audit::write(tx, moment, &change);
    plan::revive(tx, moment, grant).await
}

async fn take_back(tx: &mut Tx<'_>, moment: &Moment, grant: &Grant, why: &str) -> Result<()> {
    let elsewhere = grant.benefit == Benefit::Enrolment || grant.drive.is_some();
    if !elsewhere || grant::other_reasons(tx, grant).await? > 0 {
        return revoked(tx, moment, &grant.id, why).await;
    }
    let state = GrantState::Revoking;
    plan::revive(
        tx,
        moment,
        &Grant {
            state,
            ..grant.clone()
        },
    )
    .await
}
