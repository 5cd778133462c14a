//! The inbox as a person works through it: what waits, oldest first, or everything, newest first; by
//! class, by account, and by whatever a person remembers of a transfer.

use super::{Class, Transfer, read};
use crate::args;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::id::{OrderId, TransferId, earliest};

/// Which transfers; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Closed ones too.
    pub all: bool,
    /// Only those of which something is still to be paid back.
    pub due: bool,
    /// Of this class.
    pub class: Option<Class>,
    /// On this account, or this virtual account.
    pub account: Option<String>,
    /// That this fits.
    pub search: Option<Search>,
}

/// What a person remembers of a transfer. One fit is enough.
#[derive(Debug, Clone)]
pub struct Search {
    /// In the bank's reference or in a text of it, whatever blanks and small letters are there.
    pub text: String,
    /// Exactly so much.
    pub amount: Option<i64>,
    /// It was matched with this order.
    pub order: Option<OrderId>,
}

crate::statements! {
    INBOX = "SELECT * FROM transfers WHERE closed_at IS NULL AND id > $1 AND (CAST($2 AS TEXT) IS NULL OR class = $2)
               AND (CAST($3 AS TEXT) IS NULL OR account = $3 OR sub_account = $3)
               AND (CAST($4 AS BIGINT) = 0 OR surplus > returned)
               AND (CAST($5 AS TEXT) IS NULL OR amount = $6 OR order_id = $7
                 OR REPLACE(UPPER(reference), ' ', '') LIKE $5 ESCAPE '!' OR REPLACE(UPPER(memo), ' ', '') LIKE $5 ESCAPE '!')
             ORDER BY id LIMIT $8";
    EVERY = "SELECT * FROM transfers WHERE id < $1 AND (CAST($2 AS TEXT) IS NULL OR class = $2)
               AND (CAST($3 AS TEXT) IS NULL OR account = $3 OR sub_account = $3)
               AND (CAST($4 AS BIGINT) = 0 OR surplus > returned)
               AND (CAST($5 AS TEXT) IS NULL OR amount = $6 OR order_id = $7
                 OR REPLACE(UPPER(reference), ' ', '') LIKE $5 ESCAPE '!' OR REPLACE(UPPER(memo), ' ', '') LIKE $5 ESCAPE '!')
             ORDER BY id DESC LIMIT $8";
}

/// What waits, oldest first, or everything, newest first; what follows the transfer `after`.
pub async fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: Option<&TransferId>,
    limit: i64,
) -> Result<Vec<Transfer>> {
    let (sql, from) = if filter.all {
        (&EVERY, earliest::<TransferId>(Timestamp(i64::MAX)))
    } else {
        (&INBOX, TransferId(String::new()))
    };
    let search = filter.search.as_ref();
    let values = args![
        after.unwrap_or(&from),
        filter.class,
        filter.account.as_deref(),
        filter.due,
        search.map(|search| pattern(&search.text)),
        search.and_then(|search| search.amount),
        search.and_then(|search| search.order.as_ref()),
        limit,
    ];
    tx.rows(sql, values).await?.iter().map(read).collect()
}

/// Banks add and drop blanks: none is compared.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_uppercase().chars().filter(|c| !c.is_whitespace()) {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
