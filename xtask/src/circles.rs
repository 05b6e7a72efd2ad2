//! Which files of a crate import which: never in a circle, through `pub use` neither. Tests may. What counts is what a file
//! imports by `use`, and what it names from the crate's root, from itself or from what is above it. A module's file that
//! calls a function of a file within it by that module's name, as those of handlers do, is one room with it.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, ItemUse, Path as SynPath, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::{
    Outcome,
    files::read,
    run::{root, say},
};

/// A module: the names on the way to it from the root of its crate.
type Module = Vec<String>;

/// Which files each file imports.
type Imports<'a> = BTreeMap<&'a PathBuf, BTreeSet<&'a PathBuf>>;

/// What a crate consists of.
#[derive(Default)]
struct Crate {
    /// The file that each module is in.
    files: BTreeMap<Module, PathBuf>,
    /// What a module has under another name: its `pub use`, of whatever visibility.
    exports: HashMap<(Module, String), Module>,
    /// The paths that a module names.
    paths: Vec<(Module, Module)>,
}

/// Fails if files import each other in a circle.
pub(crate) fn check() -> Outcome {
    let mut circles = Vec::new();
    let folders = std::fs::read_dir(root().join("crates")).map_err(|error| format!("crates: {error}"))?;
    let mut folders: Vec<_> = folders.flatten().map(|entry| entry.path().join("src")).collect();
    folders.sort();
    for folder in &folders {
        let mut it = Crate::default();
        it.module(&folder.join("lib.rs"), folder, &Module::new())?;
        circles.extend(it.circles().iter().map(|circle| it.shown(circle)));
    }
    if !circles.is_empty() {
        return Err(format!("files that import each other in a circle: {}", circles.join("; ")));
    }
    say(format!("no files of {} crates import each other in a circle", folders.len()));
    Ok(())
}

impl Crate {
    /// Reads a module's file, and those of the modules in it.
    fn module(&mut self, file: &Path, folder: &Path, module: &Module) -> Outcome {
        let source = read(file)?;
        let syntax = syn::parse_file(&source).map_err(|error| format!("{}: {error}", file.display()))?;
        self.items(&syntax.items, file, folder, module)
    }

    fn items(&mut self, items: &[Item], file: &Path, folder: &Path, module: &Module) -> Outcome {
        self.files.insert(module.clone(), file.to_owned());
        // What is in a module is known before what it imports, in whatever order they are written.
        let (modules, others): (Vec<_>, Vec<_>) = items.iter().partition(|item| matches!(item, Item::Mod(_)));
        for item in modules.into_iter().chain(others) {
            match item {
                Item::Mod(inner) if is_test(&inner.attrs) => {}
                Item::Mod(inner) => {
                    let name = inner.ident.to_string();
                    let (below, inside) = (folder.join(&name), [module.clone(), vec![name.clone()]].concat());
                    if let Some((_, items)) = &inner.content {
                        self.items(items, file, &below, &inside)?;
                    } else {
                        let flat = folder.join(format!("{name}.rs"));
                        let file = if flat.is_file() { flat } else { below.join("mod.rs") };
                        self.module(&file, &below, &inside)?;
                    }
                }
                Item::Use(it) if !is_test(&it.attrs) => self.import(it, module),
                Item::Impl(it) if is_test(&it.attrs) => {}
                Item::Fn(it) if is_test(&it.attrs) => {}
                other => {
                    let mut named = Named { module, paths: Vec::new() };
                    named.visit_item(other);
                    self.paths.extend(named.paths.into_iter().map(|path| (module.clone(), path)));
                }
            }
        }
        Ok(())
    }

    fn import(&mut self, item: &ItemUse, module: &Module) {
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (path, name) in leaves {
            let Some(path) = absolute(&path, module).or_else(|| self.of_child(&path, module)) else {
                continue;
            };
            if matches!(item.vis, Visibility::Inherited) {
                self.paths.push((module.clone(), path));
            } else {
                self.exports.insert((module.clone(), name), path);
            }
        }
    }

    /// A path that begins with a module within.
    fn of_child(&self, path: &[String], module: &Module) -> Option<Module> {
        let inside = [module.clone(), vec![path.first()?.clone()]].concat();
        self.files.contains_key(&inside).then(|| [module.clone(), path.to_vec()].concat())
    }

    /// The file that has what a path names: that of the innermost module on it, or what that has from elsewhere.
    fn file(&self, path: &[String], depth: usize) -> Option<&PathBuf> {
        let modules = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let export =
            path.get(modules).and_then(|name| self.exports.get(&(path[..modules].to_vec(), name.clone())));
        match export {
            // As deep as any chain of `pub use` is; one that leads to itself does not compile.
            Some(from) if depth < 8 => {
                let rest = path.get(modules + 1..).unwrap_or_default();
                self.file(&[from.clone(), rest.to_vec()].concat(), depth + 1)
            }
            _ => self.files.get(&path[..modules]),
        }
    }

