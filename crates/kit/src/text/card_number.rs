use uuid::{Uuid, fmt::Hyphenated};

/// The lengths of card numbers, in digits (ISO/IEC 7812).
const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// The zeros of the scripts whose digits keyboards and input methods give: each is followed by the other nine.
const ZEROS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];

/// What is said of a field that holds what [`looks_like_card_number`].
pub const CARD_NUMBER: &str = "must not hold what looks like the number of a payment card";

/// Whether a text holds what looks like a full card number, alone or within other text: 13 to 19 digits that satisfy
/// Luhn's formula, in one piece or with white space, dashes, dots, underscores or invisible characters between them.
/// Digits with nothing between them are one piece, and a number is made of whole pieces (R-B3).
///
/// The digits of a UUID are those of no card, unless it has no letters or begins with a whole number of 16 digits: of
/// random ones that is one in ten thousand.
///
/// One in ten other numbers of these lengths satisfies the formula by chance and is taken for one as well: a text can be
/// worded otherwise, but a card number that was stored can't be taken back.
#[must_use]
pub fn looks_like_card_number(text: &str) -> bool {
    without_uuids(text).split(|c| digit(c).is_none() && !separates(c)).any(|row| {
        let pieces = row.split(separates).filter(|piece| !piece.is_empty());
        let pieces: Vec<Vec<u32>> = pieces.map(|piece| piece.chars().filter_map(digit).collect()).collect();
        (0..pieces.len()).any(|first| begin_with_number(&pieces[first..]))
    })
}

/// The text with a letter in place of each UUID. Ids of payment methods are often such, and one in some dozens would be
/// taken for a card.
fn without_uuids(text: &str) -> String {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_uuid = |word: &str| {
        let id = word.trim_end_matches(|c| !is_of_id(c));
        id.len() == Hyphenated::LENGTH
            && id.contains(char::is_alphabetic)
            && Uuid::try_parse(id).is_ok()
            && !begins_with_number(id)
    };
    text.split_inclusive(|c| !is_of_id(c)).map(|word| if is_uuid(word) { "x" } else { word }).collect()
}

/// Whether the first three groups of a UUID are the 16 digits of a card number. With 0 begins none that a bank issues, and
/// each UUID that is made by the time.
fn begins_with_number(id: &str) -> bool {
    let digits: Option<Vec<u32>> = id.chars().filter(|c| *c != '-').take(16).map(digit).collect();
    digits.is_some_and(|digits| digits[0] != 0 && satisfies_luhn(&digits))
}

fn begin_with_number(pieces: &[Vec<u32>]) -> bool {
    let mut digits = Vec::with_capacity(LONGEST);
    for piece in pieces {
        if digits.len() + piece.len() > LONGEST {
            return false;
        }
        digits.extend_from_slice(piece);
        if digits.len() >= SHORTEST && satisfies_luhn(&digits) {
            return true;
        }
    }
    false
}

fn digit(c: char) -> Option<u32> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    ZEROS.iter().find_map(value)
}

/// What people and programs put between groups of digits, and what can't be seen between them.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | '_' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Luhn's formula (ISO/IEC 7812-1, annex B): from the right every second digit counts double, less nine if that has two
/// digits, and the sum ends in 0.
fn satisfies_luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let counted = digits.iter().rev().enumerate();
    let sum: u32 = counted.map(|(n, digit)| if n % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Test numbers that card schemes and payment providers publish.
    const NUMBERS: [&str; 8] = [
        "4222222222222",
        "378282246310005",
        "30569309025904",
        "4111111111111111",
        "5555555555554444",
        "2223003122003222",
        "6304000000000000",
        "6205500000000000004",
    ];

    #[test]
    fn published_numbers_are_found_however_they_are_written() {
        for number in NUMBERS {
            assert!(looks_like_card_number(number), "{number}");
            for text in [
                format!("card{number}x"),
                format!("call +1 before {number}, please"),
                format!("12 {number} 987"),
                format!("{} {}", &number[..4], &number[4..]),
                format!("{}-{}.{}", &number[..4], &number[4..10], &number[10..]),
                format!("{}\u{200b}{} \u{2013} {}", &number[..4], &number[4..10], &number[10..]),
                number.chars().map(|c| char::from_u32(u32::from(c) - 0x30 + 0xff10).unwrap()).collect(),
                number.chars().flat_map(|c| [c, '\n']).collect(),
            ] {
                assert!(looks_like_card_number(&text), "{text}");
            }
        }
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "1111",
            "411111111111",
            "4111111111111112",
            "41111111111111111111",
            "4111x1111x1111x1111",
            "Main Street 12, 10115 Berlin",
            "DE123456789",
            "+49 30 1234567",
            "0190a8d0-7b1c-7def-8000-000000000001",
        ] {
            assert!(!looks_like_card_number(text), "{text}");
        }
    }

    #[test]
    fn an_id_is_none_and_hides_none() {
        let id = "01234567-0000-7004-8123-00000000000a";
        let digits = id.replace('a', "0");
        assert!(looks_like_card_number(&digits), "digits alone are no id");
        assert!(
            looks_like_card_number("41111111-1111-1111-a000-000000000000"),
            "nor is a number with some letters"
        );
        for (text, found) in [
            (id.to_owned(), false),
            (format!("apps/{id}, {id}"), false),
            (format!("x{id}"), true),
            (format!("{id} 4111111111111111"), true),
            (format!("4111-1111 {id} 1111-1111"), false),
        ] {
            assert_eq!(looks_like_card_number(&text), found, "{text}");
        }
    }

    /// Digits that satisfy the formula, by their last one.
    fn valid(mut digits: Vec<u32>) -> Vec<u32> {
        let last = digits.len() - 1;
        digits[last] = (0..10)
            .find(|check| satisfies_luhn(&[&digits[..last], &[*check]].concat()))
            .expect("one of ten digits fits");
        digits
    }

    fn written(digits: &[u32], between: &[String]) -> String {
        digits
            .iter()
            .zip(between.iter().cycle())
            .map(|(digit, between)| between.clone() + &digit.to_string())
            .collect()
    }

    proptest! {
        // R-B3
        #[test]
        fn any_number_is_found_with_anything_around_it(
            digits in prop::collection::vec(0_u32..10, SHORTEST..=LONGEST),
            between in prop::collection::vec("[-_ .\u{2011}\u{a0}]{0,3}", LONGEST),
            before in "([^0-9]{0,20}|[^0-9]{0,9}[0-9]{1,9}[ -])",
            after in "([^0-9]{0,20}|[ -][0-9]{1,9}[^0-9]{0,9})",
        ) {
            prop_assume!(!before.chars().chain(after.chars()).any(|c| !c.is_ascii() && digit(c).is_some()));
            let number = written(&valid(digits), &between);
            let text = format!("{before}{number}{after}");
            prop_assert!(looks_like_card_number(&text));
        }

        #[test]
        fn a_wrong_digit_makes_it_none(
            digits in prop::collection::vec(0_u32..10, SHORTEST..=LONGEST), by in 1_u32..10,
        ) {
            let mut digits = valid(digits);
            let last = digits.len() - 1;
            digits[last] = (digits[last] + by) % 10;
            prop_assert!(!looks_like_card_number(&written(&digits, &[String::new()])));
        }

        #[test]
        fn fewer_digits_are_none(digits in prop::collection::vec(0_u32..10, 1..SHORTEST), between in "[-x ]") {
            prop_assert!(!looks_like_card_number(&written(&digits, &[between])));
        }
    }
}
