//! Outgoing mail: one letter to one buyer, through an SMTP server or into a folder of `.eml` files.
//! It sends what it is given and names what went wrong; it never retries and remembers no letter.
//! The same letter always becomes the same bytes under the same Message-ID, so that a mail server
//! can recognise a repeat after an unknown outcome. That is all that SMTP allows: at least once
//! there, once everywhere we own.

use lettre::message::Mailbox;

use crate::clock::Timestamp;
use crate::config::Mail;
use crate::id::EmailId;

mod folder;
mod message;
mod smtp;

pub use folder::Outbox;
pub use smtp::{Patience, Smtp};

/// Where letters go.
pub enum Mailer {
    /// To a mail server.
    Smtp {
        /// The sender of every letter.
        from: Mailbox,
        /// The server.
        server: Box<Smtp>,
    },
    /// Into a folder, one file each.
    Folder {
        /// The sender of every letter.
        from: Mailbox,
        /// The folder.
        outbox: Outbox,
    },
}

/// What is to be sent. The sender comes from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The buyer's address.
    pub to: String,
    /// The buyer's name, may be empty.
    pub to_name: String,
    /// One line.
    pub subject: String,
    /// The whole message for readers without HTML.
    pub text: String,
    /// The same as a document.
    pub html: String,
    /// From [`Mailer::message_id`]: the same for every repeat of this letter.
    pub message_id: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// When it was written; the same for every repeat.
    pub date: Timestamp,
}

/// Somebody else has the letter now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReceipt {
    /// The letter's Message-ID.
    pub message_id: String,
    /// What the server answered, or the file's path.
    pub answer: String,
}

/// Why a letter was not sent, or may not have been. `why` is a sentence for the seller: no secret,
/// no address, at most 300 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// Not sent; the same later may work: no connection, or the server said "not now" (4xx).
    #[error("{why}")]
    Transient {
        /// The reason.
        why: String,
    },
    /// Not sent, and never will be to this address: it is wrong, closed or full (5xx to it).
    #[error("{why}")]
    Refused {
        /// The reason.
        why: String,
    },
    /// Not sent, and no letter can be until the seller mends it: credentials, certificate, sender,
    /// the server's policy.
    #[error("{why}")]
    Broken {
        /// The reason.
        why: String,
    },
    /// The letter was handed over and the line broke before the answer: it may be on its way.
    #[error("{why}")]
    Unknown {
        /// The reason.
        why: String,
    },
}

impl Mailer {
    /// As the settings say. Nothing is connected yet; [`Mailer::ping`] tries.
    pub fn from_config(mail: &Mail) -> anyhow::Result<Self> {
        let from: Mailbox = mail
            .from
            .parse()
            .map_err(|_| anyhow::anyhow!("mail.from is not an e-mail address"))?;
        match mail.transport.as_str() {
            "smtp" => {
                let server = Box::new(Smtp::from_config(mail, from.email.domain())?);
                Ok(Self::Smtp { from, server })
            }
            "folder" => {
                let outbox = Outbox::new(mail.folder.clone());
                Ok(Self::Folder { from, outbox })
            }
            other => anyhow::bail!("there is no mail transport called {other:?}"),
        }
    }

    /// The Message-ID of an e-mail: made of its id, so that a repeat carries the same.
    #[must_use]
    pub fn message_id(&self, email: &EmailId) -> String {
        format!("<{email}@{}>", self.from().email.domain())
    }

    /// Send one letter.
    pub async fn send(&self, letter: &Letter) -> Result<MailReceipt, MailFault> {
        let message = message::compose(self.from(), letter)?;
        let answer = match self {
            Self::Smtp { server, .. } => server.send(&message).await?,
            Self::Folder { outbox, .. } => {
                let bytes = message.formatted();
                outbox.write(&letter.message_id, bytes).await?
            }
        };
        Ok(MailReceipt {
            message_id: letter.message_id.clone(),
            answer,
        })
    }

    /// Prove that letters could be sent: connect and sign in, or write to the folder. The answer
    /// says where.
    pub async fn ping(&self) -> Result<String, MailFault> {
        match self {
            Self::Smtp { server, .. } => server.ping().await,
            Self::Folder { outbox, .. } => outbox.ping().await,
        }
    }

    fn from(&self) -> &Mailbox {
        match self {
            Self::Smtp { from, .. } | Self::Folder { from, .. } => from,
        }
    }
}
