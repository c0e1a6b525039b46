//! No specification makes the parser panic, and every mistake can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trefoil_core::spec::{parse, render};

fuzz_target!(|text: &str| {
    match parse("trefoil.yaml", text, &["local", "lunar"]) {
        Ok(parsed) => {
            for environment in parsed.spec.environments.keys() {
                parsed.spec.for_environment(environment).expect("what was accepted can be merged");
            }
        }
        Err(found) => {
            assert!(!render(&found, text, false).is_empty());
        }
    }
});
