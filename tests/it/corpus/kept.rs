//! Manglings that keep the code's characters in their order: certain, whatever is around them.

use super::frames::FRAMES;
use super::{Case, Memo, Scene};

/// Every frame once around the code as it was shown.
pub(super) fn in_every_frame(scene: &Scene) -> Vec<Case> {
    let framed =
        |frame: &&str| scene.paying("in a frame", |code| Memo::of(scene.fill(frame, code)));
    FRAMES.iter().map(framed).collect()
}

/// One of each class.
pub(super) fn cases(scene: &Scene) -> Vec<Case> {
    let words = WORDS.iter().map(|(class, mangle)| {
        scene.paying(class, |code| Memo::of(scene.framed(&mangle(scene, code))))
    });
    let memos = MEMOS
        .iter()
        .map(|(class, write)| scene.paying(class, |code| write(scene, code)));
    words.chain(memos).collect()
}

/// The buyer's words, made from the code. A frame goes around them.
type Words = fn(&Scene, &str) -> String;

const WORDS: &[(&str, Words)] = &[
    ("with words before", |s, code| {
        format!("{} {code}", s.pick(BEFORE))
    }),
    ("with words after", |s, code| {
        format!("{code} {}", s.pick(AFTER))
    }),
    ("lower case", |_, code| code.to_ascii_lowercase()),
    ("mixed case", |s, code| mixed(s, code)),
    ("all in lower case", |s, code| {
        format!("{} {code}", s.pick(BEFORE)).to_ascii_lowercase()
    }),
    ("separator behind the prefix", |s, code| {
        split(code, s.prefix.len(), s.pick(SEPARATORS))
    }),
    ("separators between groups of four", |s, code| {
        let (head, tail) = code.split_at(s.prefix.len());
        let separator = s.pick(SEPARATORS);
        [head, &tail[..4], &tail[4..]].join(separator)
    }),
    ("separators between all characters", |s, code| {
        let characters: Vec<String> = code.chars().map(String::from).collect();
        characters.join(s.pick(SEPARATORS))
    }),
    ("separators between all characters, and glued", |s, code| {
        let characters: Vec<String> = code.chars().map(String::from).collect();
        let spaced = characters.join(s.pick(SEPARATORS));
        format!("{}{spaced}{}", s.pick(GLUED), s.pick(GLUED))
    }),
    ("separator inside the prefix", |s, code| {
        let place = 1 + s.below(s.prefix.len() - 1);
        split(code, place, s.pick(SEPARATORS))
    }),
    ("split by a blank", |s, code| {
        split(code, 1 + s.below(code.len() - 1), " ")
    }),
    ("split by a blank twice", |s, code| {
        let place = 2 + s.below(code.len() - 3);
        split(&split(code, place, " "), 1 + s.below(place - 1), " ")
    }),
    ("split by a line break", |s, code| {
        let line_break = s.pick(&["\n", "\r\n", "\r", "\n\n"]);
        split(code, 1 + s.below(code.len() - 1), line_break)
    }),
    ("split by an invisible character", |s, code| {
        let invisible = s.pick(&["\u{200b}", "\u{a0}", "\u{feff}", "\u{ad}", "\t", "\u{3000}"]);
        split(code, 1 + s.below(code.len() - 1), invisible)
    }),
    ("glued to the word before", |s, code| {
        format!("{}{code}", s.pick(GLUED))
    }),
    ("glued to the word after", |s, code| {
        format!("{code}{}", s.pick(GLUED))
    }),
    ("glued on both sides", |s, code| {
        format!("{}{code}{}", s.pick(GLUED), s.pick(GLUED))
    }),
    ("glued to digits before", |s, code| {
        format!("{}{code}", s.digits(11))
    }),
    ("glued to digits after", |s, code| {
        format!("{code}{}", s.digits(12))
    }),
    ("glued to digits on both sides", |s, code| {
        format!("{}{code}{}", s.digits(6), s.digits(10))
    }),
    ("split and glued", |s, code| {
        let split = split(code, 2 + s.below(code.len() - 3), " ");
        if s.below(2) == 0 {
            format!("{}{split}", s.pick(GLUED))
        } else {
            format!("{split}{}", s.pick(GLUED))
        }
    }),
    ("the prefix written twice", |s, code| {
        format!("{}{}{code}", s.prefix, s.pick(&["", " ", "-"]))
    }),
    ("behind a label", |s, code| {
        format!(
            "{}{code}",
            s.pick(&["Ma don ", "ND:", "Ma GD: ", "#", "DON HANG ", "don so:"])
        )
    }),
    ("in brackets or quotes", |s, code| {
        let (open, close) = s.pick(&[("(", ")"), ("[", "]"), ("\"", "\""), ("<", ">"), ("“", "”")]);
        format!("{open}{code}{close}")
    }),
    ("phone and account numbers around", |s, code| {
        format!("0{} {code} {}", s.digits(9), s.digits(14))
    }),
    ("long digit runs around", |s, code| {
        format!("{}.{code}.{}", s.digits(30), s.digits(40))
    }),
    ("diacritics composed", |s, code| {
        format!(
            "Đặng Thị Hường đóng học phí {code} {}",
            s.pick(&["ạ", "cảm ơn"])
        )
    }),
    ("diacritics decomposed", |_, code| {
        format!("Nguye\u{302}\u{303}n Va\u{306}n A chuye\u{309}n {code} cho kho\u{301}a ho\u{323}c")
    }),
    ("diacritics lost", |_, code| {
        format!("Dang Thi Huong dong hoc phi {code} cam on")
    }),
    ("diacritics lost to question marks", |_, code| {
        format!("Nguy?n V?n A chuy?n kho?n {code} h?c ph?")
    }),
    ("letters with a mark of their own", |s, code| {
        let place = s.below(s.prefix.len());
        split(code, place + 1, s.pick(&["\u{301}", "\u{300}", "\u{323}"]))
    }),
    ("full-width characters", |_, code| {
        let wide = code
            .chars()
            .filter_map(|c| char::from_u32(u32::from(c) + 0xFEE0));
        wide.collect()
    }),
    ("a face beside it", |_, code| {
        format!("\u{1f600}{code}\u{1f64f}\u{1f3fb} thanks")
    }),
    ("the same code twice", |s, code| {
        format!("{code}{}{code}", s.pick(&[" ", "", "-", ". "]))
    }),
    ("the same code again, cut", |s, code| {
        format!("{code} {}", &code[..s.prefix.len() + 3])
    }),
    ("wrapped in another bank's frame", |s, code| {
        s.framed(&s.framed(code))
    }),
];