    /// Which files each file imports.
    fn imports(&self) -> Imports<'_> {
        let mut imports = Imports::new();
        for (module, path) in &self.paths {
            if let (Some(from), Some(to)) = (self.files.get(module), self.file(path, 0))
                && from != to
            {
                imports.entry(from).or_default().insert(to);
            }
        }
        imports
    }

    /// The imports that make a circle.
    fn shown(&self, circle: &BTreeSet<PathBuf>) -> String {
        let name = |path: &Path| path.strip_prefix(root()).unwrap_or(path).display().to_string();
        let within = |(from, to): (&PathBuf, BTreeSet<&PathBuf>)| {
            let to: Vec<_> = to.into_iter().filter(|to| circle.contains(*to)).map(|to| name(to)).collect();
            circle.contains(from).then(|| format!("{} imports {}", name(from), to.join(", ")))
        };
        self.imports().into_iter().filter_map(within).collect::<Vec<_>>().join("; ")
    }

    /// Every set of files of which each leads to each other one.
    fn circles(&self) -> Vec<BTreeSet<PathBuf>> {
        let imports = self.imports();
        let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
            imports.keys().map(|from| (*from, reach(from, &imports))).collect();
        let mut circles = BTreeSet::new();
        for (from, to) in &reached {
            let circle =
                to.iter().filter(|other| reached.get(**other).is_some_and(|back| back.contains(from)));
            let circle: BTreeSet<PathBuf> = circle.map(|file| (*file).clone()).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reach<'a>(from: &'a PathBuf, imports: &Imports<'a>) -> BTreeSet<&'a PathBuf> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(imports.get(file).into_iter().flatten().filter(|to| seen.insert(**to)));
    }
    seen
}

/// The paths of a `use`, each with the name that it gives.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push((before.clone(), before.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => leaves.push(leaf(before, &name.ident.to_string(), &name.ident.to_string())),
        UseTree::Rename(name) => leaves.push(leaf(before, &name.ident.to_string(), &name.rename.to_string())),
        UseTree::Glob(_) => leaves.push((before.clone(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
    }
}

fn leaf(before: &[String], last: &str, name: &str) -> (Vec<String>, String) {
    ([before.to_vec(), vec![last.to_owned()]].concat(), name.to_owned())
}

/// A path that begins with `crate`, `super` or `self`, from the root of its crate.
fn absolute(path: &[String], module: &Module) -> Option<Module> {
    let (mut from, mut rest) = (module.clone(), path);
    match rest.first().map(String::as_str) {
        Some("crate") => from.clear(),
        Some("self") => {}
        Some("super") => {
            from.pop();
        }
        _ => return None,
    }
    rest = &rest[1..];
    while rest.first().is_some_and(|name| name == "super") {
        from.pop();
        rest = &rest[1..];
    }
    Some([from, rest.to_vec()].concat())
}

fn is_test(attributes: &[Attribute]) -> bool {
    let tests = |attribute: &Attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<SynPath>().is_ok_and(|condition| condition.is_ident("test"))
    };
    attributes.iter().any(tests)
}

/// The paths that code names where it uses them.
struct Named<'a> {
    module: &'a Module,
    paths: Vec<Module>,
}

impl<'ast> Visit<'ast> for Named<'_> {
    fn visit_path(&mut self, path: &'ast SynPath) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.paths.extend(absolute(&names, self.module));
        visit::visit_path(self, path);
    }

    /// For whom something is there is no import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these modules, each with its source; the root has the name "".
    fn circles_of(modules: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut it = Crate::default();
        for (name, _) in modules {
            it.files.insert(module(name), PathBuf::from(name));
        }
        for (name, source) in modules {
            let items = syn::parse_file(source).expect("a source").items;
            it.items(&items, Path::new(name), Path::new(name), &module(name)).expect("read");
        }
        let shown =
            |circle: &BTreeSet<PathBuf>| circle.iter().map(|file| file.display().to_string()).collect();
        it.circles().iter().map(shown).collect()
    }

    fn module(name: &str) -> Module {
        name.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let there = [("a", "use crate::b::B;"), ("b", "use super::a::A;"), ("c", "use crate::a::A;")];
        assert_eq!(circles_of(&there), [["a", "b"]]);
        assert!(circles_of(&[("a", "use crate::b::B;"), ("b", "fn b() {}")]).is_empty());
    }

    #[test]
    fn a_path_in_the_code_is_an_import_and_so_is_what_is_there_under_another_name() {
        let there = [("", "pub use a::A;"), ("a", "fn a() { crate::b::b() }"), ("b", "use crate::A;")];
        assert_eq!(circles_of(&there), [["a", "b"]]);
    }

    #[test]
    fn tests_may_import_what_they_like_and_a_module_within_is_no_import() {
        let there = [("a", "use crate::b::B;"), ("b", "#[cfg(test)] mod tests { use crate::a::A; }")];
        assert!(circles_of(&there).is_empty());
        assert!(circles_of(&[("a", "use self::b::B;"), ("a::b", "struct B;")]).is_empty());
    }
}
