//! The Bicep, YAML and JSON of the examples, against Azure's own types.

use crate::support::{EXAMPLES, example};
use crate::types::faults;

#[test]
fn the_bicep_fits_azures_types() {
    for (name, environment) in EXAMPLES {
        let faults = faults(&example(name, environment));
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}
