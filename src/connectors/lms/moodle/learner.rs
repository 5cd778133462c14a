//! Accounts: found by address, made when absent. Moodle answers "nobody" where a right is missing,
//! so that answer counts only once it is proved that we would see somebody.

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

use super::super::{Learner, LearnerRef, naming};
use super::Moodle;
use super::verdict::{Call, Verdict, not_json};
use super::wire::{MadeUser, UserRow, single};
use crate::connectors::Fault;

/// Moodle's limit for each part of a name, and for a user name.
const LONGEST_NAME: usize = 100;
/// A family name must not be blank; this prints least.
const NO_FAMILY_NAME: &str = ".";
/// Letters and digits of a password that nobody is told.
const PASSWORD_LENGTH: usize = 24;

impl Moodle {
    pub(super) async fn account(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let email = learner.email.to_lowercase();
        if let Some(id) = self.usable_user(&email).await? {
            return Ok(there(id));
        }
        match self.create(&email, &learner.name).await {
            Ok(id) => Ok(LearnerRef {
                id: id.to_string(),
                created: true,
            }),
            Err(Verdict::Refused(said)) => self.after_refusal(&email, &said).await,
            // Somebody else may have made it in this moment.
            Err(Verdict::Fault(fault @ Fault::Transient { .. })) => {
                let found = self.usable_user(&email).await;
                found.ok().flatten().map(there).ok_or(fault)
            }
            Err(verdict) => Err(verdict.settled()),
        }
    }

    /// The id of an account that may be enrolled.
    pub(super) async fn usable_user(&self, email: &str) -> Result<Option<u64>, Fault> {
        let user = self.user(email).await?;
        user.map(|user| usable(&user)).transpose()
    }

    /// `None` only after a look at accounts that are surely there.
    pub(super) async fn user(&self, email: &str) -> Result<Option<UserRow>, Fault> {
        let rows = match self.users_by("email", &[email]).await {
            Ok(rows) => rows,
            // Moodle cleans what it is asked for, and refuses what the cleaning changed.
            Err(Verdict::Refused(said)) => return Err(bad_address(&said)),
            Err(verdict) => return Err(verdict.settled()),
        };
        let mut rows: Vec<UserRow> = rows
            .into_iter()
            .filter(|user| user.has_address(email))
            .collect();
        if rows.len() > 1 {
            return Err(Fault::LearnerProblem {
                why: format!(
                    "{} accounts of the LMS have the learner's address: leave it to one of them.",
                    rows.len()
                ),
            });
        }
        if rows.is_empty() {
            self.must_see_others().await?;
        }
        Ok(rows.pop())
    }

    pub(super) async fn users_by(
        &self,
        field: &str,
        values: &[&str],
    ) -> Result<Vec<UserRow>, Verdict> {
        let mut form = vec![("field".to_owned(), field.to_owned())];
        for (place, value) in values.iter().enumerate() {
            form.push((format!("values[{place}]"), (*value).to_owned()));
        }
        self.ask(Call::FindUser, form).await
    }

    async fn create(&self, email: &str, name: &str) -> Result<u64, Verdict> {
        // What Moodle takes for a tag, it does not take in a name.
        let name = name.replace(['<', '>'], " ");
        let (first, last) = naming::split(&name, email, LONGEST_NAME);
        let last = if last.is_empty() {
            NO_FAMILY_NAME
        } else {
            &last
        };
        let password = password();
        let username = username(email);
        let mut fields = vec![
            ("username", username.as_str()),
            ("firstname", &first),
            ("lastname", last),
            ("email", email),
            ("auth", &self.auth),
        ];
        if self.mails_passwords {
            fields.push(("createpassword", "1"));
        } else {
            fields.push(("password", &password));
        }
        let form = single("users", &fields);
        let made: Vec<MadeUser> = self.ask(Call::CreateUser, form).await?;
        let [made] = made.as_slice() else {
            return Err(not_json(Call::CreateUser).into());
        };
        Ok(made.id)
    }

    /// Five mistakes share one answer. An account that bears our user name is the learner's only if
    /// it has the learner's address: anybody may choose a user name.
    async fn after_refusal(&self, email: &str, said: &str) -> Result<LearnerRef, Fault> {
        if let Some(id) = self.usable_user(email).await? {
            return Ok(there(id));
        }
        let named = self.users_by("username", &[&username(email)]).await;
        let named = match named {
            Err(Verdict::Fault(fault)) => return Err(fault),
            other => other.unwrap_or_default(),
        };
        match named.iter().find(|user| user.has_address(email)) {
            Some(user) => Ok(there(usable(user)?)),
            None if named.is_empty() => Err(Fault::LearnerProblem {
                why: format!(
                    "The LMS does not take this learner ({said}): its rules for addresses may \
                     exclude it, or an account has it in other letters."
                ),
            }),
            None => Err(Fault::LearnerProblem {
                why:
                    "An account of the LMS has the learner's address as its user name, and another \
                      address: look whose it is, and enrol by hand."
                        .to_owned(),
            }),
        }
    }
}

fn usable(user: &UserRow) -> Result<u64, Fault> {
    if user.suspended {
        return Err(Fault::LearnerProblem {
            why: "The learner's account in the LMS is suspended; activate it there.".to_owned(),
        });
    }
    if !user.confirmed {
        return Err(Fault::LearnerProblem {
            why: "The learner's account in the LMS is not confirmed yet.".to_owned(),
        });
    }
    Ok(user.id)
}

fn there(id: u64) -> LearnerRef {
    LearnerRef {
        id: id.to_string(),
        created: false,
    }
}

fn bad_address(said: &str) -> Fault {
    Fault::LearnerProblem {
        why: format!("The LMS does not take the learner's e-mail address as one: {said}."),
    }
}

/// The address where its letters are allowed in a user name (`+` is not, unless the site says so),
/// else a name made of it, the same every time.
fn username(email: &str) -> String {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_@".contains(&b);
    if email.len() <= LONGEST_NAME && email.bytes().all(allowed) {
        return email.to_owned();
    }
    let hash = hex::encode(Sha256::digest(email.as_bytes()));
    format!("learner-{}", &hash[..24])
}

/// Nobody is told it, and nothing remembers it: the learner asks the site for another. With one of
/// each kind of letter, as Moodle's usual rule wants.
fn password() -> String {
    let letters = rand::rng().sample_iter(rand::distr::Alphanumeric);
    let letters: String = letters.take(PASSWORD_LENGTH).map(char::from).collect();
    format!("{letters}-aA1")
}
