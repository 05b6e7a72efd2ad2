//! What can be seen of a text, by Unicode's properties of its characters and not by a list that the next version of
//! Unicode makes incomplete.
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory,
        GeneralCategoryGroup, IndicSyllabicCategory, JoiningType, PrependedConcatenationMark, Script,
        UnifiedIdeograph,
    },
};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';
/// Shows what stands before it as an emoji.
const EMOJI_STYLE: char = '\u{fe0f}';
const TEXT_STYLE: char = '\u{fe0e}';
/// Draws a key around a digit.
const KEYCAP: char = '\u{20e3}';
/// A space by what it looks like, which no property says: a braille cell without dots.
const BLANK_BRAILLE: char = '\u{2800}';
/// The flags that are spelled by invisible letters after a black flag: England, Scotland and Wales, all that Unicode
/// recommends for interchange (`emoji_tag_sequence` in emoji-sequences.txt). Such letters anywhere else only hide.
const SPELLED_FLAGS: [&str; 3] = [
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// Whether there is something to be seen: a character that is no space, no mark on another, and not invisible.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars().any(shows)
}

/// Whether a character is white space, or looks like it.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == BLANK_BRAILLE
}

/// Whether a text holds characters that can't be seen and change what is read or compared: format and control
/// characters, those that Unicode says to ignore where they can't be shown, and separators of lines and paragraphs.
/// Joiners and variation selectors are fine where they change how the characters beside them look.
pub(super) fn hides(text: &str) -> bool {
    let chars: Vec<char> = without_spelled_flags(text).chars().collect();
    (0..chars.len()).any(|at| hides_at(&chars, at))
}

fn without_spelled_flags(text: &str) -> String {
    SPELLED_FLAGS.iter().fold(text.to_owned(), |text, flag| text.replace(flag, "\u{1f3f4}"))
}

fn hides_at(chars: &[char], at: usize) -> bool {
    let c = chars[at];
    match c {
        NON_JOINER | JOINER => !joins(&chars[..at], c, &chars[at + 1..]),
        _ if is_variation_selector(c) => !varies(&chars[..at], c, chars.get(at + 1)),
        _ => {
            is_ignorable(c)
                || match category(c) {
                    GeneralCategory::Format => {
                        !CodePointSetData::new::<PrependedConcatenationMark>().contains(c)
                    }
                    GeneralCategory::Control
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator => true,
                    _ => false,
                }
        }
    }
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn shows(c: char) -> bool {
    let unseen = GeneralCategoryGroup::Mark.union(GeneralCategoryGroup::Separator);
    let unseen = unseen.union(GeneralCategoryGroup::Control);
    c != BLANK_BRAILLE && !is_ignorable(c) && !unseen.contains(category(c))
}

/// The blocks that Unicode keeps for variation selectors; they are all in use.
fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}') || is_mongolian_selector(c)
}

fn is_mongolian_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}')
}

/// Whether a variation selector stands after what it can vary: an emoji, a Chinese character, or a Mongolian letter.
fn varies(before: &[char], selector: char, next: Option<&char>) -> bool {
    let Some(&base) = before.last() else { return false };
    match selector {
        // A digit is an emoji only as a key.
        EMOJI_STYLE if base.is_ascii() => {
            CodePointSetData::new::<Emoji>().contains(base) && next == Some(&KEYCAP)
        }
        EMOJI_STYLE | TEXT_STYLE => !base.is_ascii() && CodePointSetData::new::<Emoji>().contains(base),
        _ if is_mongolian_selector(selector) => {
            CodePointMapData::<Script>::new().get(base) == Script::Mongolian && shows(base)
        }
        _ => CodePointSetData::new::<UnifiedIdeograph>().contains(base),
    }
}

/// Whether a joiner or non-joiner stands between two characters that look otherwise for it.
fn joins(before: &[char], joiner: char, after: &[char]) -> bool {
    (joiner == JOINER && joins_emoji(before, after))
        || joins_cursive(before, after)
        || joins_indic(before, after)
}

