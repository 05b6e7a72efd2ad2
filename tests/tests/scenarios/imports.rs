//! Who imports whom among these files: a scenario what is in `acts`, and no other scenario; acts one another.
use std::{fs, path::Path};

/// What is there for all.
const FOR_ALL: [&str; 3] = ["acts", "declare", "rounds"];

/// The names that follow `crate::` in a text, one or several in braces.
fn imported(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for after in text.split("crate::").skip(1) {
        let Some(braces) = after.strip_prefix('{') else {
            names.extend(after.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next());
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, letter) in braces.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    names.extend(braces[start..at].split("::").next().map(str::trim));
                    start = at + 1;
                    if letter == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Holds the files of a folder against what they may import.
fn check(folder: &Path, allowed: &[&str]) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += check(&path, allowed);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        for name in imported(&text) {
            assert!(allowed.contains(&name), "{} imports crate::{name}", path.display());
        }
        files += 1;
    }
    files
}

#[test]
fn scenarios_import_acts_and_no_other_area() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut areas = Vec::new();
    for entry in fs::read_dir(&root).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            areas.push(path);
        }
    }
    let mut files = 0;
    for area in &areas {
        let name = area.file_name().and_then(|name| name.to_str()).expect("a name");
        // An area has what only it needs: `gate::oracle`.
        files += match name {
            "acts" => check(area, &["acts"]),
            "gate" => check(area, &[&FOR_ALL[..], &["gate"]].concat()),
            _ => check(area, &FOR_ALL),
        };
    }
    assert!(areas.len() > 5 && files > 60, "{} areas, {files} files", areas.len());
}

#[test]
fn imports_are_read_also_out_of_braces() {
    let text = "use crate::{\n    acts::{apps::x, y},\n    rounds::rounds,\n};\nlet a = crate::gate::b();";
    assert_eq!(imported(text), ["acts", "rounds", "gate"]);
}
