//! Text in plain ASCII, as Vietnamese banks and their QR codes carry it: diacritics go, đ is d.
//! Case stays.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Give the plain form of one character to `put`: nothing for a combining mark or an invisible
/// character, one or more ASCII characters otherwise, a blank where there is no such form.
pub fn fold(character: char, mut put: impl FnMut(char)) {
    if character.is_ascii() {
        return put(character);
    }
    decompose_compatible(character, |part| match part {
        ascii if ascii.is_ascii() => put(ascii),
        // ð and ɖ are what some keyboards and phones send for đ.
        'đ' | 'ð' | 'ɖ' => put('d'),
        'Đ' | 'Ð' | 'Ɖ' => put('D'),
        mark if is_combining_mark(mark) || is_invisible(mark) => {}
        _ => put(' '),
    });
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}