/// Rule GB11 of Unicode Standard Annex 29.
fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let pictographic = |c: &char| CodePointSetData::new::<ExtendedPictographic>().contains(*c);
    let styled = |c: &char| *c == EMOJI_STYLE || CodePointSetData::new::<EmojiModifier>().contains(*c);
    before.iter().rev().find(|c| !styled(c)).is_some_and(pictographic)
        && after.first().is_some_and(pictographic)
}

/// Letters of a cursive script, as Arabic and Syriac are, with whatever marks they have.
fn joins_cursive(before: &[char], after: &[char]) -> bool {
    let kind = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let is_mark = |c: &char| kind(c) == JoiningType::Transparent && !is_ignorable(*c);
    let joins = |c: &char| {
        !matches!(kind(c), JoiningType::NonJoining | JoiningType::Transparent) && !is_ignorable(*c)
    };
    before.iter().rev().find(|c| !is_mark(c)).is_some_and(joins)
        && after.iter().find(|c| !is_mark(c)).is_some_and(joins)
}

/// Letters and marks of one of the scripts of South and South East Asia.
fn joins_indic(before: &[char], after: &[char]) -> bool {
    let written = GeneralCategoryGroup::Letter.union(GeneralCategoryGroup::Mark);
    let is_indic = |c: &char| {
        let kind = CodePointMapData::<IndicSyllabicCategory>::new().get(*c);
        kind != IndicSyllabicCategory::Other && written.contains(category(*c)) && !is_ignorable(*c)
    };
    before.last().is_some_and(is_indic) && after.first().is_some_and(is_indic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_changes_how_text_looks_is_no_hiding() {
        for text in [
            "",
            "Ünï ☃ — «a» 100 %",
            "株式会社　例",
            "葛\u{e0100}飾区",
            "👩\u{200d}🔬 ❤\u{fe0f}\u{200d}🔥 🏳\u{fe0f}\u{200d}🌈 👩🏽\u{200d}🚀",
            "1\u{fe0f}\u{20e3} 🇨🇭 ✔\u{fe0e}",
            SPELLED_FLAGS[0],
            // Persian: "I go", "books"; the second with a mark before the non-joiner.
            "می\u{200c}روم",
            "کتابِ\u{200c}ها",
            // Devanagari and Bengali with joiners, Malayalam with a non-joiner.
            "क्\u{200d}ष",
            "র\u{200d}্য",
            "ന്\u{200c}റ",
            "ᠬ\u{180b}",
            "שלום",
            // Arabic's sign for a number, a format character that is seen.
            "\u{600}12",
        ] {
            assert!(!hides(text), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn what_is_not_seen_hides() {
        for hidden in [
            '\u{0}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            for text in
                [format!("Pay{hidden}roll"), format!("{hidden}"), format!("1{hidden}2"), format!("é{hidden}")]
            {
                assert!(hides(&text), "{}", text.escape_unicode());
            }
        }
        for text in
            ["1\u{fe0f}", "می\u{200c}", "می\u{200c}\u{200c}روم", "👩\u{200d}", "\u{1f3f4}\u{e0067}\u{e007f}"]
        {
            assert!(hides(text), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn spaces_marks_and_what_is_ignored_are_not_seen() {
        for text in ["", " ", "\u{a0}", "\u{3000}", "\u{2800}", "\u{3164}", "\u{200b}", "\u{301}", "\u{fe0f}"]
        {
            assert!(!is_visible(text), "{}", text.escape_unicode());
        }
        for text in ["a", " .", "\u{2801}", "é", "字", "☃", "7", "\u{e9}\u{301}"] {
            assert!(is_visible(text), "{}", text.escape_unicode());
        }
    }

    proptest! {
        // Whatever is taken out of a text that hides nothing can be seen: no two such texts differ by what is ignored alone,
        // unless that changes how what stands beside it looks.
        #[test]
        fn a_text_without_joiners_and_selectors_hides_nothing_that_is_ignored(text in any::<String>()) {
            let plain = |c: char| !matches!(c, NON_JOINER | JOINER) && !is_variation_selector(c);
            prop_assume!(text.chars().all(plain) && !hides(&text));
            let flags = without_spelled_flags(&text);
            prop_assert!(!flags.chars().any(|c| is_ignorable(c) || c.is_control()));
        }
    }
}
