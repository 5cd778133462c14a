//! Memos that do not hold the intact code of the order that was meant: one edit away, cut, or
//! without any. A person may see what was meant; the machine must not pay.

use bursar::id::UNAMBIGUOUS;

use super::kept::split;
use super::{Case, Memo, Scene, holds};

/// One of each class.
pub(super) fn cases(scene: &Scene) -> Vec<Case> {
    let spoilt = SPOILT
        .iter()
        .map(|(class, spoil)| scene.waiting(class, |code| Memo::of(missing(scene, code, *spoil))));
    let field = scene.waiting("typo in content and code field", |code| {
        let typed = scene.framed(&substituted(scene, code));
        Memo {
            code: Some(substituted(scene, code)),
            ..Memo::of(typed)
        }
    });
    spoilt.chain(ends_lost(scene)).chain([field]).collect()
}

/// The word beside it happens to have the letter that is missing: likely, and not certain.
fn ends_lost(scene: &Scene) -> [Case; 2] {
    [
        scene.waiting(
            "the last character lost, the next word begins with it",
            |code| {
                let (typed, last) = code.split_at(code.len() - 1);
                Memo::of(format!("IBFT {typed} {last}HUYEN TIEN"))
            },
        ),
        scene.waiting(
            "the first character lost, the word before ends with it",
            |code| {
                let (first, typed) = code.split_at(1);
                Memo::of(format!("IBFT THANH{first} {typed} chuyen tien"))
            },
        ),
    ]
}

type Spoil = fn(&Scene, &str) -> String;

const SPOILT: &[(&str, Spoil)] = &[
    ("one character wrong", |s, code| {
        s.framed(&substituted(s, code))
    }),
    ("one character too many", |s, code| {
        let letter = String::from(anything(s));
        s.framed(&split(code, 1 + s.below(code.len() - 1), &letter))
    }),
    ("one character missing", |s, code| {
        let mut typed = code.to_owned();
        typed.remove(s.below(code.len()));
        s.framed(&typed)
    }),
    ("two neighbours exchanged", |s, code| {
        let mut typed: Vec<char> = code.chars().collect();
        let place = s.below(code.len() - 1);
        typed.swap(place, place + 1);
        s.framed(&String::from_iter(typed))
    }),
    ("a look-alike", |s, code| s.framed(&look_alike(s, code))),
    ("an exchange and glue", |s, code| {
        let typed = substituted(s, code);
        format!("MUAHANG{typed}{}", s.digits(8))
    }),
    ("a wrong character and a split", |s, code| {
        let typed = substituted(s, code);
        s.framed(&split(&typed, 1 + s.below(code.len() - 1), " "))
    }),
    ("cut inside the code", |s, code| {
        let end = s.prefix.len() + s.below(code.len() - s.prefix.len());
        format!("MBVCB.{}.{}.{}", s.digits(11), s.digits(6), &code[..end])
    }),
    ("cut inside the code, with dots", |s, code| {
        format!(
            "NGUYEN VAN A CK {}...",
            &code[..code.len() - 1 - s.below(4)]
        )
    }),
    ("the beginning cut off", |s, code| {
        format!("{} chuyen tien", &code[1 + s.below(5)..])
    }),
    ("the prefix left out", |s, code| {
        s.framed(&code[s.prefix.len()..])
    }),
    ("another order's prefix and half of the code", |s, code| {
        format!("{} {}", &code[..s.prefix.len() + 4], s.mint.letters(4))
    }),
    ("halves exchanged", |s, code| {
        let (head, tail) = code.split_at(s.prefix.len() + 4);
        s.framed(&format!("{tail}{head}"))
    }),
    ("a word between the halves", |s, code| {
        s.framed(&split(code, s.prefix.len() + 4, " CHUYEN TIEN "))
    }),
    ("a number between the halves", |s, code| {
        s.framed(&split(
            code,
            s.prefix.len() + 2 + s.below(4),
            &format!(" {} ", s.digits(3)),
        ))
    }),
    ("backwards", |s, code| {
        s.framed(&code.chars().rev().collect::<String>())
    }),
    ("no code", |s, _| s.framed(s.pick(NO_CODE))),
    ("the prefix alone", |s, _| {
        format!("{} {} {}", s.prefix, s.pick(NO_CODE), s.prefix)
    }),
    ("an order number of another system", |s, _| {
        s.framed(&format!("{}{}", s.prefix, s.digits(6)))
    }),
    ("empty", |_, _| String::new()),
];

const NO_CODE: &[&str] = &[
    "chuyen tien",
    "NGUYEN VAN A chuyen khoan",
    "hoc phi",
    "Mua khoa hoc lap trinh",
    "CT nhanh 247 den",
    "tra tien com trua",
    "thanh toan hoa don dien thang 11",
    "MAI NGUYEN DUY K chuyen tien qua MoMo",
];

/// Drawn again while chance, or a frame's first letter, mends the code.
fn missing(scene: &Scene, code: &str, spoil: Spoil) -> String {
    loop {
        let text = spoil(scene, code);
        if !holds(&text, code) {
            return text;
        }
    }
}

fn substituted(scene: &Scene, code: &str) -> String {
    let place = scene.below(code.len());
    let mut letters: Vec<char> = code.chars().collect();
    while code[place..].starts_with(letters[place]) {
        letters[place] = anything(scene);
    }
    letters.into_iter().collect()
}

/// Digits that codes never hold are typed too.
fn anything(scene: &Scene) -> char {
    if scene.below(6) == 0 {
        scene.pick(&['0', '1', 'O', 'I', 'L'])
    } else {
        char::from(scene.pick(UNAMBIGUOUS))
    }
}

/// What people take for each other in the fonts of banking apps.
const LOOK_ALIKES: &[(char, char)] = &[
    ('O', '0'),
    ('I', '1'),
    ('L', '1'),
    ('D', '0'),
    ('Q', 'O'),
    ('B', '8'),
    ('8', 'B'),
    ('S', '5'),
    ('5', 'S'),
    ('Z', '2'),
    ('2', 'Z'),
    ('G', '6'),
    ('6', 'G'),
    ('7', '1'),
    ('U', 'V'),
    ('V', 'U'),
    ('T', 'I'),
    ('C', 'O'),
];

/// The first character from a place drawn by chance that has one, round and round.
fn look_alike(scene: &Scene, code: &str) -> String {
    let mut letters: Vec<char> = code.chars().collect();
    let start = scene.below(letters.len());
    for step in 0..letters.len() {
        let place = (start + step) % letters.len();
        let known = LOOK_ALIKES.iter().find(|(is, _)| *is == letters[place]);
        if let Some((_, seems)) = known {
            letters[place] = *seems;
            return letters.into_iter().collect();
        }
    }
    substituted(scene, code)
}
