//! Readers of a folder. Google applies only the last of two changes that meet on one folder, so the
//! caller makes them one after the other. A permission's id names the person: the same for every
//! order of one buyer, so the caller counts reasons before it takes one away.

use reqwest::Method;
use serde_json::json;

use super::wire::{PERSON, People, Person};
use super::{Drive, Trouble};
use crate::clock::Timestamp;
use crate::connectors::Fault;

/// Google lists no more permissions of a shared drive's item at once.
const PAGE_SIZE: &str = "100";
const MOST_PAGES: usize = 100;

/// Whom to let read a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The buyer's address.
    pub email: String,
    /// When their access ends, where it does. Only a belt: our own schedule takes it away.
    pub until: Option<Timestamp>,
}

/// A reader of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The permission's id.
    pub person: String,
    /// Somebody had let them read before us.
    pub was_there: bool,
    /// Google mailed them, because they have no account there.
    pub by_mail: bool,
}

impl Drive {
    /// Let somebody read a folder, and see it done. Without mail, unless the address has no Google
    /// account and the settings allow the visitor's way.
    pub async fn share(&self, folder: &str, who: &Invitation) -> Result<Shared, Trouble> {
        if let Some(there) = self.person_at(folder, &who.email).await? {
            return Ok(Shared {
                person: there.id,
                was_there: true,
                by_mail: false,
            });
        }
        let until = who.until.filter(|_| self.settings.set_expiry);
        let (person, by_mail) = match self.invite(folder, &who.email, until, false).await {
            Err(Trouble::NeedsMail) if self.settings.invite_by_mail => {
                let invited = self.invite(folder, &who.email, None, true).await;
                (self.after_mail(folder, who, invited).await?, true)
            }
            invited => (self.after_mail(folder, who, invited).await?, false),
        };
        let read = self.person(folder, &person.id).await?;
        let person = read.ok_or(Trouble::Fault(Fault::Unknown {
            why: "Google shared the folder, but the reader is not there when read.".to_owned(),
        }))?;
        Ok(Shared {
            person: person.id,
            was_there: false,
            by_mail,
        })
    }

    /// Everybody who has a right on a folder, also rights from above.
    pub async fn people(&self, folder: &str) -> Result<Vec<Person>, Trouble> {
        let fields = format!("nextPageToken,permissions({PERSON})");
        let mut all = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = vec![("pageSize", PAGE_SIZE), ("fields", fields.as_str())];
            if !token.is_empty() {
                query.push(("pageToken", token.as_str()));
            }
            let page: People = self
                .get(self.api(&["files", folder, "permissions"], &query))
                .await?;
            all.extend(page.permissions);
            match page.next_page_token {
                Some(next) => token = next,
                None => return Ok(all),
            }
        }
        Err(super::files::odd(
            "A folder on the Drive has more readers than can be listed.",
        ))
    }

    /// One right by its id.
    pub async fn person(&self, folder: &str, person: &str) -> Result<Option<Person>, Trouble> {
        let url = self.api(
            &["files", folder, "permissions", person],
            &[("fields", PERSON)],
        );
        match self.get(url).await {
            Ok(person) => Ok(Some(person)),
            Err(Trouble::Absent) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Move the end that Google keeps; with none it is taken away.
    pub async fn set_end(
        &self,
        folder: &str,
        person: &str,
        until: Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let mut query = vec![("fields", "id")];
        let mut body = json!({"role": "reader"});
        match until {
            Some(until) => body["expirationTime"] = json!(until.rfc3339()),
            None => query.push(("removeExpiration", "true")),
        }
        let url = self.api(&["files", folder, "permissions", person], &query);
        let changed: Result<serde_json::Value, Trouble> =
            self.write(Method::PATCH, url, &body).await;
        match changed {
            // The belt is not there; the schedule is.
            Ok(_) | Err(Trouble::NoExpiry) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    /// Take a reader away; gone already is the same.
    pub async fn unshare(&self, folder: &str, person: &str) -> Result<(), Trouble> {
        self.delete(self.api(&["files", folder, "permissions", person], &[]))
            .await
    }

    /// Somebody's own right on this folder, by the address that Google shows.
    pub async fn person_at(&self, folder: &str, email: &str) -> Result<Option<Person>, Trouble> {
        let people = self.people(folder).await?;
        let theirs = |person: &Person| person.has_address(email) && !person.is_inherited();
        Ok(people.into_iter().find(theirs))
    }

    async fn invite(
        &self,
        folder: &str,
        email: &str,
        until: Option<Timestamp>,
        mail: bool,
    ) -> Result<Person, Trouble> {
        let notify = if mail { "true" } else { "false" };
        let query = [("sendNotificationEmail", notify), ("fields", PERSON)];
        let url = self.api(&["files", folder, "permissions"], &query);
        let body = json!({"type": "user", "role": "reader", "emailAddress": email});
        let Some(until) = until else {
            return self.write(Method::POST, url, &body).await;
        };
        let mut ending = body.clone();
        ending["expirationTime"] = json!(until.rfc3339());
        match self.write(Method::POST, url.clone(), &ending).await {
            Err(Trouble::NoExpiry) => self.write(Method::POST, url, &body).await,
            invited => invited,
        }
    }

    /// "Shared, but no mail could be sent" is shared.
    async fn after_mail(
        &self,
        folder: &str,
        who: &Invitation,
        invited: Result<Person, Trouble>,
    ) -> Result<Person, Trouble> {
        match invited {
            Err(Trouble::MailFailed) => {
                let there = self.person_at(folder, &who.email).await?;
                there.ok_or(Trouble::MailFailed)
            }
            invited => invited,
        }
    }
}
