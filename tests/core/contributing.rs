//! Carries out the example in CONTRIBUTING.md on a copy of the project.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The first block in that language after a mark in the text, unindented.
fn block(text: &str, mark: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let after = text.split_once(mark).expect("the step is there").1;
    let block = after.split_once(&fence).expect("it has a block").1.split_once("```").unwrap().0;
    block.lines().map(|line| format!("{}\n", line.trim_start_matches("   "))).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Prepares the copy's own target folder, with links to the compiled dependencies. With a shared
/// folder, cargo would confuse the copy's test program with the project's, because they have the
/// same name.
fn seed(shared: &Path, target: &Path) {
    if target.exists() {
        return;
    }
    let is_own = |name: &str| {
        let names = ["connector", "libconnector", "core-"];
        names.iter().any(|own| name.starts_with(own))
    };
    // Fingerprints first: cargo writes them last, so a crate that has one is complete.
    for folder in ["debug/.fingerprint", "debug/build", "debug/deps"] {
        link(&shared.join(folder), &target.join(folder), &is_own);
    }
}

/// Hard-links a folder's files, except those left out. Cargo compiles again what cannot be linked.
fn link(from: &Path, to: &Path, leave_out: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if leave_out(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if from.is_dir() {
            link(&from, &to, leave_out);
        } else {
            drop(fs::hard_link(from, to));
        }
    }
}

#[test]
fn following_contributing_adds_a_working_endpoint() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let project = shared.join("contributing/project");
    let target = shared.join("contributing/target");
    drop(fs::remove_dir_all(&project));
    seed(shared, &target);
    for folder in ["src", "tests", "benches"] {
        if root.join(folder).exists() {
            copy(&root.join(folder), &project.join(folder));
        }
    }
    for file in ["Cargo.toml", "Cargo.lock", "README.md", "CONTRIBUTING.md", "rust-toolchain.toml"]
    {
        fs::copy(root.join(file), project.join(file)).unwrap();
    }

    let endpoints = project.join("src/api/endpoints/mod.rs");
    let source = fs::read_to_string(&endpoints).unwrap();
    let start = source.find("pub static ALL: [Endpoint; ").expect("the list of endpoints");
    let (before, list) = source.split_at(start);
    let (count, rest) =
        list.trim_start_matches("pub static ALL: [Endpoint; ").split_once(']').unwrap();
    let one_more = count.parse::<usize>().unwrap() + 1;
    let declaration = block(&text, "1. Declare it", "rust");
    let rest = rest.replacen(" = [\n", &format!(" = [\n{declaration}"), 1);
    fs::write(&endpoints, format!("{before}pub static ALL: [Endpoint; {one_more}]{rest}")).unwrap();
    let table = block(&text, "2. Say what it answers", "json");
    fs::write(project.join("tests/tables/owner.json"), table).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--locked", "--test", "core", "tables::"])
        // The copy's tests run once, so compiling it without optimizations is faster.
        .args(["--config", "profile.dev.package.connector-status.opt-level=0"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
}
