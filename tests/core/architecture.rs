//! Rules about which code may be in which folder, which the compiler cannot check.

use std::fs;
use std::path::Path;

/// All source files, by their paths in `src`.
fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, root: &Path, into: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, into);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                into.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut all = Vec::new();
    collect(root, root, &mut all);
    all.sort();
    assert!(all.len() > 30, "{all:?}");
    all
}

/// Lines of Rust files outside of the allowed folders that contain one of the texts, with their
/// places.
fn found(texts: &[&str], allowed: &[&str]) -> Vec<String> {
    let is_outside = |name: &str| !allowed.iter().any(|folder| name.starts_with(folder));
    sources()
        .iter()
        .filter(|(name, _)| name.ends_with(".rs") && is_outside(name))
        .flat_map(|(name, text)| {
            let lines = text.lines().enumerate();
            let hits = lines.filter(|(_, line)| texts.iter().any(|text| line.contains(text)));
            hits.map(|(n, line)| format!("{name}:{}: {}", n + 1, line.trim())).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn only_the_runtime_and_the_browser_package_use_bindings_to_javascript() {
    let bindings = ["extern \"C\"", "js_sys", "web_sys"];
    assert_eq!(found(&bindings, &["edge/runtime/", "browser/"]), Vec::<String>::new());
}

#[test]
fn pure_modules_do_not_depend_on_a_runtime() {
    let runtime = ["wasm_bindgen", "worker::", "SystemTime", "Instant", "getrandom", "std::net"];
    assert_eq!(found(&runtime, &["edge/", "browser/"]), Vec::<String>::new());
}

#[test]
fn only_lists_search_text_in_sql() {
    let searches = ["instr(", " LIKE ", " GLOB ", " REGEXP "];
    let hits = found(&searches, &[]);
    assert!(hits.len() == 1 && hits[0].contains("list.rs"), "{hits:?}");
}
