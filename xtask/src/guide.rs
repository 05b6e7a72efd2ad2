//! The commands that a document gives its readers: they are written there, and nowhere else.
use std::{collections::BTreeMap, fs};

use crate::{Outcome, run::root};

/// The shell blocks of a document by the heading that they stand under.
pub(crate) struct Guide {
    document: &'static str,
    sections: BTreeMap<String, Vec<String>>,
}

impl Guide {
    pub(crate) fn read(document: &'static str) -> Outcome<Self> {
        let text =
            fs::read_to_string(root().join(document)).map_err(|error| format!("{document}: {error}"))?;
        Ok(Self { document, sections: Self::parse(&text) })
    }

    fn parse(text: &str) -> BTreeMap<String, Vec<String>> {
        let mut sections = BTreeMap::<String, Vec<String>>::new();
        let (mut heading, mut block) = ("", None::<String>);
        for line in text.lines() {
            match (&mut block, line) {
                (Some(_), "```") => {
                    let blocks = sections.entry(heading.to_owned()).or_default();
                    blocks.extend(block.take());
                }
                (Some(block), line) => {
                    block.push_str(line);
                    block.push('\n');
                }
                (None, "```sh") => block = Some(String::new()),
                (None, line) => heading = line.strip_prefix("## ").unwrap_or(heading),
            }
        }
        sections
    }

    /// Fails unless the document has commands for these languages and for no others, which nobody would run.
    pub(crate) fn tells_of<'a>(&self, languages: impl Iterator<Item = &'a str>) -> Outcome {
        let mut tried: Vec<_> = languages.collect();
        tried.sort_unstable();
        let told: Vec<_> = self.sections.keys().collect();
        if told == tried {
            Ok(())
        } else {
            Err(format!("{} has commands for {told:?}, tried are {tried:?}", self.document))
        }
    }

    /// The blocks below a heading.
    pub(crate) fn blocks(&self, heading: &str) -> &[String] {
        self.sections.get(heading).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::Guide;

    fn guide(text: &str) -> Guide {
        Guide { document: "a text", sections: Guide::parse(text) }
    }

    const TEXT: &str = "# Clients\n\n## Ada\n\nSo:\n\n```sh\nmake \\\n  stubs\n```\n\n```sh\ncall\n```\n\n## Words\n\nNone.\n";

    #[test]
    fn blocks_belong_to_the_heading_above_them() {
        let guide = guide(TEXT);
        assert_eq!(guide.blocks("Ada"), ["make \\\n  stubs\n", "call\n"]);
        assert!(guide.blocks("Words").is_empty());
    }

    #[test]
    fn commands_that_nobody_runs_are_an_error_and_so_is_a_language_without_commands() {
        let guide = guide(TEXT);
        assert_eq!(guide.tells_of(["Ada"].into_iter()), Ok(()));
        assert!(guide.tells_of([].into_iter()).is_err());
        assert!(guide.tells_of(["Ada", "Words"].into_iter()).is_err());
    }
}
