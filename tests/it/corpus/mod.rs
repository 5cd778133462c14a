//! Memos as banks and wallets mangle them, made from a seed, in named classes. Each case knows the
//! truth about itself: the order that it may pay without a person, or that it must wait for one.
//! Certain is the intact code of exactly one existing order, however it is cased, split, glued or
//! framed. The bench reads the same corpus through `#[path]`.

use bursar::id::Mint;
use bursar::model::code::OrderCode;

mod frames;
mod kept;
mod others;
mod real;
mod spoilt;

/// One transfer and what is known of it.
#[derive(Debug)]
pub struct Case {
    pub class: &'static str,
    pub memo: Memo,
    /// Dong that came.
    pub amount: i64,
    /// Orders in the books that concern it; codes that are in no order are not among them.
    pub orders: Vec<Known>,
    /// The order that it may pay by itself. `None`: it waits for a person.
    pub truth: Option<OrderCode>,
}

/// The three texts of a transfer, as a gateway sends them.
#[derive(Debug)]
pub struct Memo {
    /// What the gateway took for the code.
    pub code: Option<String>,
    pub content: String,
    pub description: String,
}

impl Memo {
    /// The gateway found no code; its notification repeats the content.
    fn of(content: String) -> Self {
        let description = format!("BankAPINotify {content}");
        Self {
            code: None,
            content,
            description,
        }
    }

    /// Best first, as the extractor gets them.
    pub fn texts(&self) -> Vec<&str> {
        let code = self.code.as_deref();
        code.into_iter()
            .chain([self.content.as_str(), &self.description])
            .collect()
    }
}

/// An order in the books.
#[derive(Debug, Clone)]
pub struct Known {
    pub code: OrderCode,
    pub total: i64,
    pub standing: Standing,
}

/// How it stands when the transfer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Open,
    Paid,
    Expired,
    Cancelled,
}

/// Cases of each class that is drawn by chance.
const OF_EACH: usize = 6;

/// Every class, several times each; the same seed gives the same memos.
pub fn corpus(seed: u64, prefix: &str) -> Vec<Case> {
    let scene = Scene {
        mint: Mint::seeded(seed),
        prefix: prefix.to_owned(),
    };
    let mut cases = kept::in_every_frame(&scene);
    cases.extend(real::cases(&scene));
    for _ in 0..OF_EACH {
        cases.extend(kept::cases(&scene));
        cases.extend(spoilt::cases(&scene));
        cases.extend(others::cases(&scene));
    }
    cases
}

/// The decision by the codes alone, without books: the one known order among those found that is
/// open for the money, when it is enough.
pub fn decided<'k>(
    found: &[OrderCode],
    known: impl Fn(&OrderCode) -> Option<&'k Known>,
    amount: i64,
) -> Option<&'k Known> {
    let mut orders = found.iter().filter_map(known);
    let (only, None) = (orders.next()?, orders.next()) else {
        return None;
    };
    let payable = matches!(only.standing, Standing::Open | Standing::Expired);
    (payable && amount >= only.total).then_some(only)
}

/// The chance and the prefix that a corpus is drawn with.
struct Scene {
    mint: Mint,
    prefix: String,
}

impl Scene {
    fn code(&self) -> OrderCode {
        OrderCode::mint(&self.prefix, &self.mint)
    }

    fn order(&self, standing: Standing) -> Known {
        Known {
            code: self.code(),
            total: self.pick(&[99_000, 199_000, 499_000, 500_000, 1_250_000, 2_277_000]),
            standing,
        }
    }

    /// One open order that is paid exactly; `memo` is made from its code.
    fn paying(&self, class: &'static str, memo: impl FnOnce(&str) -> Memo) -> Case {
        let order = self.order(Standing::Open);
        Case {
            class,
            memo: memo(order.code.as_str()),
            amount: order.total,
            truth: Some(order.code.clone()),
            orders: vec![order],
        }
    }

    /// One open order and its exact amount, but a memo that a person must read.
    fn waiting(&self, class: &'static str, memo: impl FnOnce(&str) -> Memo) -> Case {
        Case {
            truth: None,
            ..self.paying(class, memo)
        }
    }

    fn below(&self, end: usize) -> usize {
        let letters = self.mint.letters(6);
        let number = letters
            .bytes()
            .fold(0, |sum, letter| sum * 31 + usize::from(letter));
        number % end
    }

    fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn digits(&self, count: usize) -> String {
        (0..count).map(|_| self.pick(&DIGITS)).collect()
    }
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// Does the code stand in the text when all but ASCII letters and digits is struck out?
fn holds(text: &str, code: &str) -> bool {
    let squeezed: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    squeezed.to_ascii_uppercase().contains(code)
}
