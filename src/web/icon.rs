//! The pictograms of the pages, drawn inline from `assets/icons/` so that they take the colour of
//! the text. They are decoration: every one stands beside words that say the same.

use std::fmt;

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        /// A pictogram.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Icon { $($(#[$doc])* $name,)* }

        impl fmt::Display for Icon {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => include_str!(concat!("../../assets/icons/", $file, ".svg")).trim_end(),)*
                })
            }
        }
    };
}

icons! {
    /// A bank building: transfers.
    Bank = "bank";
    /// A book: a course.
    Book = "book";
    /// A bank card.
    Card = "card";
    /// A bare tick: a step behind us.
    Check = "check";
    /// A tick in a circle: yours, done.
    CheckCircle = "check-circle";
    /// A clock: waiting.
    Clock = "clock";
    /// A compass: lost.
    Compass = "compass";
    /// Two sheets: copy.
    Copy = "copy";
    /// A cross in a circle: failed, over.
    CrossCircle = "cross-circle";
    /// An arrow into a tray.
    Download = "download";
    /// A sheet of paper.
    File = "file";
    /// A padlock: no access.
    Lock = "lock";
    /// An envelope.
    Mail = "mail";
    /// A head and shoulders: the buyer is asked for something.
    Person = "person";
    /// A triangle in a circle: start learning.
    Play = "play";
    /// Two arrows in a circle: trying again.
    Repeat = "repeat";
    /// An arrow that turns back: refunded.
    Return = "return";
    /// A magnifier: checking.
    Search = "search";
    /// A shield with a tick: safe.
    Shield = "shield";
    /// A shop front: the seller is on it.
    Shop = "shop";
    /// An open circle: working.
    Spinner = "spinner";
    /// A price tag: an offer.
    Tag = "tag";
}

impl askama::filters::HtmlSafe for Icon {}
