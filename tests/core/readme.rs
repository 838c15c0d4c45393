//! The README's table of transitions.

use connector_status::status::Status;

#[test]
fn the_readme_shows_the_table_of_transitions() {
    let names = Status::ALL.map(Status::name);
    let mut table = format!("| from \\ to | {} |\n|---|---|---|---|---|---|\n", names.join(" | "));
    for from in Status::ALL {
        let cells = Status::ALL.map(|to| if from.can_become(to) { "yes" } else { "no" });
        table.push_str(&format!("| **{from}** | {} |\n", cells.join(" | ")));
    }
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "README.md should have this table:\n{table}");
}
