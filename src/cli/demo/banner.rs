//! What the demo says about itself: who plays what, and what can be tried.

use super::beside;
use super::surroundings::Surroundings;
use crate::app::App;
use crate::cli::say;

/// Before the first order.
pub(super) fn who_plays(app: &App, around: &Surroundings) {
    say("Bursar demo: everything outside is faked on this machine and labelled so.\n");
    say(&format!("  shop      {}/", app.config.public_url));
    say(&format!(
        "  platform  {}  (a fake that speaks Frappe's wire format)",
        around.platform.base_url()
    ));
    say(&format!(
        "  cards     {}/  (a fake that speaks Stripe's wire format)",
        around.cards.base_url()
    ));
    say(&format!(
        "  mailbox   {}\n",
        app.config.mail.folder.display()
    ));
}

/// While the shop stays open.
pub(super) fn what_to_try(app: &App, around: &Surroundings, key: &str) {
    let shop = &app.config.public_url;
    let settings = beside::settings_file(around.folder.path());
    let bursar = program();
    say(&format!(
        "
The shop stays open, and nothing in it moves money. Ctrl-C ends it.

As a buyer: order at {shop}/ and pay on the order's page
  by transfer    with the demo's panel: exactly, too little, too much, a mistyped code, no code;
                 once it is paid, a second time; once its time is over, late
  by card        on the fake gateway's page: paid, declined, slow, days later
  the gateway    {cards}/  what the card's bank and the gateway do later: pay back, dispute, decide

As the seller, in another terminal
  export BURSAR_CONFIG={settings}
  {bursar} transfer list             what no order took, and why
  {bursar} order show CODE           all that happened to an order
  {bursar} coupon add CHAO20 --percent 20
  {bursar} report money --from {today} --to {today}
  {bursar} doctor                    whether everything outside answers
In the browser, {shop}/admin: sign in with this key of the demo, which opens nothing else
  {key}
As a program of the seller's, with the same key
  curl -H 'Authorization: Bearer {key}' {shop}/api/v1/admin/orders",
        cards = around.cards.base_url(),
        today = app
            .clock
            .now()
            .local(app.config.shop.utc_offset_minutes, "%Y-%m-%d"),
        settings = settings.display(),
    ));
}

/// This program as it can be called from where it was called.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else {
        return "bursar".to_owned();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).unwrap_or(&path);
    shown.display().to_string()
}