/// All three texts, made from the code.
type Write = fn(&Scene, &str) -> Memo;

const MEMOS: &[(&str, Write)] = &[
    ("clean", |_, code| Memo::of(code.to_owned())),
    ("code field right", |s, code| Memo {
        code: Some(code.to_owned()),
        ..Memo::of(s.framed(code))
    }),
    ("code field swallows the next word", |s, code| {
        let word = s.pick(&["CT", "CTTU", "Chuyen", "FT26", "8888"]);
        Memo {
            code: Some(format!("{code}{word}")),
            ..Memo::of(format!("MBVCB.{}.{code}{word} tu", s.digits(11)))
        }
    }),
    ("code field too short", |s, code| Memo {
        code: Some(code[..s.prefix.len() + 4].to_owned()),
        ..Memo::of(s.framed(code))
    }),
    ("code field took a reference for it", |s, code| Memo {
        code: Some(format!("NT0{}", s.digits(9))),
        ..Memo::of(s.framed(code))
    }),
    ("code field right, content cut", |s, code| Memo {
        code: Some(code.to_owned()),
        ..Memo::of(format!(
            "MBVCB.{}.{}",
            s.digits(11),
            &code[..code.len() - 3]
        ))
    }),
    ("only in the notification", |s, code| Memo {
        code: None,
        content: String::new(),
        description: format!("BankAPINotify {}", s.framed(code)),
    }),
    ("notification without it", |s, code| Memo {
        code: None,
        content: s.framed(code),
        description: String::new(),
    }),
    ("cut right after the code", |s, code| {
        Memo::of(format!("MBVCB.{}.{}.{code}", s.digits(11), s.digits(6)))
    }),
    ("blank at a fixed width", |s, code| {
        Memo::of(wrapped(
            &s.framed(&format!("{} {code}", s.pick(BEFORE))),
            35,
            " ",
        ))
    }),
    ("line break at a fixed width", |s, code| {
        Memo::of(wrapped(&s.framed(code), 27, "\n"))
    }),
    ("all separators stripped", |s, code| {
        let memo = s.framed(&format!("{} {code}", s.pick(BEFORE)));
        Memo::of(memo.chars().filter(char::is_ascii_alphanumeric).collect())
    }),
    ("every separator a blank, all capitals", |s, code| {
        let memo = s
            .framed(&format!("{} {code}", s.pick(BEFORE)))
            .to_ascii_uppercase();
        Memo::of(memo.replace(|c: char| !c.is_ascii_alphanumeric(), " "))
    }),
    ("dashes and dots deleted", |s, code| {
        let code = split(code, s.prefix.len(), "-");
        Memo::of(s.framed(&code).replace(['-', '.', '_'], ""))
    }),
];

const BEFORE: &[&str] = &[
    "Thanh toan don hang",
    "NGUYEN VAN A chuyen tien",
    "hoc phi khoa hoc",
    "Mua khoa hoc Rust",
    "CK",
    "TT",
    "Dat hang ma",
    "chuyen khoan cho chi",
    "em gui tien",
];

const AFTER: &[&str] = &[
    "chuyen tien",
    "CT tu 0123456789",
    "NGUYEN VAN A CK",
    "thanh toan",
    "hoc phi thang 11",
    "sdt 0987654321",
    "Thanh Toan",
    "mua 2 khoa",
];

const GLUED: &[&str] = &[
    "HOCPHI",
    "MUAHANG",
    "CT",
    "CK",
    "ND",
    "chuyentien",
    "ThanhToan",
    "NGUYENVANA",
    "FT",
    "don",
    "MA",
    "x",
    "tu",
    "DONHANG",
    "SEVQR",
];

const SEPARATORS: &[&str] = &[
    " ", "-", ".", "_", "\n", "/", ":", ",", "*", "+", "  ", " - ", "|", "\t", "~", "'", ";", "=",
];

/// With `between` put in at `place`.
pub(super) fn split(text: &str, place: usize, between: &str) -> String {
    let (head, tail) = text.split_at(place);
    format!("{head}{between}{tail}")
}

fn mixed(scene: &Scene, code: &str) -> String {
    let one = |c: char| {
        if scene.below(2) == 0 {
            c
        } else {
            c.to_ascii_lowercase()
        }
    };
    code.chars().map(one).collect()
}

/// Core systems keep memos in fields of a fixed width and join them with a blank.
fn wrapped(text: &str, width: usize, between: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(width).map(String::from_iter).collect();
    pieces.join(between)
}
