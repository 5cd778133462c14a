//! `gift EMAIL COURSE… --why …`: an order that costs nothing, by a person's word.

use clap::Args;

use super::{Counter, Place, in_words};
use crate::fulfilment::{gift, place};
use crate::model::catalogue;
use crate::web::ordering::Form;
use crate::words::Locale;

/// Who gets what, and why.
#[derive(Debug, Args)]
pub struct Gift {
    /// Where access and letters go.
    email: String,
    /// Slugs of courses or bundles.
    #[arg(required = true, value_name = "COURSE")]
    courses: Vec<String>,
    /// The learner's name.
    #[arg(long)]
    name: Option<String>,
    /// The language of pages and letters; the shop's own when missing.
    #[arg(long)]
    locale: Option<String>,
    /// Why, in a sentence that stays in the audit for good.
    #[arg(long, value_name = "REASON")]
    why: String,
}

impl Gift {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        let Counter {
            config,
            db,
            policy,
            moment,
        } = place.to_decide().await?;
        let form = Form {
            email: self.email.clone(),
            name: self.name.clone(),
            locale: self.locale.clone(),
            courses: self.courses.clone(),
            ..Form::default()
        };
        let request = form
            .check(Locale::parse(&config.shop.locale).unwrap_or(Locale::Vi))
            .map_err(in_words)?;
        let why = self.why.clone();
        let given = db.write(move |tx| {
            Box::pin(async move {
                let catalogue = catalogue::load(tx).await?;
                let basket = place::basket(&catalogue, &policy, &request.courses)?;
                gift::give(tx, &moment, &policy, &request, &basket, &why).await
            })
        });
        let placed = given.await.map_err(in_words)?;
        let code = &placed.order.code;
        crate::cli::say(&format!(
            "{code} is given; a running server delivers it within seconds"
        ));
        Ok(())
    }
}
