//! What the token must be allowed, proved by reads, and by writes that Moodle refuses for their
//! content after it looked at the right.

use super::Moodle;
use super::verdict::{Call, Verdict};
use super::wire::{SiteInfo, UserRow, single};
use crate::connectors::Fault;

/// On every site the first account after the guest's is the administrator's.
const ADMINISTRATOR: u64 = 2;
/// Some of the first accounts may have been deleted.
const LAST_CANARY: u64 = 21;
/// The site itself, which never takes manual enrolments.
const FRONT_PAGE: u64 = 1;

const BLIND: &str = "The token's user does not see the addresses of other accounts, so learners who are \
                     there look absent: give it moodle/user:viewdetails and moodle/site:viewuseridentity, \
                     and leave the e-mail address among the site's identity fields.";

/// Functions that we call and the token's service does not offer.
pub(super) fn missing_functions(site: &SiteInfo) -> Vec<&'static str> {
    let offered = |name: &str| site.functions.iter().any(|function| function.name == name);
    Call::ALL
        .into_iter()
        .map(Call::function)
        .filter(|function| !offered(function))
        .collect()
}

impl Moodle {
    /// An account that is not found may be one that we may not see.
    pub(super) async fn must_see_others(&self) -> Result<(), Fault> {
        if self.sees_others().await? {
            return Ok(());
        }
        Err(Fault::ConnectionBroken {
            why: BLIND.to_owned(),
        })
    }

    /// Looking for accounts by number needs less than by address, and shows whether addresses are
    /// shown. Our own account proves nothing: everybody sees their own data.
    async fn sees_others(&self) -> Result<bool, Fault> {
        let numbers: Vec<String> = (ADMINISTRATOR..=LAST_CANARY)
            .map(|id| id.to_string())
            .collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        let canaries = self.users_by("id", &numbers).await;
        let canaries = canaries.map_err(Verdict::settled)?;
        if let [only] = canaries.as_slice()
            && only.id != ADMINISTRATOR
            && only.id == self.site().await?.userid
        {
            return Ok(false);
        }
        let shown = |user: &UserRow| user.email.is_some();
        Ok(!canaries.is_empty() && canaries.iter().all(shown))
    }

    pub(super) async fn missing(&self) -> Result<Vec<String>, Fault> {
        let site = self.site().await?;
        let mut missing: Vec<String> = missing_functions(&site)
            .into_iter()
            .map(|function| format!("The token's external service lacks the function {function}."))
            .collect();
        if !missing.is_empty() {
            return Ok(missing);
        }
        if !self.sees_others().await? {
            missing.push(BLIND.to_owned());
        }
        missing.extend(sentence(self.may_create().await)?);
        missing.extend(sentence(self.put(site.userid, FRONT_PAGE, false).await)?);
        match self.all_courses().await?.first() {
            Some(course) => {
                let listed = self.participants(course.id, "onlysuspended", 0, 1).await;
                missing.extend(sentence(listed)?);
            }
            None => missing.push(
                "The token's user sees no course with manual enrolment: it needs moodle/course:view, \
                 and for hidden courses moodle/course:viewhiddencourses."
                    .to_owned(),
            ),
        }
        Ok(missing)
    }

    /// A blank user name is refused, after the right was looked at.
    async fn may_create(&self) -> Result<serde_json::Value, Verdict> {
        let blank = ["username", "firstname", "lastname", "email"].map(|field| (field, ""));
        let form = single("users", &blank);
        self.call(Call::CreateUser, form, self.limits).await
    }
}

/// What a try says about rights: any other refusal is the one that was meant to come.
fn sentence<T>(tried: Result<T, Verdict>) -> Result<Option<String>, Fault> {
    match tried {
        Err(Verdict::Forbidden(why) | Verdict::RoleRefused(why)) => Ok(Some(why)),
        Ok(_)
        | Err(
            Verdict::Refused(_)
            | Verdict::Fault(Fault::MappingBroken { .. } | Fault::LearnerProblem { .. }),
        ) => Ok(None),
        Err(Verdict::Fault(fault)) => Err(fault),
    }
}
