//! Invariants that the compiler cannot hold: where code may stand.

use std::fs;
use std::path::Path;

/// Every source file, by its path from `src`.
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

/// The lines of Rust files outside of some folders that contain one of these, with their place.
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
fn bindings_to_javascript_stand_in_the_runtime_and_in_the_browser_package_only() {
    let bindings = ["extern \"C\"", "js_sys", "web_sys"];
    assert_eq!(found(&bindings, &["edge/runtime/", "browser/"]), Vec::<String>::new());
}

#[test]
fn the_pure_modules_know_no_runtime() {
    let runtime = ["wasm_bindgen", "worker::", "SystemTime", "Instant", "getrandom", "std::net"];
    assert_eq!(found(&runtime, &["edge/", "browser/"]), Vec::<String>::new());
}

#[test]
fn sql_looks_for_texts_of_callers_in_one_place_only_which_is_charged() {
    let searches = ["instr(", " LIKE ", " GLOB ", " REGEXP "];
    let hits = found(&searches, &[]);
    assert!(hits.len() == 1 && hits[0].contains("list.rs"), "{hits:?}");
}
