//! What holds in a running application: variable, then the environment's overrides, then the
//! specification.

mod common;

use std::path::Path;

use common::Town;

/// The variables of the process that has `GREETING` and works for the town in `folder`.
fn variables_of_application(folder: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let environments = processes.filter_map(|entry| {
        let bytes = std::fs::read(entry.path().join("environ")).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ours = text.contains(&*folder.to_string_lossy()) && text.contains("GREETING=");
        ours.then(|| text.split('\0').map(str::to_owned).collect::<Vec<_>>())
    });
    environments.into_iter().next().expect("the application runs")
}

#[test]
fn a_variable_wins_over_the_overrides_over_the_specification() {
    let town = Town::new("  variables: { GREETING: base, PLACE: base, THIRD: base }");
    let file = town.path().join("trefoil.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let place = text.lines().find(|line| line.trim_start().starts_with("west:")).unwrap();
    let overriding = place.replace(
        " }",
        ", overrides: { application: { variables: { GREETING: west, PLACE: west } } } }",
    );
    std::fs::write(&file, text.replace(place, &overriding)).unwrap();

    let set = [("TREFOIL_APPLICATION__VARIABLES__PLACE", "variable")];
    let up = town.run_with(&["up", "west"], &set);
    assert_eq!(up.code, 0, "{} {}", up.error, up.stderr);
    let variables = variables_of_application(town.path());
    for expected in ["GREETING=west", "PLACE=variable", "THIRD=base"] {
        assert!(variables.contains(&expected.to_owned()), "{expected}: {variables:?}");
    }
}
